package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/google/uuid"
)

// Decoded is a record whose data was opened and lifted to its newest version.
type Decoded struct {
	Record
	Payload    Data // a struct of the catalogue, by value
	Definition Definition
	Erased     bool // a key is gone: the fields it sealed are empty
}

// Root is the id of the thing at the event's root.
func (d Decoded) Root() string { return d.Definition.Root(d.Stream, d.Payload) }

// ErrUnknownType is a type of our own categories that this release does not
// know: a later release wrote it. It is never skipped.
var ErrUnknownType = errors.New("event: a type this release does not know")

// Codec turns data into stored bytes and back. It is safe for use at once.
type Codec struct {
	catalogue *Catalogue
	keys      Keys
}

// NewCodec makes a codec over a catalogue and a keyring.
func NewCodec(c *Catalogue, k Keys) *Codec { return &Codec{catalogue: c, keys: k} }

// Catalogue is what the codec knows.
func (c *Codec) Catalogue() *Catalogue { return c.catalogue }

// Encode seals and marshals data for stream. id is bound into every sealed
// value, so that none can be moved to another event or field.
// Errors: a struct without a row, a key that is gone (ErrKeyGone).
func (c *Codec) Encode(ctx context.Context, stream string, id uuid.UUID, data Data) (typ string, stored []byte, err error) {
	r := c.catalogue.byData[reflect.TypeOf(data)]
	if r == nil || !r.Newest() {
		return "", nil, fmt.Errorf("event: %T is not a newest version of the catalogue", data)
	}
	shadow := reflect.New(r.plan.shadow).Elem()
	value := reflect.ValueOf(data)
	for i, f := range r.plan.fields {
		if f.seal == nil || (f.omit && value.Field(i).IsZero()) {
			if f.seal == nil {
				shadow.Field(i).Set(value.Field(i))
			}
			continue
		}
		plain, err := json.Marshal(value.Field(i).Interface())
		if err != nil {
			return "", nil, fmt.Errorf("event: %s.%s: %w", r.Name, f.name, err)
		}
		sealed, err := c.seal(ctx, f.owner(stream, value), bind(id, r.Name, f.name), plain)
		if err != nil {
			return "", nil, fmt.Errorf("event: seal %s.%s: %w", r.Name, f.name, err)
		}
		shadow.Field(i).SetBytes(sealed)
	}
	stored, err = json.Marshal(shadow.Addr().Interface())
	if err != nil {
		return "", nil, fmt.Errorf("event: %s: %w", r.Name, err)
	}
	return r.Name, stored, nil
}

// Decode opens, unmarshals and lifts a record.
// Errors: ErrUnknownType, or what is wrong with the bytes. A key that is gone
// is no error: its fields are empty.
func (c *Codec) Decode(ctx context.Context, rec Record) (Decoded, error) {
	r := c.catalogue.byName[rec.Type]
	if r == nil {
		return Decoded{}, fmt.Errorf("%w: %s at position %d", ErrUnknownType, rec.Type, rec.Position)
	}
	data, erased, err := c.open(ctx, r, rec)
	if err != nil {
		return Decoded{}, fmt.Errorf("event %s at position %d: %w", rec.Type, rec.Position, err)
	}
	for r.lift != nil {
		data = r.lift(data)
		r = c.catalogue.byData[reflect.TypeOf(data)]
	}
	return Decoded{Record: rec, Payload: data, Definition: r.Definition, Erased: erased}, nil
}

// open reads the fields of a record: the scanned ones, or what encoding/json
// makes of them.
func (c *Codec) open(ctx context.Context, r *row, rec Record) (Data, bool, error) {
	value := reflect.New(r.data).Elem()
	raws := make([][]byte, len(r.plan.fields))
	if !r.plan.scan(rec.Data, raws) || !r.plan.setOpen(value, raws) {
		shadow := reflect.New(r.plan.shadow).Elem()
		if err := json.Unmarshal(rec.Data, shadow.Addr().Interface()); err != nil {
			return nil, false, err
		}
		for i, f := range r.plan.fields {
			if f.seal == nil {
				value.Field(i).Set(shadow.Field(i))
			} else {
				raws[i] = shadow.Field(i).Bytes()
			}
		}
	}
	erased := false
	for i, f := range r.plan.fields {
		if f.seal == nil || len(raws[i]) == 0 {
			continue
		}
		plain, err := c.unseal(ctx, bind(rec.ID, r.Name, f.name), raws[i])
		if errors.Is(err, ErrKeyGone) {
			erased = true
			continue
		}
		if err == nil {
			err = f.setPlain(value.Field(i), plain)
		}
		if err != nil {
			return nil, false, fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	return value.Interface(), erased, nil
}
