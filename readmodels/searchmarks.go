package readmodels

import (
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of what is shown of a long text, in characters.
const (
	maxFragments = 3
	fragmentSize = 160
	wholeText    = 300 // shown whole, not in fragments
)

// Highlight gives the parts of a text around the words that match it, as HTML
// with <mark> around the words and everything else escaped; nil where none
// does. It looks at the text that is shown, not at what the index holds: so a
// highlight is never older than its hit.
func Highlight(s string, words []Word) []string {
	f := foldPlaces(s)
	var marks []span
	for _, w := range words {
		marks = f.find(w, marks)
	}
	if len(marks) == 0 {
		return nil
	}
	marks = merged(marks)
	if utf8.RuneCountInString(s) <= wholeText {
		return []string{mark(s, span{0, len(s)}, marks)}
	}
	var out []string
	for len(marks) > 0 && len(out) < maxFragments {
		part, inside := fragment(s, marks)
		out = append(out, mark(s, part, marks[:inside]))
		marks = marks[inside:]
	}
	return out
}

// HighlightName marks how the words of a name begin, where that is looked for:
// a handle is found by nothing else.
func HighlightName(name string, words []Word) []string {
	f := foldPlaces(name)
	return markName(name, f.beginnings(words))
}

// HighlightTitle is HighlightName for a name that is found by whole words too,
// with typos in them.
func HighlightTitle(name string, words []Word) []string {
	f := foldPlaces(name)
	marks := f.beginnings(words)
	for _, w := range words {
		marks = f.find(w, marks)
	}
	return markName(name, marks)
}

func markName(name string, marks []span) []string {
	if len(marks) == 0 {
		return nil
	}
	return []string{mark(name, span{0, len(name)}, merged(marks))}
}

// span is bytes of a text, the end exclusive.
type span struct{ from, to int }

// folded is a text as it is compared, and where each of its characters comes
// from.
type folded struct {
	runes  []rune
	places []span
}

// foldPlaces folds piece by piece: what can be composed stays together.
func foldPlaces(s string) folded {
	f := folded{runes: make([]rune, 0, len(s)), places: make([]span, 0, len(s))}
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf && (i+1 == len(s) || s[i+1] < utf8.RuneSelf) {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			f.runes, f.places = append(f.runes, rune(c)), append(f.places, span{i, i + 1})
			i++
			continue
		}
		n := max(norm.NFKC.NextBoundaryInString(s[i:], true), 1)
		piece := s[i : i+n]
		if r, size := utf8.DecodeRuneInString(piece); size < n || !('ぁ' <= r && r <= 'ヺ' || '一' <= r && r <= '鿿') {
			piece = fold(piece) // most of those two ranges are their own fold
		}
		for _, r := range piece {
			f.runes, f.places = append(f.runes, r), append(f.places, span{i, i + n})
		}
		i += n
	}
	return f
}

// find adds where a word stands.
func (f folded) find(w Word, marks []span) []span {
	word := []rune(w.Text)
	if len(word) == 0 {
		return marks
	}
	for i := 0; i < len(f.runes); {
		if cjk(word[0]) { // anywhere among its like
			if i+len(word) <= len(f.runes) && slices.Equal(f.runes[i:i+len(word)], word) {
				marks = append(marks, f.span(i, i+len(word)))
				i += len(word)
			} else {
				i++
			}
			continue
		}
		if !f.inWord(i) {
			i++
			continue
		}
		end := i
		for end < len(f.runes) && f.inWord(end) {
			end++
		}
		if to := f.match(i, end, word, w.Typos); to > 0 {
			marks = append(marks, f.span(i, to))
		}
		i = end
	}
	return marks
}

// beginnings are where words of a text begin with one of those looked for.
func (f folded) beginnings(words []Word) (marks []span) {
	for i, r := range f.runes {
		if !f.wordy(i) || i > 0 && f.wordy(i-1) && cjk(f.runes[i-1]) == cjk(r) {
			continue // nothing begins here
		}
		for _, w := range words {
			word := []rune(w.Text)
			if to := i + len(word); to <= len(f.runes) && slices.Equal(f.runes[i:to], word) {
				marks = append(marks, f.span(i, to))
			}
		}
	}
	return marks
}

// inWord says whether a character is part of a word with spaces around it.
func (f folded) inWord(i int) bool { return f.wordy(i) && !cjk(f.runes[i]) }

// wordy says whether a character is part of a word: a mark where what it is on
// is, so that those of emoji are not.
func (f folded) wordy(i int) bool {
	for i > 0 && unicode.IsMark(f.runes[i]) {
		i--
	}
	return wordy(f.runes[i]) && !unicode.IsMark(f.runes[i])
}

// match says where word ends, if it begins where the text's word [i, end) does
// and ends with a word; else 0. A word with signs in it spans several.
func (f folded) match(i, end int, word []rune, typos int) int {
	if typos > 0 {
		if f.runes[i] == word[0] && alike(f.runes[i:end], word, typos) {
			return end
		}
		return 0
	}
	to := i + len(word)
	if to > len(f.runes) || !slices.Equal(f.runes[i:to], word) || to < len(f.runes) && f.inWord(to) {
		return 0
	}
	return to
}

func (f folded) span(from, to int) span { return span{f.places[from].from, f.places[to-1].to} }

// alike says whether two words differ in at most typos letters that are
// missing, too many, wrong or swapped (optimal string alignment).
func alike(a, b []rune, typos int) bool {
	if abs(len(a)-len(b)) > typos {
		return false
	}
	var older, old []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		older, old, row = old, row, make([]int, len(b)+1)
		row[0] = i + 1
		best := row[0]
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(old[j]+cost, old[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
			best = min(best, row[j+1])
		}
		if best > typos {
			return false
		}
	}
	return row[len(b)] <= typos
}

func abs(n int) int { return max(n, -n) }

// merged sorts marks and joins those that touch or overlap.
func merged(marks []span) []span {
	slices.SortFunc(marks, func(a, b span) int { return a.from - b.from })
	out := marks[:1]
	for _, m := range marks[1:] {
		if last := &out[len(out)-1]; m.from <= last.to {
			last.to = max(last.to, m.to)
		} else {
			out = append(out, m)
		}
	}
	return out
}

// fragment is the part of a text that begins a little before the first mark,
// and how many marks lie in it.
func fragment(s string, marks []span) (part span, inside int) {
	const before = fragmentSize / 4
	part = span{marks[0].from, marks[0].from}
	for range before {
		_, n := utf8.DecodeLastRuneInString(s[:part.from])
		part.from -= n
	}
	for range fragmentSize - before {
		_, n := utf8.DecodeRuneInString(s[part.to:])
		part.to += n
	}
	for inside < len(marks) && marks[inside].from < part.to {
		part.to = max(part.to, marks[inside].to) // no mark is cut
		inside++
	}
	return part, inside
}

// mark escapes a part of a text and marks what is to be marked.
func mark(s string, part span, marks []span) string {
	var b strings.Builder
	if part.from > 0 {
		b.WriteString("…")
	}
	at := part.from
	for _, m := range marks {
		from := max(m.from, at) // of a mark that began in the fragment before
		b.WriteString(html.EscapeString(s[at:from]))
		b.WriteString("<mark>")
		b.WriteString(html.EscapeString(s[from:m.to]))
		b.WriteString("</mark>")
		at = m.to
	}
	b.WriteString(html.EscapeString(s[at:part.to]))
	if part.to < len(s) {
		b.WriteString("…")
	}
	return b.String()
}
