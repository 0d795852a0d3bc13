package relay

import (
	"context"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Headers of a message, by the Kafka binding of CloudEvents 1.0 in binary
// mode. The message's UUID is the attribute id (ce_id); the partition key is
// the record's key too. Names of extensions are lower-case letters and digits.
const (
	headerVersion      = "ce_specversion"
	headerSource       = "ce_source"
	headerType         = "ce_type"
	headerSubject      = "ce_subject"
	headerTime         = "ce_time"
	headerPosition     = "ce_position"
	headerRevision     = "ce_revision"
	headerPartitionKey = "ce_partitionkey"
	headerActor        = "ce_actor"
	headerCorrelation  = "ce_correlation"
	headerCausation    = "ce_causation"
	headerTrace        = "ce_traceparent" // the extension for distributed tracing
	headerRequest      = "ce_request"
	headerMetadata     = "ce_metadata"   // base64, where the attributes above do not say all of it
	headerStoredAs     = "ce_storedtype" // content type in the log, where it is not what the data is
	headerContentType  = "content-type"
)

const (
	specVersion  = "1.0"
	sourcePrefix = "/parley/"
	timeFormat   = "2006-01-02T15:04:05.000Z"
	usualHeaders = 14  // nine, and one for each word of the metadata; a fifteenth doubles the room of a map
	maxAttribute = 256 // bytes; what outside writers put into longer ones stands in ce_metadata alone
)

// Encoder turns records of the log into messages. It needs no keys: what is
// sealed stays so.
type Encoder struct {
	catalogue *event.Catalogue
	codec     *event.Codec
	topics    map[event.Context]string
	newest    atomic.Pointer[source]
}

type source struct {
	epoch uuid.UUID
	text  string
}

// NewEncoder makes an encoder for topics that begin with prefix and a dot.
func NewEncoder(c *event.Catalogue, prefix string) *Encoder {
	topics := map[event.Context]string{event.Outside: Topic(prefix, event.Outside)}
	for _, d := range c.Definitions() {
		topics[d.Context] = Topic(prefix, d.Context)
	}
	return &Encoder{catalogue: c, codec: event.NewCodec(c, noKeys{}), topics: topics}
}

// noKeys opens nothing: the roots of events are never sealed.
type noKeys struct{}

func (noKeys) SealingKey(context.Context, event.Owner) (string, cipher.AEAD, error) {
	return "", nil, event.ErrKeyGone
}

func (noKeys) OpeningKey(context.Context, string) (cipher.AEAD, error) { return nil, event.ErrKeyGone }

// Topic is where events of a context are.
func Topic(prefix string, part event.Context) string { return prefix + "." + string(part) }

// Topics are where the events are that filter keeps, sorted.
func Topics(c *event.Catalogue, prefix string, filter event.Filter) []string {
	var topics []string
	for _, d := range c.Definitions() {
		newest, _ := c.Newest(d.Name)
		if filter.Match(d.Category(), d.Name) {
			topics = append(topics, Topic(prefix, newest.Context))
		}
	}
	if len(filter.Categories) == 0 || slices.ContainsFunc(filter.Categories, func(category string) bool { return !c.Owns(category) }) {
		topics = append(topics, Topic(prefix, event.Outside))
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// Encode is a record as a message, and the topic it belongs into. Its source
// names the epoch: the same position of another epoch is another event.
// Errors: event.ErrUnknownType, or what is wrong with the data of one of ours;
// such an event has no root and must not be passed over.
func (e *Encoder) Encode(ctx context.Context, epoch uuid.UUID, rec event.Record) (topic string, m *message.Message, err error) {
	part, key := event.Outside, rec.Stream
	if e.catalogue.Owns(rec.Category()) {
		d, err := e.codec.Decode(ctx, rec)
		if err != nil {
			return "", nil, fmt.Errorf("relay: the root of event %s: %w", rec.ID, err)
		}
		part, key = d.Definition.Context, d.Root()
	}
	m = message.NewMessageWithContext(ctx, rec.ID.String(), rec.Data)
	time, position, revision := figures(rec)
	headers := make(message.Metadata, usualHeaders)
	headers[headerVersion], headers[headerSource] = specVersion, e.source(epoch)
	headers[headerType], headers[headerSubject] = rec.Type, rec.Stream
	headers[headerTime], headers[headerPosition], headers[headerRevision] = time, position, revision
	headers[headerPartitionKey], headers[headerContentType] = key, rec.ContentType
	if part == event.Outside && rec.ContentType == event.ContentJSON && !json.Valid(rec.Data) { // its writer says what is not so
		headers[headerContentType], headers[headerStoredAs] = event.ContentBinary, rec.ContentType
	}
	said, all := plain(rec.Metadata)
	if !all {
		said, all = readMetadata(rec.Metadata)
	}
	for _, a := range said {
		if a.value != "" {
			headers[a.header] = a.value
		}
	}
	if !all {
		headers[headerMetadata] = base64.StdEncoding.EncodeToString(rec.Metadata)
	}
	m.Metadata = headers
	return e.topics[part], m, nil
}

// figures are the record's time, position and revision, of one piece.
func figures(rec event.Record) (time, position, revision string) {
	var room [len(timeFormat) + 2*20]byte // 20: the digits of the largest number
	b := rec.Time.UTC().AppendFormat(room[:0], timeFormat)
	first := len(b)
	b = strconv.AppendUint(b, rec.Position, 10)
	second := len(b)
	all := string(strconv.AppendUint(b, rec.Revision, 10))
	return all[:first], all[first:second], all[second:]
}

// source is the attribute of an epoch. All but the first call for it only
// look it up.
func (e *Encoder) source(epoch uuid.UUID) string {
	if s := e.newest.Load(); s != nil && s.epoch == epoch {
		return s.text
	}
	s := &source{epoch, sourcePrefix + epoch.String()}
	e.newest.Store(s)
	return s.text
}

// Decode is the record of a message, as it stands in the log, and the epoch
// that its position belongs to.
// Errors: what of it is missing or cannot be read; such a message is none of
// the relay's.
func Decode(m *message.Message) (rec event.Record, epoch uuid.UUID, err error) {
	fail := func(header string, err error) (event.Record, uuid.UUID, error) {
		return event.Record{}, uuid.Nil, fmt.Errorf("relay: no event of ours: %s is %q: %w", header, m.Metadata[header], err)
	}
	if epoch, err = uuid.Parse(strings.TrimPrefix(m.Metadata[headerSource], sourcePrefix)); err != nil {
		return fail(headerSource, err)
	}
	rec = event.Record{
		Stream: m.Metadata[headerSubject], Type: m.Metadata[headerType], ContentType: m.Metadata[headerContentType], Data: m.Payload,
	}
	if rec.Stream == "" || rec.Type == "" {
		return fail(headerSubject, errors.New("an event has a stream and a type"))
	}
	if rec.ID, err = uuid.Parse(m.UUID); err != nil {
		return event.Record{}, uuid.Nil, fmt.Errorf("relay: no event of ours: id %q: %w", m.UUID, err)
	}
	if rec.Position, err = strconv.ParseUint(m.Metadata[headerPosition], 10, 64); err != nil {
		return fail(headerPosition, err)
	}
	if rec.Revision, err = strconv.ParseUint(m.Metadata[headerRevision], 10, 64); err != nil {
		return fail(headerRevision, err)
	}
	if rec.Time, err = time.Parse(time.RFC3339, m.Metadata[headerTime]); err != nil {
		return fail(headerTime, err)
	}
	rec.Time = rec.Time.UTC()
	if stored := m.Metadata[headerStoredAs]; stored != "" {
		rec.ContentType = stored
	}
	if raw, ok := m.Metadata[headerMetadata]; !ok {
		rec.Metadata = metadata(m.Metadata)
	} else if rec.Metadata, err = base64.StdEncoding.DecodeString(raw); err != nil {
		return fail(headerMetadata, err)
	}
	return rec, epoch, nil
}
