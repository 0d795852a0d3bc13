package account

import (
	"strings"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"github.com/parleyhq/parley/domain/text"
)

// FoldHandle gives the one spelling under which a handle is kept: NFKC, then
// the case mapping of PRECIS UsernameCaseMapped (RFC 8265). What is wrong with
// it otherwise: "required", "too_short", "too_long" or "characters".
func FoldHandle(s string, l Limits) (handle, problem string) {
	if s == "" {
		return "", text.Required
	}
	if len(s) > 16*l.HandleMax { // folding more would be work for nothing
		return "", text.TooLong
	}
	folded, err := precis.UsernameCaseMapped.String(norm.NFKC.String(s))
	if err != nil {
		return "", text.Characters
	}
	for i := range len(folded) {
		if b := folded[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '_' {
			return "", text.Characters
		}
	}
	switch {
	case len(folded) < l.HandleMin:
		return "", "too_short"
	case len(folded) > l.HandleMax:
		return "", text.TooLong
	}
	return folded, ""
}

// skeletons is UTS 39's confusables within a–z, 0–9 and "_", case ignored,
// and "vv", which it leaves to the font. FROZEN: streams are named after it.
var skeletons = strings.NewReplacer("0", "o", "1", "l", "m", "rn", "w", "vv")

// Skeleton is what a folded handle looks like: handles of one skeleton are one
// name, for one owner.
func Skeleton(handle string) string { return skeletons.Replace(handle) }
