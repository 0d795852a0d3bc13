package relay

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/parleyhq/parley/domain/event"
)

// attribute is one that metadata has a word for.
type attribute struct{ header, value string }

// words are those of event.Meta, in the order in which they stand in the log,
// each as it begins there.
var words = [...]struct{ begins, header string }{
	{`"actor":"`, headerActor}, {`"correlation":"`, headerCorrelation}, {`"causation":"`, headerCausation},
	{`"trace":"`, headerTrace}, {`"request":"`, headerRequest},
}

type attributes [len(words)]attribute

// plain reads metadata as ours nearly always is: the very bytes that
// encoding/json makes of event.Meta, with nothing in them to escape and each
// value presentable. The attributes then say all of it. Everything else is
// for readMetadata, which is ten times slower.
func plain(raw []byte) (a attributes, ok bool) {
	rest, ok := strings.CutPrefix(string(raw), "{")
	if !ok {
		return a, false
	}
	some := false
	for i, word := range words {
		a[i].header = word.header
		from := rest
		if some {
			if from, ok = strings.CutPrefix(rest, ","); !ok {
				continue
			}
		}
		value, ok := strings.CutPrefix(from, word.begins)
		if !ok {
			continue
		}
		end := strings.IndexByte(value, '"')
		if end < 1 || end > maxAttribute || !simple(value[:end]) {
			return a, false
		}
		a[i].value, rest, some = value[:end], value[end+1:], true
	}
	return a, rest == "}"
}

// simple says whether encoding/json writes a text as it is.
func simple(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// readMetadata gives what of any metadata can be presented, and whether that
// says all of it.
func readMetadata(raw []byte) (a attributes, all bool) {
	m := event.Record{Metadata: raw}.Meta()
	a = attributes{
		{headerActor, m.Actor}, {headerCorrelation, m.Correlation}, {headerCausation, m.Causation}, {headerTrace, m.Trace}, {headerRequest, m.Request},
	}
	said := message.Metadata{}
	for i := range a {
		if !presentable(a[i].value) {
			a[i].value = ""
		}
		said[a[i].header] = a[i].value
	}
	return a, bytes.Equal(metadata(said), raw)
}

// presentable says whether a value may be a CloudEvents attribute: some text,
// not too long, without control characters.
func presentable(value string) bool {
	return value != "" && len(value) <= maxAttribute && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f || r == '\uFFFD' })
}

// metadata is what the attributes of a message say of a record's metadata, in
// the form in which ours stand in the log.
func metadata(m message.Metadata) []byte {
	raw, _ := json.Marshal(event.Meta{ // strings alone: never fails
		Actor: m[headerActor], Correlation: m[headerCorrelation], Causation: m[headerCausation],
		Trace: m[headerTrace], Request: m[headerRequest],
	})
	return raw
}
