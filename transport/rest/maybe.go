package rest

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Maybe is a field of a PATCH body that tells absent, null and a value apart.
// Its schema is T's, nullable and never required. With the tag
// nullable:"false" null is refused with 422.
type Maybe[T any] struct {
	value T
	state maybeState
}

type maybeState uint8

const (
	absent maybeState = iota
	null
	given
)

// Some is a Maybe with a value.
func Some[T any](value T) Maybe[T] { return Maybe[T]{value: value, state: given} }

// Null is a Maybe that was sent as null.
func Null[T any]() Maybe[T] { return Maybe[T]{state: null} }

// Absent says that the body does not name the field: leave it as it is.
func (m Maybe[T]) Absent() bool { return m.state == absent }

// Null says that the body clears the field.
func (m Maybe[T]) Null() bool { return m.state == null }

// Get is the value, and whether there is one.
func (m Maybe[T]) Get() (T, bool) { return m.value, m.state == given }

// Pointer is the value, or nil where there is none. Null and absent look
// alike; use it for fields that cannot be null.
func (m Maybe[T]) Pointer() *T {
	if m.state != given {
		return nil
	}
	return &m.value
}

// IsZero lets omitzero leave out what is absent.
func (m Maybe[T]) IsZero() bool { return m.state == absent }

// MarshalJSON writes the value, or null. Answers leave absent ones out by
// omitzero.
func (m Maybe[T]) MarshalJSON() ([]byte, error) {
	if m.state != given {
		return []byte("null"), nil
	}
	return json.Marshal(m.value)
}

// Schema is T's, or null.
func (m Maybe[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), true, "")
	setNullable(s)
	return s
}

// maybe is how the decoder fills a Maybe of any T.
type maybe interface {
	setNull()
	setGiven() reflect.Value // of the value, addressable
	inner() reflect.Type
}

func (m *Maybe[T]) setNull() { m.state = null }

func (m *Maybe[T]) setGiven() reflect.Value {
	m.state = given
	return reflect.ValueOf(&m.value).Elem()
}

func (m *Maybe[T]) inner() reflect.Type { return reflect.TypeFor[T]() }

var maybeType = reflect.TypeFor[maybe]()
