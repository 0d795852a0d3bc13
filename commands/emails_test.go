package commands

import (
	"strings"
	"testing"
)

// FuzzParseEmail holds what names depend on: what is taken is one address on
// one line, and folding it again changes nothing.
func FuzzParseEmail(f *testing.F) {
	for _, s := range []string{"ada@example.org", "Ada@Bücher.example", "straße@x.org", "\"a\"@x.org", "a@b", "İ@x.org", "a@xn--a.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, problem := parseEmail(s)
		if problem != "" {
			return
		}
		if strings.ContainsAny(e.address+e.folded, "\r\n\x00 <>,") || strings.Count(e.address, "@") < 1 {
			t.Fatalf("%q was taken as %+v", s, e)
		}
		for _, again := range []string{e.address, e.folded} {
			if f, problem := parseEmail(again); problem != "" || f.folded != e.folded {
				t.Fatalf("%q folds to %q, and %q to %q (%s)", s, e.folded, again, f.folded, problem)
			}
		}
	})
}
