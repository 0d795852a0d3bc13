package push

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/parleyhq/parley/domain/fault"
)

// FuzzRequest: whatever a client sends is a request, a fault, or no object at
// all; and what is a request was valid JSON.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"id":"1","do":"subscribe","topic":"room:0190a5d2-0000-7000-8000-000000000000","after":41,"epoch":"x","position":"y"}`,
		`{"id":"1","do":"send","room":"0190a5d2-0000-7000-8000-000000000000","text":"x","images":[],"replyTo":1,"clientId":"c"}`,
		`{"id":"1","do":"read","topic":"inbox","number":1}`, `{"id":"1","do":"auth","token":"t"}`, `{"id":1}`, `{}`, `[]`, `null`, `{"id":"1"}{}`,
		"{\"id\":\"\xff\"}", `{"id":"\ud800","do":"ping"}`, `{"after":18446744073709551616}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRequest(raw)
		switch {
		case errors.Is(err, errNoObject):
			return
		case err != nil && fault.As(err) == nil:
			t.Fatalf("%q: %v", raw, err)
		case err == nil && (r.ID == nil || *r.ID == "" || len(*r.ID) > maxRequestID):
			t.Fatalf("%q: a request without an id", raw)
		}
		if !utf8.Valid(raw) || !json.Valid(raw) {
			t.Fatalf("%q: is no JSON, and yet %v", raw, err)
		}
		if _, err := textFrame(answer{Re: r.ID}); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzTopic: a name of a topic is its own canonical form.
func FuzzTopic(f *testing.F) {
	for _, s := range []string{"inbox", "feed", "room:0190a5d2-0000-7000-8000-000000000000", "board:x", ":", "room:urn:uuid:0190a5d2-0000-7000-8000-000000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := topicNamed(s, newID()); ok && n.wire != s {
			t.Fatalf("%q is %q", s, n.wire)
		}
	})
}
