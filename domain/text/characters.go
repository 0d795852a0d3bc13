package text

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const (
	// maxMarks is how many marks may stand on one letter: as many as the
	// Stream-Safe Text Format has (UAX 15). More only blacken the lines around.
	maxMarks = 30

	// A text has room for maxRunBytes a character, and a short one for
	// maxClusterBytes, as it may well be emoji alone.
	maxRunBytes     = 4
	maxClusterBytes = 40
	shortText       = 8 << 10 // bytes

	rightToLeftOverride = '\u202e'
	leftToRightOverride = '\u202d'
)

// Fits says whether s has at most most characters as a reader counts them:
// extended grapheme clusters (UAX 29), so that a letter with its marks is one,
// and so is a family. What they may be made of is bounded in bytes: 4 a
// character, or 40 up to 8 KiB.
func Fits(s string, most int) bool {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return true
	}
	room := max(maxRunBytes*most, min(maxClusterBytes*most, shortText))
	return len(s) <= room && uniseg.GraphemeClusterCount(s) <= most
}

// writable says whether a text can be kept and shown without harm to what
// stands around it: no controls but white space, no turning of the direction
// against the letters' own, no pile of marks, and one line unless it has lines.
func writable(s string, lines bool) bool {
	marks := 0
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return false
			}
		case harms(r):
			return false
		case !lines && breaksLine(r):
			return false
		}
		if r < utf8.RuneSelf || !unicode.IsMark(r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			return false
		}
	}
	return true
}

// harms says whether a character is a control that is no white space, or turns
// the direction against the letters' own.
func harms(r rune) bool {
	return unicode.IsControl(r) && !unicode.IsSpace(r) || r == leftToRightOverride || r == rightToLeftOverride
}

// Tame is s with U+FFFD for what no text may hold, and without what is too much
// in a pile of marks. It is for what is made of a text after that was looked at:
// Markdown has entities for all characters.
func Tame(s string) string {
	if writable(s, true) {
		return s
	}
	marks := 0
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || !unicode.IsMark(r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			return -1
		}
		if harms(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

func breaksLine(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

const brailleBlank = '\u2800'

// visible says whether a character shows anything by itself: white space,
// controls, joiners, marks and fillers do not.
func visible(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cc, unicode.Cf, unicode.M, unicode.Other_Default_Ignorable_Code_Point) && r != brailleBlank
}

// LoneSurrogate says whether a string in JSON escapes half a character, which
// encoding/json turns into U+FFFD without a word. raw is valid JSON.
func LoneSurrogate(raw []byte) bool {
	high := false // the escape just before was a first half
	for i := 0; i < len(raw); i++ {
		var r rune
		if raw[i] == '\\' {
			i++
			if raw[i] == 'u' {
				n, _ := strconv.ParseUint(string(raw[i+1:i+5]), 16, 16)
				r = rune(n)
				i += 4
			}
		}
		low := r >= 0xDC00 && r <= 0xDFFF
		if high != low {
			return true
		}
		high = r >= 0xD800 && r <= 0xDBFF
	}
	return false
}
