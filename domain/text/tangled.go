package text

import (
	"strings"
	"unicode/utf8"
)

// Bounds beyond which a text is no Markdown that anybody wrote by hand, and
// parsing it would take time by the square of its length.
const (
	maxOpeners  = 1000 // "[", or "~~", or "www."
	maxCode     = 1500 // runs of "`"
	maxEmphasis = 4000 // runs of "*", "_" or "~" that may begin or end something
	maxNesting  = 50   // quotes and lists in each other
)

// Tangled says whether a text is to be taken as plain text, although Markdown
// is expected: so that a few hostile posts cannot keep everybody waiting.
// Tables hold what follows from it, so it never changes without a new version
// of them.
func Tangled(s string) bool {
	for _, opener := range []string{"[", "~~", "www."} {
		if strings.Count(s, opener) > maxOpeners {
			return true
		}
	}
	if code, emphasis := delimiters(s); code > maxCode || emphasis > maxEmphasis {
		return true
	}
	for line := range strings.Lines(s) {
		if nesting(line) > maxNesting {
			return true
		}
	}
	return false
}

// delimiters counts the runs of "`" and those of "*", "_" and "~" that do not
// stand alone; "_" within a word is a letter.
func delimiters(s string) (code, emphasis int) {
	for i := 0; i < len(s); {
		sign, from := s[i], i
		if i++; strings.IndexByte("`*_~", sign) < 0 {
			continue
		}
		for i < len(s) && s[i] == sign {
			i++
		}
		before, after := byte(' '), byte(' ')
		if from > 0 {
			before = s[from-1]
		}
		if i < len(s) {
			after = s[i]
		}
		switch {
		case sign == '`':
			code++
		case blank(before) && blank(after), sign == '_' && inWord(before) && inWord(after):
		default:
			emphasis++
		}
	}
	return code, emphasis
}

func blank(b byte) bool { return strings.IndexByte(" \t\r\n", b) >= 0 }

// inWord takes any character outside of ASCII for a letter.
func inWord(b byte) bool {
	return b >= utf8.RuneSelf || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// nesting counts the marks of quotes and list items that begin a line.
func nesting(line string) int {
	marks, digits := 0, false
	for i := range len(line) {
		b := line[i]
		spaced := i+1 == len(line) || blank(line[i+1])
		switch {
		case b == '>', (b == '-' || b == '+' || b == '*') && spaced, (b == '.' || b == ')') && digits && spaced:
			marks++
			digits = false
		case b >= '0' && b <= '9':
			digits = true
		case (b == ' ' || b == '\t') && !digits:
		default:
			return marks
		}
	}
	for _, sign := range []string{"-", "*"} {
		if strings.Trim(line, sign+" \t\r\n") == "" { // a rule
			return 0
		}
	}
	return marks
}
