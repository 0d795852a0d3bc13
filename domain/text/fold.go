package text

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is the form in which two texts are compared: NFKC_Casefold (UAX 31)
// without the removal of ignorable characters. Names and hashtags of stored
// events depend on it, so it never changes.
func Fold(s string) string {
	return norm.NFKC.String(strings.Map(cherokee, cases.Fold().String(norm.NFKC.String(s))))
}

// cherokee folds Cherokee to its capitals, as Unicode does, for it had no small
// letters at first. Package cases makes either of the other.
func cherokee(r rune) rune {
	switch {
	case r >= 'ᏸ' && r <= 'ᏽ':
		return r - 'ᏸ' + 'Ᏸ'
	case r >= 'ꭰ' && r <= 'ꮿ':
		return r - 'ꭰ' + 'Ꭰ'
	}
	return r
}

// FoldName folds a name of one line: as Fold, every run of white space one
// space, none at the ends.
func FoldName(s string) string { return strings.Join(strings.Fields(Fold(s)), " ") }
