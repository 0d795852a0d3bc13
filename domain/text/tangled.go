package text

import "strings"

// Bounds beyond which a text is no Markdown that anybody wrote by hand, and
// parsing it would take time by the square of its length.
const (
	maxOpeners = 1000 // "[", or "~~"
	maxNesting = 50   // quotes and lists in each other
)

// Tangled says whether a text is to be taken as plain text, although Markdown
// is expected: so that a few hostile posts cannot keep everybody waiting.
// Tables hold what follows from it, so it never changes without a new version
// of them.
func Tangled(s string) bool {
	if strings.Count(s, "[") > maxOpeners || strings.Count(s, "~~") > maxOpeners {
		return true
	}
	for line := range strings.Lines(s) {
		if nesting(line) > maxNesting {
			return true
		}
	}
	return false
}

// nesting counts the marks of quotes and list items that begin a line.
func nesting(line string) int {
	marks, digits := 0, false
	for i := range len(line) {
		b := line[i]
		spaced := i+1 == len(line) || strings.IndexByte(" \t\r\n", line[i+1]) >= 0
		switch {
		case b == '>', (b == '-' || b == '+' || b == '*') && spaced, (b == '.' || b == ')') && digits && spaced:
			marks++
			digits = false
		case b >= '0' && b <= '9':
			digits = true
		case b == ' ' || b == '\t':
			digits = false
		default:
			return marks
		}
	}
	if strings.Trim(line, "-*+ \t\r\n") == "" { // a rule
		return 0
	}
	return marks
}
