package text

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Bounds of what a text may name.
const (
	MaxHashtag  = 100 // characters of a folded tag; a longer word is none
	MaxHashtags = 50  // different tags of one text; later ones are plain words
	MaxMentions = 50  // different handles of one text

	minHandle, maxHandle = 3, 30
)

// Kind is what a token is.
type Kind uint8

// The kinds.
const (
	Hashtag Kind = iota + 1
	Mention
)

// Token is a hashtag or what may be a mention. Start and End are its bytes in
// the text, the sign included.
type Token struct {
	Kind       Kind
	Start, End int
	Name       string // a folded tag; a folded handle
}

// Tokens finds the hashtags and mentions in a run of text. A backslash before
// a sign takes its meaning away, as in Markdown; before "_" it is no part of
// the name.
//
// A hashtag is "#" or "＃" and letters, marks, digits and "_" of any script,
// where no word goes before. A mention is "@" or "＠" and a handle; whether an
// account has it is not decided here.
func Tokens(s string) []Token {
	var found []Token
	before, base := ' ', ' ' // base is the last that is no mark: one on an emoji is no word
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		var t Token
		switch {
		case (r == '#' || r == '＃') && maySign(before) && !isWord(base):
			t = hashtag(s, i, i+size)
		case (r == '@' || r == '＠') && maySign(before) && foldedHandle(before) == "":
			t = mention(s, i, i+size)
		}
		if t.Kind != 0 {
			found = append(found, t)
			i = t.End
			before, _ = utf8.DecodeLastRuneInString(s[:i])
			base = before
			continue
		}
		if before = r; !unicode.IsMark(r) {
			base = r
		}
		i += size
	}
	return found
}

var link = regexp.MustCompile(`(?i)(?:https?://|www\.)\S+`)

// TitleTokens finds the tokens of a title, which is no Markdown: only what
// looks like a link is left out.
func TitleTokens(s string) []Token {
	links := link.FindAllStringIndex(s, -1)
	var kept []Token
	for _, t := range Tokens(s) {
		for len(links) > 0 && links[0][1] <= t.Start {
			links = links[1:]
		}
		if len(links) == 0 || t.Start < links[0][0] {
			kept = append(kept, t)
		}
	}
	return kept
}

func hashtag(s string, sign, from int) Token {
	end := from
	first := true
	for end < len(s) {
		at := end
		if strings.HasPrefix(s[at:], `\_`) {
			at++
		}
		r, size := utf8.DecodeRuneInString(s[at:])
		if !isWord(r) || (first && unicode.IsMark(r)) { // "#" and marks alone is a keycap
			break
		}
		first = false
		end = at + size
	}
	name, ok := FoldHashtag(strings.ReplaceAll(s[from:end], `\_`, "_"))
	if !ok {
		return Token{}
	}
	return Token{Kind: Hashtag, Start: sign, End: end, Name: name}
}

// FoldHashtag folds a tag given without its sign, and says whether it is one.
// Marks and fillers that are not seen, as the selectors of a variant of a
// character, are no part of it.
func FoldHashtag(tag string) (string, bool) {
	if len(tag) > 16*MaxHashtag || !utf8.ValidString(tag) {
		return "", false
	}
	tag = Fold(strings.Map(func(r rune) rune {
		if isWord(r) && ignorable(r) {
			return -1
		}
		return r
	}, tag))
	if tag == "" || utf8.RuneCountInString(tag) > MaxHashtag {
		return "", false
	}
	for i, r := range tag {
		if !isWord(r) || (i == 0 && unicode.IsMark(r)) {
			return "", false
		}
	}
	return tag, true
}

func mention(s string, sign, from int) Token {
	var name strings.Builder
	end := from
	var next rune
	for end < len(s) {
		at := end
		if strings.HasPrefix(s[at:], `\_`) {
			at++
		}
		r, size := utf8.DecodeRuneInString(s[at:])
		folded := foldedHandle(r)
		if folded == "" {
			next = r
			break
		}
		name.WriteString(folded)
		end = at + size
	}
	n := name.Len()
	if isID(s[from:]) {
		return Token{}
	}
	// "@renée" is no mention of @ren, nor "@bob@example.org" one of @bob.
	if n < minHandle || n > maxHandle || next == '@' || next == '＠' || unicode.Is(unicode.Latin, next) || unicode.IsMark(next) {
		return Token{}
	}
	return Token{Kind: Mention, Start: sign, End: end, Name: name.String()}
}

// isID says whether s begins with the canonical form of an id, as quoted texts
// hold it.
func isID(s string) bool {
	if len(s) < 36 {
		return false
	}
	_, err := uuid.Parse(s[:36])
	return err == nil
}

// maySign says whether a sign may follow a character.
func maySign(before rune) bool { return !strings.ContainsRune(`\&#@$/＃＠`, before) }

func isWord(r rune) bool {
	return r == '_' || r == '＿' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r))
}

// foldedHandle is what a character of a handle folds to, or "".
func foldedHandle(r rune) string {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
		return string(r)
	case r >= 'A' && r <= 'Z':
		return string(r + 'a' - 'A')
	case r < utf8.RuneSelf || !unicode.In(r, unicode.Letter, unicode.Digit, unicode.Pc):
		return ""
	}
	folded := Fold(string(r))
	for _, f := range folded {
		if (f < 'a' || f > 'z') && (f < '0' || f > '9') && f != '_' {
			return ""
		}
	}
	return folded
}
