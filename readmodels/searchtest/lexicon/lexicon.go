package lexicon

import "strings"

// Latin is the nth word, of a syllable for each power of 85 in n; of 0 it is
// empty.
func Latin(n uint64) string {
	const consonants, vowels = "tnshrdlcmwfgypbvk", "eaoiu"
	var b strings.Builder
	for ; n > 0; n /= 85 {
		b.WriteByte(consonants[n%17])
		b.WriteByte(vowels[n/17%5])
	}
	return b.String()
}

// Han is the nth word of two characters.
func Han(n uint64) string {
	const first, characters = '一', 3000
	return string([]rune{first + rune(n*7%characters), first + rune((n*13+n/characters)%characters)})
}
