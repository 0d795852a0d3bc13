package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

const family = "👨\u200d👩\u200d👧\u200d👦" // 25 bytes, one character

// F2, F4: lengths count what a reader counts, within bounds of bytes.
func TestFits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		one  string // of which most are to fit, and one more is not
		most int
	}{
		{"letters", "a", 200},
		{"ideographs", "日", 200},
		{"emoji", "😀", 200},
		{"families", family, 200},
		{"flags", "🇯🇵", 200},
		{"flags of tags", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 200},
		{"skins", "👍🏽", 200},
		{"composed letters", "\u00e9", 200},
		{"decomposed letters", "e\u0301", 200},
		{"syllables of jamo", "\u1112\u1161\u11ab", 200},
		{"syllables with vowels", "हि", 200},
		{"consonants and vowels", "วั", 200},
		{"line ends", "\r\n", 200},
		{"long texts", "e\u0301", 40_000},
	} {
		if !text.Fits(strings.Repeat(test.one, test.most), test.most) {
			t.Errorf("%s: %d do not fit", test.name, test.most)
		}
		if text.Fits(strings.Repeat(test.one, test.most)+"x", test.most) {
			t.Errorf("%s: %d and one more fit", test.name, test.most)
		}
	}
	for name, s := range map[string]string{
		"one character of 1 MiB":     "👨" + strings.Repeat("\u200d👨", 150_000),
		"marks without end":          "a" + strings.Repeat("\u0301", 500_000),
		"a long chain in a title":    strings.Repeat("👨"+strings.Repeat("\u200d👨", 100), 20),
		"families in a long text":    strings.Repeat(family, 40_000),
		"more bytes than characters": strings.Repeat("a"+strings.Repeat("\u0301", 30), 200),
	} {
		most := 200
		if strings.Contains(name, "long text") {
			most = 40_000
		}
		if text.Fits(s, most) {
			t.Errorf("%s: %d bytes fit", name, len(s))
		}
	}
	if !text.Fits("a"+strings.Repeat("\u0301", 19), 1) {
		t.Error("one letter with 19 marks is more than one")
	}
}

// F2, F4: what a field takes, and what counts as nothing.
func TestWritable(t *testing.T) {
	t.Parallel()
	const anywhere, inBlocks, nowhere = 0, 1, 2
	for s, where := range map[string]int{
		"plain": anywhere, "tab\there": anywhere, "日本語 العربية עברית हिन्दी": anywhere, family: anywhere, "\u2067שלום\u2069": anywhere, "می\u200cخواهم": anywhere,
		"\u200eleft\u200f": anywhere, "e" + strings.Repeat("\u0301", 30): anywhere, "\ufffd": anywhere, "\U000e0001": anywhere, "\ue000": anywhere,
		"two\nlines": inBlocks, "two\r\nlines": inBlocks, "two\u2028lines": inBlocks, "two\u2029lines": inBlocks, "two\u0085lines": inBlocks, "a\vb": inBlocks, "a\fb": inBlocks,
		"nul\x00": nowhere, "bell\x07": nowhere, "escape\x1b[31m": nowhere, "delete\x7f": nowhere, "c1\u009b31m": nowhere,
		"back\bspace": nowhere, "turned\u202eround": nowhere, "turned\u202dround": nowhere, "broken\xff": nowhere, "cut\xe6\x97": nowhere,
		"e" + strings.Repeat("\u0301", 31): nowhere, "z" + strings.Repeat("\u0336\u0489", 16): nowhere,
	} {
		var line, block text.Check
		line.Line("f", s, 1000)
		block.Block("f", s, 1000)
		if got := errors.Is(line.Err(), text.ErrInvalid); got != (where > anywhere) {
			t.Errorf("%q on a line: %v", s, line.Err())
		}
		if got := errors.Is(block.Err(), text.ErrInvalid); got != (where > inBlocks) {
			t.Errorf("%q among lines: %v", s, block.Err())
		}
	}
	for s, want := range map[string]string{
		"two\nlines \u2067שלום\u2069": "two\nlines \u2067שלום\u2069", "a\u202eb\u202dc\x00\x1b": "a\ufffdb\ufffdc\ufffd\ufffd",
		strings.Repeat("e"+strings.Repeat("\u0301", 31), 2): strings.Repeat("e"+strings.Repeat("\u0301", 30), 2), "broken\xff": "broken\ufffd",
	} {
		if got := text.Tame(s); got != want {
			t.Errorf("%q is tamed as %q, want %q", s, got, want)
		}
	}
	var secret text.Check
	secret.Secret("f", "\u202ebell\x07\n")
	if err := secret.Err(); err != nil {
		t.Error(err)
	}
	secret.Secret("f", "nul\x00")
	if !errors.Is(secret.Err(), text.ErrInvalid) {
		t.Error(secret.Err())
	}
}

// F2, F4: what shows nothing is nothing.
func TestNeed(t *testing.T) {
	t.Parallel()
	for s, seen := range map[string]bool{
		"": false, " \t\r\n": false, "\u00a0\u3000\u2003": false, "\u200b": false, "\u200d\u200c": false, "\ufeff": false, "\u2060": false, "\u00ad": false,
		"\u180e": false, "\u115f\u1160\u3164\uffa0": false, "\u2800": false, "\u0301": false, "\ufe0f": false, "\u034f": false, "\u2067\u2069": false, "\U000e0020": false,
		"\u200ba": true, "日": true, "😀": true, "!": true, "0": true, "\ue000": true, "\U000e0100": false, "\u0378": true,
	} {
		var c text.Check
		c.Need("f", s)
		if err := c.Err(); (err == nil) != seen || err != nil && !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
