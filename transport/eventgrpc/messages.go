package eventgrpc

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Keys of an event's system metadata.
const (
	keyType        = "type"
	keyContentType = "content-type"
	keyCreated     = "created" // Unix time in ticks of 100 ns
)

func identifier(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}

// nameOf reads a stream's name.
func nameOf(id *shared.StreamIdentifier) (string, error) {
	name := string(id.GetStreamName())
	if name == "" || !utf8.ValidString(name) {
		return "", badRequest("a stream's name is UTF-8 and not empty")
	}
	return name, nil
}

// idOf reads an id in either form.
func idOf(id *shared.UUID) (uuid.UUID, error) {
	var out uuid.UUID
	switch v := id.GetValue().(type) {
	case *shared.UUID_Structured_:
		binary.BigEndian.PutUint64(out[:8], uint64(v.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(out[8:], uint64(v.Structured.GetLeastSignificantBits()))
		return out, nil
	case *shared.UUID_String_:
		out, err := uuid.Parse(v.String_)
		if err != nil {
			return out, badRequest("%q is no id: %s", v.String_, err)
		}
		return out, nil
	}
	return out, badRequest("an id is missing")
}

func idMessage(id uuid.UUID, structured bool) *shared.UUID {
	if !structured {
		return &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
	}
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
	}}}
}

// eventOf reads a proposed event; all forms of append send the same fields.
func eventOf(id *shared.UUID, system map[string]string, data, custom []byte) (event.Event, error) {
	parsed, err := idOf(id)
	if err != nil {
		return event.Event{}, err
	}
	typ, content := system[keyType], system[keyContentType]
	switch {
	case typ == "" || content == "":
		return event.Event{}, badRequest("an event's metadata need %s and %s", keyType, keyContentType)
	case typ == tombstoneType:
		return event.Event{}, badRequest("events of type %s are written by Tombstone alone", tombstoneType)
	case content != event.ContentJSON:
		content = event.ContentBinary
	}
	return event.Event{ID: parsed, Type: typ, ContentType: content, Data: data, Metadata: custom}, nil
}

// recorded is a record as readers get it.
func recorded(r event.Record, structured bool) *streams.ReadResp {
	content := r.ContentType
	if content != event.ContentJSON {
		content = event.ContentBinary
	}
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               idMessage(r.ID, structured),
			StreamIdentifier: identifier(r.Stream),
			StreamRevision:   r.Revision,
			PreparePosition:  r.Position,
			CommitPosition:   r.Position,
			Metadata: map[string]string{
				keyType: r.Type, keyContentType: content, keyCreated: strconv.FormatInt(r.Time.UnixMilli()*10_000, 10),
			},
			CustomMetadata: r.Metadata,
			Data:           r.Data,
		},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: r.Position},
	}}}
}

// revision expects exactly r.
func revision(r uint64) (event.Expected, error) {
	if r > math.MaxInt64 {
		return 0, badRequest("no stream has a revision of %d", r)
	}
	return event.At(r), nil
}
