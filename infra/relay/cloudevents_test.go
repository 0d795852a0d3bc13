package relay

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/kafka"
)

var kafkaPublisher = kafka.PublisherConfig{}

func encoder(t *testing.T) *Encoder {
	t.Helper()
	c, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	return NewEncoder(c, "parley")
}

// Q2: topic, key and headers of events, by CloudEvents 1.0's Kafka binding.
func TestEncode(t *testing.T) {
	t.Parallel()
	e, epoch := encoder(t), uuid.MustParse("0190a000-0000-7000-8000-000000000001")
	post, id := uuid.NewString(), uuid.New()
	rec := event.Record{
		Position: 42, Stream: "comment-" + uuid.NewString(), Revision: 3, ID: id, Type: "comment.edited.v1",
		Time: time.Date(2026, 1, 2, 3, 4, 5, 60e6, time.UTC), ContentType: event.ContentJSON,
		Data:     []byte(`{"post":"` + post + `","body":{"sealed":"k1","value":"AAAA"}}`),
		Metadata: []byte(`{"actor":"a","correlation":"c","causation":"d","trace":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}`),
	}
	topic, m, err := e.Encode(context.Background(), epoch, rec)
	if err != nil {
		t.Fatal(err)
	}
	want := message.Metadata{
		"ce_specversion": "1.0", "ce_source": "/parley/" + epoch.String(), "ce_type": "comment.edited.v1", "ce_subject": rec.Stream,
		"ce_time": "2026-01-02T03:04:05.060Z", "ce_position": "42", "ce_revision": "3", "ce_partitionkey": post, "content-type": "application/json",
		"ce_actor": "a", "ce_correlation": "c", "ce_causation": "d", "ce_traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	if topic != "parley.forum" || m.UUID != id.String() || string(m.Payload) != string(rec.Data) || len(m.Metadata) != len(want) {
		t.Errorf("%s, %s, %s, %v", topic, m.UUID, m.Payload, m.Metadata)
	}
	for name, value := range want {
		if m.Metadata[name] != value {
			t.Errorf("%s is %q, not %q", name, m.Metadata[name], value)
		}
	}
	for name := range m.Metadata {
		if attribute, ok := strings.CutPrefix(name, "ce_"); ok && (len(attribute) > 20 || strings.Trim(attribute, "abcdefghijklmnopqrstuvwxyz0123456789") != "") {
			t.Errorf("%s is no name of an attribute", name)
		}
	}
}

// Q2: what an outside writer says of its events is told only where it is so,
// and every record comes back exactly as it stands in the log.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	e, epoch := encoder(t), uuid.New()
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		typ, data, metadata, says string
	}{
		"ours alike":       {event.ContentJSON, `{"a":1}`, `{"actor":"me"}`, event.ContentJSON},
		"no metadata":      {event.ContentJSON, `[]`, ``, event.ContentJSON},
		"empty metadata":   {event.ContentJSON, `[]`, `{}`, event.ContentJSON},
		"other metadata":   {event.ContentJSON, `"x"`, `{ "$by": "me", "actor":"you" }`, event.ContentJSON},
		"metadata no JSON": {event.ContentJSON, `1`, "\x00\xff", event.ContentJSON},
		"long actor":       {event.ContentJSON, `1`, `{"actor":"` + long + `"}`, event.ContentJSON},
		"control actor":    {event.ContentJSON, `1`, `{"actor":"a\nb"}`, event.ContentJSON},
		"HTML in actor":    {event.ContentJSON, `1`, `{"actor":"<a>"}`, event.ContentJSON},
		"binary":           {event.ContentBinary, "\x00\x01", `{}`, event.ContentBinary},
		"JSON, it says":    {event.ContentJSON, `{"a":`, `{}`, event.ContentBinary},
		"nothing":          {event.ContentJSON, ``, `{}`, event.ContentBinary},
	} {
		rec := event.Record{
			Position: 7, Stream: "game-chess-1", Revision: 1, ID: uuid.New(), Type: "Played!", Time: time.Now().UTC().Truncate(time.Millisecond),
			ContentType: c.typ, Data: []byte(c.data), Metadata: []byte(c.metadata),
		}
		topic, m, err := e.Encode(context.Background(), epoch, rec)
		if err != nil {
			t.Fatal(name, err)
		}
		if topic != "parley.outside" || m.Metadata[headerPartitionKey] != rec.Stream || m.Metadata[headerContentType] != c.says {
			t.Errorf("%s: %s, %v", name, topic, m.Metadata)
		}
		for header, value := range m.Metadata {
			if header != headerMetadata && (len(value) > maxAttribute || strings.ContainsAny(value, "\n\x00")) {
				t.Errorf("%s: %s is %q", name, header, value)
			}
		}
		back, of, err := Decode(m)
		if err != nil || of != epoch {
			t.Errorf("%s: %v, %v", name, of, err)
		}
		if problem := differ(back, rec); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// Messages that the relay did not write are told from events.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	e := encoder(t)
	for name, spoil := range map[string]func(*message.Message){
		"source":   func(m *message.Message) { m.Metadata[headerSource] = "/elsewhere" },
		"id":       func(m *message.Message) { m.UUID = "1" },
		"type":     func(m *message.Message) { delete(m.Metadata, headerType) },
		"subject":  func(m *message.Message) { delete(m.Metadata, headerSubject) },
		"position": func(m *message.Message) { m.Metadata[headerPosition] = "-1" },
		"revision": func(m *message.Message) { delete(m.Metadata, headerRevision) },
		"time":     func(m *message.Message) { m.Metadata[headerTime] = "yesterday" },
		"metadata": func(m *message.Message) { m.Metadata[headerMetadata] = "%" },
	} {
		_, m, err := e.Encode(context.Background(), uuid.New(), event.Record{Position: 1, Stream: "game-1", ID: uuid.New(), Type: "x", ContentType: event.ContentJSON})
		if err != nil {
			t.Fatal(err)
		}
		if spoil(m); true {
			if rec, _, err := Decode(m); err == nil {
				t.Errorf("%s: taken for %+v", name, rec)
			}
		}
	}
}

// Q2: every category of ours has its topic; all else is outside.
func TestTopics(t *testing.T) {
	t.Parallel()
	e := encoder(t)
	for want, filter := range map[string]event.Filter{
		"parley.chat parley.forum parley.inbox parley.ops parley.outside parley.people": {},
		"parley.chat":                 {Categories: []string{"chat", "receipt"}},
		"parley.forum parley.people":  {Categories: []string{"session", "comment"}},
		"parley.outside":              {Categories: []string{"game"}},
		"parley.inbox parley.outside": {Types: []string{"inbox.read.v1"}},
	} {
		if got := strings.Join(sorted(Topics(e.catalogue, "parley", filter)), " "); got != want {
			t.Errorf("%v: %s, not %s", filter, got, want)
		}
	}
}
