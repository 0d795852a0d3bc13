package readmodels

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parleyhq/parley/domain/text"
)

// Word is one part of what is looked for. A document matches it where one of
// its texts holds the word's tokens next to each other, or, if Typos is not 0,
// a token that differs from it in so many letters behind the first.
type Word struct {
	Text  string // folded, without white space
	Typos int    // 0, 1 or 2; only where the word is one token of letters
}

// MaxWords bounds the words of one query; each costs a look-up in every text.
const MaxWords = 24

// Letters that a word needs for typos to be forgiven, and has at most: the
// automaton that finds them grows with the word.
const (
	oneTypo  = 4
	twoTypos = 8
	noTypo   = 25
)

// Words are the words of a query, each once. Characters without letters and
// digits are none. It gives MaxWords+1 at most.
func Words(query string) []Word {
	var words []Word
	known := map[string]bool{}
	for field := range strings.FieldsSeq(Searchable(query)) {
		w := core(field)
		if w == "" || known[w] {
			continue
		}
		known[w] = true
		words = append(words, Word{Text: w, Typos: typos(w)})
		if len(words) > MaxWords {
			break
		}
	}
	return words
}

// core is a field without the signs at its ends and the marks on them: those
// that make a sign an emoji are no word. It is empty where nothing is a letter
// or a digit.
func core(field string) string {
	from, to := len(field), 0
	inWord, says := false, false
	for i, r := range field {
		if !unicode.IsMark(r) {
			inWord = wordy(r)
			says = says || inWord && r != '_'
		}
		if inWord {
			from, to = min(from, i), i+utf8.RuneLen(r)
		}
	}
	if !says {
		return ""
	}
	return field[from:to]
}

// typos is how many are forgiven in a word: none in numbers, names with signs
// in them, and scripts that are cut into pairs of characters.
func typos(word string) int {
	for _, r := range word {
		if !unicode.IsLetter(r) || cjk(r) {
			return 0
		}
	}
	switch n := utf8.RuneCountInString(word); {
	case n >= noTypo:
		return 0
	case n >= twoTypos:
		return 2
	case n >= oneTypo:
		return 1
	}
	return 0
}

// Searchable is a text as it is indexed and looked for: folded, with a space
// wherever a script that is written without spaces begins or ends. So engines
// need not agree where words of two scripts part, nor on how widths, cases and
// ligatures fold.
func Searchable(s string) string {
	folded := fold(s)
	var b strings.Builder
	done, before := 0, rune(' ')
	for i, r := range folded {
		if cjk(r) != cjk(before) && wordy(r) && wordy(before) {
			b.WriteString(folded[done:i])
			b.WriteByte(' ')
			done = i
		}
		before = r
	}
	if done == 0 {
		return folded
	}
	b.WriteString(folded[done:])
	return b.String()
}

// fold is text.Fold, with the one apostrophe that keyboards have: phones write
// another one, also within words.
func fold(s string) string { return strings.ReplaceAll(text.Fold(s), "’", "'") }

// wordy says whether a character is part of words.
func wordy(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' || 'A' <= r && r <= 'Z'
	}
	return unicode.In(r, unicode.Letter, unicode.Number, unicode.Mark)
}

// cjk says whether a character is of a script that engines cut into pairs.
// The marks that lengthen and voice kana belong to it.
func cjk(r rune) bool {
	return r >= 0x1100 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r == 'ー' || r == '\u3099' || r == '\u309A')
}
