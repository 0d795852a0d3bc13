package account

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// latin are letters that no decomposition takes apart.
var latin = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ı", "i")

// SuggestHandle makes a handle of a name as people write it: "Zoë Müller" is
// zoe_muller. It is "" where too little of the name can stand in a handle.
func SuggestHandle(name string, l Limits) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(latin.Replace(cases.Fold().String(name))) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.IsLetter(r) || unicode.Is(unicode.M, r) || r == '\'' || r == '’': // of other scripts; Zoë, O'Brien
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
		if b.Len() > l.HandleMax {
			break
		}
	}
	handle := b.String()
	handle = strings.Trim(handle[:min(len(handle), l.HandleMax)], "_")
	if folded, problem := FoldHandle(handle, l); problem == "" {
		return folded
	}
	return ""
}
