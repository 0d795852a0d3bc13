package dump

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/parleyhq/parley/domain/fault"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	l, err := parse([]byte(` {"kind":"reaction","author":"1","comment":"2","reaction":"like","at":"2019-03-04T10:01:00.1239+02:00"} `), 0, now)
	want := Line{Kind: "reaction", Author: "1", Comment: "2", Reaction: "like", At: time.Date(2019, 3, 4, 8, 1, 0, 123_000_000, time.UTC)}
	if err != nil || l != want {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := parse([]byte("null"), 0, now); !errors.Is(err, errMalformed) {
		t.Errorf("null: %v", err)
	}
}

// A line says what it says: half of a character is refused, not replaced.
func TestHalved(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`x`: false, `\n\"\\`: false, `\u00e9`: false, `\ud83e\udd86`: false, `\uD83E\uDD86\ud83e\udd86`: false, `\\ud83e`: false, `\\\\ud83e`: false,
		`\ud83e`: true, `\udd86`: true, `\ud83e \udd86`: true, `\ud83e\ud83e\udd86`: true, `\ud83e\udd86\udd86`: true, `\ud83e\n`: true, `\\\ud83e`: true,
	} {
		line := `{"kind":"board","id":"1","at":"2019-03-01T09:00:00Z","name":"` + text + `"}`
		if _, err := parse([]byte(line), 0, now); errors.Is(err, errMalformed) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// All times move together, so that the newest of the lines that can be read is
// where it was asked to be; a time that is not there stays away.
func TestTimesMove(t *testing.T) {
	t.Parallel()
	const old, newest, none = `{"kind":"board","id":"1","at":"2019-03-01T09:00:00Z"}`, `{"kind":"board","id":"2","at":"2040-03-04T09:00:00Z"}`, `{"kind":"board","id":"3"}`
	at, err := Newest(strings.NewReader(strings.Join([]string{old, newest, "", "null", `{"kind":"song","at":"2050-01-01T00:00:00Z"}`, none}, "\n")))
	if err != nil || !at.Equal(time.Date(2040, 3, 4, 9, 0, 0, 0, time.UTC)) {
		t.Fatalf("newest: %v, %v", at, err)
	}
	shift := now.Sub(at)
	if l, err := parse([]byte(newest), shift, now); err != nil || !l.At.Equal(now) {
		t.Errorf("newest: %+v, %v", l, err)
	}
	if l, err := parse([]byte(old), time.Hour, now); err != nil || !l.At.Equal(time.Date(2019, 3, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("old: %+v, %v", l, err)
	}
	if l, err := parse([]byte(none), shift, now); err == nil || !l.At.IsZero() {
		t.Errorf("none: %+v, %v", l, err)
	}
	if at, err := Newest(strings.NewReader("")); err != nil || !at.IsZero() {
		t.Errorf("newest of nothing: %v, %v", at, err)
	}
	if at, err := Newest(strings.NewReader(strings.Repeat(" ", maxLine+1) + "\n" + old)); err != nil || at.Year() != 2019 {
		t.Errorf("behind a long line: %v, %v", at, err)
	}
}

// Lines are handed out whole, however they end; of one that is too long,
// enough to see that.
func TestEach(t *testing.T) {
	t.Parallel()
	full, over := strings.Repeat("f", maxLine), strings.Repeat("o", maxLine+1)
	in := "\uFEFFfirst\r\n\n\uFEFFthird\n" + full + "\r\n" + over + "\n" + strings.Repeat("o", 3*maxLine) + "\r\n" + full + "\nlast"
	var got []string
	err := each(strings.NewReader(in), func(n int, raw []byte) error {
		if n != len(got)+1 {
			t.Errorf("line %d after %d", n, len(got))
		}
		got = append(got, string(raw))
		return nil
	})
	want := []string{"first", "", "\uFEFFthird", full, "over", "over", full, "last"}
	for i := range got {
		if len(got[i]) > maxLine && strings.Trim(got[i], "o") == "" {
			got[i] = "over"
		}
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d lines: %v", len(got), err)
	}
	for _, end := range []string{"", "\n", "\r\n", "\n\n"} {
		lines := 0
		err := each(strings.NewReader("a"+end), func(int, []byte) error { lines++; return nil })
		if err != nil || lines != max(1, strings.Count(end, "\n")) {
			t.Errorf("%q: %d lines, %v", end, lines, err)
		}
	}
	broken := errors.New("broken")
	for _, before := range []string{"a\nhalf", "a\n" + over, over + over} {
		lines := 0
		err := each(io.MultiReader(strings.NewReader(before), iotest.ErrReader(broken)), func(int, []byte) error { lines++; return nil })
		if !errors.Is(err, broken) || lines != 1 {
			t.Errorf("%d lines, %v", lines, err)
		}
	}
}

// Whatever a line is, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"kind":"post","id":"1","at":"2019-03-04T09:00:00Z","author":"1","board":"g","title":"x","body":"y"}`))
	f.Add([]byte(`{"kind":"account","id":"1","at":"2019-03-01T09:00:00+02:00","handle":"ines","email":"ines@example.org"}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"at":7}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := parse(raw, 0, now)
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
