package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is the form in which two texts are compared: NFKC_Casefold (UAX 31)
// without the removal of ignorable characters, for which see FoldName and
// FoldHashtag. Names and hashtags of stored events depend on it, so it never
// changes.
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

// FoldName folds a name of one line, so that two which look the same are the
// same: as Fold, without what is not seen, every run of white space one space,
// none at the ends.
func FoldName(s string) string {
	return strings.Join(strings.Fields(Fold(strings.Map(func(r rune) rune {
		switch {
		case r == brailleBlank:
			return ' '
		case ignorable(r):
			return -1
		}
		return r
	}, s))), " ")
}

// ignorable says whether a character is not seen by itself: joiners, spaces
// without width, marks of direction, selectors of variants, tags and fillers
// (Default_Ignorable_Code_Point of UAX 44, and what annotates).
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}
