package text

import (
	"strings"

	"github.com/google/uuid"
)

// Quote puts the ids of mentioned accounts in the place of their handles:
// "@bob" becomes "@0190f3c4-…". tokens are those of s in rising order; a
// handle that nobody has stays as it is. Events hold quoted text, so that a
// text follows a changed handle and forgets an erased one.
func Quote(s string, tokens []Token, accounts map[string]uuid.UUID) string {
	var b strings.Builder
	done := 0
	for _, t := range tokens {
		id, ok := accounts[t.Name]
		if t.Kind != Mention || !ok {
			continue
		}
		b.WriteString(s[done:t.Start])
		b.WriteByte('@')
		b.WriteString(id.String())
		done = t.End
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// Nobody stands in a text for a mentioned account that is gone.
const Nobody = "deleted"

// Unquote puts handles back where Quote put ids; handle answers "" for an
// account that is gone. Only the ids of mentions are looked for. It serves
// HTML as well as text, as ids and handles need no escaping.
func Unquote(s string, mentions []uuid.UUID, handle func(uuid.UUID) string) string {
	if len(mentions) == 0 || s == "" {
		return s
	}
	pairs := make([]string, 0, 2*len(mentions))
	for _, id := range mentions {
		h := handle(id)
		if h == "" {
			h = Nobody
		}
		pairs = append(pairs, "@"+id.String(), "@"+h)
	}
	return strings.NewReplacer(pairs...).Replace(s)
}
