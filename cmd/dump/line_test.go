package dump

import (
	"errors"
	"testing"
	"time"

	"github.com/parleyhq/parley/domain/fault"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	l, err := parse([]byte(` {"kind":"reaction","author":"1","comment":"2","reaction":"like","at":"2019-03-04T10:01:00.1239+02:00"} `), now)
	want := Line{Kind: "reaction", Author: "1", Comment: "2", Reaction: "like", At: time.Date(2019, 3, 4, 8, 1, 0, 123_000_000, time.UTC)}
	if err != nil || l != want {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := parse([]byte("null"), now); !errors.Is(err, errMalformed) {
		t.Errorf("null: %v", err)
	}
}

// Whatever a line is, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"kind":"post","id":"1","at":"2019-03-04T09:00:00Z","author":"1","board":"g","title":"x","body":"y"}`))
	f.Add([]byte(`{"kind":"account","id":"1","at":"2019-03-01T09:00:00+02:00","handle":"ines","email":"ines@example.org"}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"at":7}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := parse(raw, now)
		if err != nil {
			if fault.As(err) == nil {
				t.Fatalf("no reason: %v", err)
			}
			return
		}
		if l.Kind == "" || l.At.IsZero() || l.At.After(now) {
			t.Fatalf("%q was taken: %+v", raw, l)
		}
		place{"import", l}.origin()
	})
}
