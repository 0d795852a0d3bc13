package rest

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/parleyhq/parley/domain/fault"
)

// parseJSON reads one JSON text (RFC 8259) into nil, bool, int64, uint64,
// float64, string, []any and map[string]any. It is stricter than
// encoding/json: names are exact, a name may stand once in an object, input
// is valid UTF-8, and nesting ends at maxDepth.
//
// A lone surrogate (\ud800) becomes the three bytes that UTF-8 forbids for it,
// so utf8.ValidString finds it later in the field where it stands; nothing
// else gives a string that is not valid. A number beyond float64 is ±Inf.
// Errors: errJSONMalformed, errJSONUTF8, errJSONDuplicate, errJSONDepth.
func parseJSON(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errJSONUTF8
	}
	p := parser{b: b}
	p.space()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.i < len(p.b) {
		return nil, p.broken("more after its end")
	}
	return v, nil
}

type parser struct {
	b []byte
	i int // the next byte
}

// broken says what is wrong, and where.
func (p *parser) broken(what string) error {
	f := *errJSONMalformed
	f.Message = fmt.Sprintf("The body is not valid JSON: %s at byte %d.", what, p.i)
	return &f
}

func (p *parser) space() {
	for p.i < len(p.b) && (p.b[p.i] == ' ' || p.b[p.i] == '\n' || p.b[p.i] == '\t' || p.b[p.i] == '\r') {
		p.i++
	}
}

// peek is the next byte, or 0 at the end.
func (p *parser) peek() byte {
	if p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

func (p *parser) value(depth int) (any, error) {
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.array(depth + 1)
	case c == '"':
		return p.str()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		return true, p.word("true")
	case c == 'f':
		return false, p.word("false")
	case c == 'n':
		return nil, p.word("null")
	case p.i >= len(p.b):
		return nil, p.broken("it ends too early")
	}
	return nil, p.broken("no value")
}

func (p *parser) word(w string) error {
	if len(p.b)-p.i < len(w) || string(p.b[p.i:p.i+len(w)]) != w {
		return p.broken("no value")
	}
	p.i += len(w)
	return nil
}

func (p *parser) object(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errJSONDepth
	}
	p.i++
	m := map[string]any{}
	for p.space(); p.peek() != '}'; p.space() {
		if len(m) > 0 {
			if p.peek() != ',' {
				return nil, p.broken("no comma or end of object")
			}
			p.i++
			p.space()
		}
		if p.peek() != '"' {
			return nil, p.broken("no name")
		}
		name, err := p.str()
		if err != nil {
			return nil, err
		}
		if _, twice := m[name]; twice {
			return nil, errJSONDuplicate.With(fault.Field(printable(name), "given twice"))
		}
		if p.space(); p.peek() != ':' {
			return nil, p.broken("no colon")
		}
		p.i++
		p.space()
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		m[name] = v
	}
	p.i++
	return m, nil
}

func (p *parser) array(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errJSONDepth
	}
	p.i++
	list := []any{}
	for p.space(); p.peek() != ']'; p.space() {
		if len(list) > 0 {
			if p.peek() != ',' {
				return nil, p.broken("no comma or end of array")
			}
			p.i++
			p.space()
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	p.i++
	return list, nil
}

// str reads a string; most have no escapes and are one copy.
func (p *parser) str() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.b) {
		switch c := p.b[p.i]; {
		case c == '"':
			s := string(p.b[start:p.i])
			p.i++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.broken("a control character in a string")
		}
		p.i++
	}
	return "", p.broken("a string without end")
}

func (p *parser) escaped(start int) (string, error) {
	out := append(make([]byte, 0, p.i-start+64), p.b[start:p.i]...)
	for p.i < len(p.b) {
		c := p.b[p.i]
		switch {
		case c == '"':
			p.i++
			return string(out), nil
		case c < ' ':
			return "", p.broken("a control character in a string")
		case c != '\\':
			out = append(out, c)
			p.i++
			continue
		}
		p.i++
		if plain, ok := escapes[p.peek()]; ok {
			out = append(out, plain)
			p.i++
			continue
		}
		r, ok := p.unicode()
		if !ok {
			return "", p.broken("no escape that JSON knows")
		}
		if utf16.IsSurrogate(r) {
			out = p.surrogate(out, r)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return "", p.broken("a string without end")
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unicode reads "uXXXX".
func (p *parser) unicode() (rune, bool) {
	if p.peek() != 'u' || len(p.b)-p.i < 5 {
		return 0, false
	}
	var r rune
	for _, c := range p.b[p.i+1 : p.i+5] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.i += 5
	return r, true
}

// surrogate joins r with the half that follows it; alone it is kept in the
// form that no valid text has.
func (p *parser) surrogate(out []byte, r rune) []byte {
	if p.peek() == '\\' {
		before := p.i
		p.i++
		if low, ok := p.unicode(); ok {
			if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
				return utf8.AppendRune(out, whole)
			}
		}
		p.i = before
	}
	return append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
}

// number reads a number: whole ones exactly where they fit 64 bits.
func (p *parser) number() (any, error) {
	start, whole := p.i, true
	if p.peek() == '-' {
		p.i++
	}
	if p.peek() == '0' {
		p.i++
	} else if !p.digits() {
		return nil, p.broken("no digit")
	}
	if p.peek() == '.' {
		whole = false
		p.i++
		if !p.digits() {
			return nil, p.broken("no digit")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		whole = false
		p.i++
		if c := p.peek(); c == '+' || c == '-' {
			p.i++
		}
		if !p.digits() {
			return nil, p.broken("no digit")
		}
	}
	text := string(p.b[start:p.i])
	if whole {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return n, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.Copysign(math.Inf(1), f), nil
	}
	return f, nil
}

func (p *parser) digits() bool {
	start := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	return p.i > start
}

// printable makes a name of the body fit to be answered.
func printable(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most]
	}
	clean := make([]rune, 0, len(s))
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			r = utf8.RuneError
		}
		clean = append(clean, r)
	}
	return string(clean)
}
