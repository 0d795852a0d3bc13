package rest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// shape is what the decoder knows of a Go type: built once for each type when
// a route is registered, so that requests cost no look at struct tags.
type shape struct {
	typ    reflect.Type
	form   form
	elem   *shape            // of pointers, slices, maps and Maybes
	fields map[string]*field // of objects, by exact JSON name
}

type form uint8

const (
	scalar  form = iota // bool, numbers, string
	id                  // uuid.UUID, in its canonical form alone
	texter              // encoding.TextUnmarshaler, from a string
	custom              // json.Unmarshaler, from its own JSON
	free                // any and json.RawMessage: any JSON
	object              // a struct
	list                // a slice
	dict                // a map with string keys
	pointer             // nil means absent or null
	option              // a Maybe
)

// field is a field of an object.
type field struct {
	shape    *shape
	index    []int // for reflect's FieldByIndex; embedded structs are by value
	readOnly bool
	strict   bool // a Maybe that refuses null
	lines    bool // text may have line breaks: tag text:"lines"
	items    int  // most items of a list: tag maxItems
}

var (
	uuidType     = reflect.TypeFor[uuid.UUID]()
	clockType    = reflect.TypeFor[time.Time]()
	rawType      = reflect.TypeFor[json.RawMessage]()
	texterType   = reflect.TypeFor[encoding.TextUnmarshaler]()
	unmarshaller = reflect.TypeFor[json.Unmarshaler]()
)

// shapes holds the shapes of a server's types.
type shapes map[reflect.Type]*shape

// of is the shape of t, or why bodies cannot have it.
func (all shapes) of(t reflect.Type) (*shape, error) {
	if s, ok := all[t]; ok {
		return s, nil
	}
	s := &shape{typ: t}
	all[t] = s // before its parts: types may refer to themselves
	if err := all.fill(s, t); err != nil {
		delete(all, t)
		return nil, err
	}
	return s, nil
}

func (all shapes) fill(s *shape, t reflect.Type) (err error) {
	ptr := reflect.PointerTo(t)
	switch {
	case t == clockType:
		return fmt.Errorf("%s: use rest.Time, which has one form", t)
	case t == uuidType:
		s.form = id
		return nil
	case ptr.Implements(maybeType):
		s.form = option
		s.elem, err = all.of(reflect.New(t).Interface().(maybe).inner())
		return err
	case t == rawType || t.Kind() == reflect.Interface && t.NumMethod() == 0:
		s.form = free
		return nil
	case ptr.Implements(texterType):
		s.form = texter
		return nil
	case ptr.Implements(unmarshaller) && t.Kind() != reflect.Pointer:
		s.form = custom
		return nil
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.form = scalar
	case reflect.Pointer:
		s.form = pointer
		s.elem, err = all.of(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return fmt.Errorf("%s: bytes have no place in JSON; use a string", t)
		}
		s.form = list
		s.elem, err = all.of(t.Elem())
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return fmt.Errorf("%s: keys of a JSON object are strings", t)
		}
		s.form = dict
		s.elem, err = all.of(t.Elem())
	case reflect.Struct:
		s.form = object
		s.fields = map[string]*field{}
		err = all.gather(s, t, nil)
	default:
		return fmt.Errorf("%s: no JSON form", t)
	}
	return err
}

// gather collects the fields of a struct and of those embedded in it. A field
// of the outer struct wins over one of the same name inside.
func (all shapes) gather(s *shape, t reflect.Type, at []int) error {
	var embedded []reflect.StructField
	for f := range structFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			embedded = append(embedded, f) // exported or not: its fields may be
			continue
		case name == "-" || !f.IsExported():
			continue
		case name == "":
			return fmt.Errorf("%s.%s: needs a json tag", t, f.Name)
		}
		if _, taken := s.fields[name]; taken {
			continue
		}
		inner, err := all.of(f.Type)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		s.fields[name] = &field{
			shape: inner, index: append(append([]int(nil), at...), f.Index...),
			readOnly: f.Tag.Get("readOnly") == "true",
			strict:   f.Tag.Get("nullable") == "false",
			lines:    f.Tag.Get("text") == "lines",
			items:    itemsBound(f),
		}
	}
	for _, f := range embedded {
		if err := all.gather(s, f.Type, append(append([]int(nil), at...), f.Index...)); err != nil {
			return err
		}
	}
	return nil
}

// structFields yields the direct fields of a struct.
func structFields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// maxItems bounds lists whose field does not say maxItems, and objects of free
// names: a body of 1 MiB could hold half a million items to complain about.
const maxItems = 1000

func itemsBound(f reflect.StructField) int {
	if n, err := strconv.Atoi(f.Tag.Get("maxItems")); err == nil {
		return n
	}
	return maxItems
}
