package eventstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

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

// system begins the names of the server's own streams and types.
const system = "$"

func isSystem(r event.Record) bool {
	return strings.HasPrefix(r.Stream, system) || strings.HasPrefix(r.Type, system)
}

// recordOf reads an event. Errors: what no server of a known version sends.
func recordOf(read *streams.ReadResp_ReadEvent) (event.Record, error) {
	e := read.GetEvent()
	if e == nil {
		return event.Record{}, errors.New("the event store sent a link without its event")
	}
	r := event.Record{
		Position: e.GetCommitPosition(), Stream: string(e.GetStreamIdentifier().GetStreamName()), Revision: e.GetStreamRevision(),
		Type: e.GetMetadata()[keyType], ContentType: event.ContentBinary, Data: e.GetData(),
	}
	if r.Position == math.MaxUint64 {
		return event.Record{}, errors.New("the event store does not say where in the log an event of a stream stands: version 22.10 is the first that does")
	}
	if e.GetMetadata()[keyContentType] == event.ContentJSON {
		r.ContentType = event.ContentJSON
	}
	var err error
	if r.ID, err = idOf(e.GetId()); err != nil {
		return event.Record{}, fmt.Errorf("%s@%d: %w", r.Stream, r.Revision, err)
	}
	r.Metadata, r.Time, _ = cutTime(e.GetCustomMetadata())
	if r.Time.IsZero() {
		ticks, err := strconv.ParseInt(e.GetMetadata()[keyCreated], 10, 64)
		if err != nil {
			return event.Record{}, fmt.Errorf("%s@%d: its time: %w", r.Stream, r.Revision, err)
		}
		r.Time = time.UnixMilli(ticks / 10_000).UTC()
	}
	return r, nil
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
		return uuid.Parse(v.String_)
	}
	return out, errors.New("its id is missing")
}

func idMessage(id uuid.UUID) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
	}}}
}
