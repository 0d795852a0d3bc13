package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Scanning. Projectors spend most of their time in decoding, and nearly all
// events stand in exactly the form that Encode wrote: compact, fields in the
// struct's order. What is read here takes a third of the time that
// encoding/json takes; for anything else, and for whatever is wrong with the
// bytes, scan gives up and encoding/json has the word.

// short is a way to read an open field without encoding/json.
type short int

const (
	byJSON short = iota
	byString
	byInt
	byBool
	byUUID
)

var (
	uuidType        = reflect.TypeFor[uuid.UUID]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	textType        = reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()
)

func shortOf(t reflect.Type) short {
	pointer := reflect.PointerTo(t)
	switch {
	case t == uuidType:
		return byUUID
	case pointer.Implements(unmarshalerType) || pointer.Implements(textType):
		return byJSON
	}
	switch t.Kind() {
	case reflect.String:
		return byString
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return byInt
	case reflect.Bool:
		return byBool
	}
	return byJSON
}

// scan finds the raw value of each field, and leaves those that are absent.
func (p *plan) scan(data []byte, raws [][]byte) bool {
	if p.quoted || len(data) < 2 || data[0] != '{' || data[len(data)-1] != '}' {
		return false
	}
	rest := data[1 : len(data)-1]
	for next := 0; len(rest) > 0; {
		if rest[0] != '"' {
			return false
		}
		name, after, ok := bytes.Cut(rest[1:], []byte(`":`))
		if !ok {
			return false
		}
		for next < len(p.fields) && string(name) != p.fields[next].name {
			next++
		}
		end := valueEnd(after)
		if next == len(p.fields) || end <= 0 || bytes.HasPrefix(after, []byte("null")) {
			return false
		}
		raws[next], rest = after[:end], after[end:]
		next++
		if len(rest) == 0 {
			return true
		}
		if rest[0] != ',' || len(rest) == 1 {
			return false
		}
		rest = rest[1:]
	}
	return true
}

// valueEnd is where the value that b begins with ends; it does not say that
// the value is right.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringEnd(b[i+1:])
			if n < 0 {
				return -1
			}
			if i += n; depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// stringEnd is how many bytes follow up to and with the closing quote.
func stringEnd(b []byte) int {
	for i := 0; ; {
		quote := bytes.IndexByte(b[i:], '"')
		if quote < 0 {
			return -1
		}
		slash := bytes.IndexByte(b[i:i+quote], '\\')
		if slash < 0 {
			return i + quote + 1
		}
		if i += slash + 2; i > len(b) {
			return -1
		}
	}
}

// setOpen reads every open field.
func (p *plan) setOpen(value reflect.Value, raws [][]byte) bool {
	for i, f := range p.fields {
		if f.seal == nil && raws[i] != nil && !f.set(value.Field(i), raws[i]) {
			return false
		}
	}
	return true
}

// setPlain reads a sealed field's plain JSON.
func (f field) setPlain(into reflect.Value, plain []byte) error {
	if f.short == byString {
		if text, ok := plainString(plain); ok {
			into.SetString(text)
			return nil
		}
	}
	return json.Unmarshal(plain, into.Addr().Interface())
}

// set reads an open field's raw value.
func (f field) set(into reflect.Value, raw []byte) bool {
	switch f.short {
	case byString:
		text, ok := plainString(raw)
		if ok {
			into.SetString(text)
			return true
		}
	case byInt:
		if n, ok := plainInt(raw); ok && !into.OverflowInt(n) {
			into.SetInt(n)
			return true
		}
	case byBool:
		if into.SetBool(string(raw) == "true"); into.Bool() || string(raw) == "false" {
			return true
		}
	case byUUID:
		if text, ok := plainString(raw); ok && len(text) == 36 {
			id, err := uuid.Parse(text)
			*into.Addr().Interface().(*uuid.UUID) = id
			return err == nil
		}
	}
	return json.Unmarshal(raw, into.Addr().Interface()) == nil
}

// plainInt reads a JSON number that is an integer of up to 18 digits.
func plainInt(raw []byte) (int64, bool) {
	digits := bytes.TrimPrefix(raw, []byte("-"))
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && len(digits) > 1 || digits[0] < '0' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// scanSealed reads the form that seal writes. Projectors spend most of their
// time in decoding, and this takes a tenth of what encoding/json does; false
// for anything that is not exactly this form.
func scanSealed(stored []byte) (Sealed, bool) {
	rest, begins := bytes.CutPrefix(stored, []byte(`{"sealed":"`))
	rest, ends := bytes.CutSuffix(rest, []byte(`"}`))
	id, value, parted := bytes.Cut(rest, []byte(`","value":"`))
	if !begins || !ends || !parted || bytes.IndexByte(id, '"') >= 0 {
		return Sealed{}, false
	}
	for _, b := range rest {
		if b < ' ' || b > '~' || b == '\\' {
			return Sealed{}, false
		}
	}
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(value)))
	n, err := base64.StdEncoding.Decode(raw, value)
	return Sealed{KeyID: string(id), Value: raw[:n]}, err == nil
}

// plainString is the content of a JSON string without escapes, the usual form
// of what was sealed; false for anything else.
func plainString(plain []byte) (string, bool) {
	if len(plain) < 2 || plain[0] != '"' || plain[len(plain)-1] != '"' {
		return "", false
	}
	content := plain[1 : len(plain)-1]
	for _, b := range content {
		if b < ' ' || b == '"' || b == '\\' {
			return "", false
		}
	}
	return string(content), utf8.Valid(content)
}
