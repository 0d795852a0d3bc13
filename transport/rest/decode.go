package rest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// decoder fills values from parsed JSON and gathers every wrong field.
type decoder struct {
	wrong fault.Checks
	text  bool // some text holds what it cannot hold
}

// decode validates node against schema, checks its texts and fills into,
// which is addressable. Errors: fault.ErrInvalid or errText, with details.
func (s *shape) decode(registry huma.Registry, schema *huma.Schema, node any, into reflect.Value) error {
	var d decoder
	node = d.prune(s, nil, node, "")
	d.validate(registry, schema, node)
	d.fill(s, nil, into, node, "")
	return d.err()
}

func (d *decoder) err() error {
	slices.SortStableFunc(d.wrong, func(a, b fault.Detail) int { return strings.Compare(a.Field, b.Field) })
	switch {
	case len(d.wrong) == 0:
		return nil
	case d.text:
		return errText.With(d.wrong...)
	}
	return d.wrong.Err()
}

// maxDetails bounds what one answer tells of.
const maxDetails = 100

// add notes a wrong field once: the first problem found is the one told.
func (d *decoder) add(path, problem string) {
	if len(d.wrong) == maxDetails {
		return
	}
	if path == "" {
		path = "body"
	}
	for _, w := range d.wrong {
		if w.Field == path {
			return
		}
	}
	d.wrong.Add(path, problem)
}

var requiredBefore, requiredAfter, _ = strings.Cut(validation.MsgExpectedRequiredProperty, "%s")

// validate runs the schema's own checks.
func (d *decoder) validate(registry huma.Registry, schema *huma.Schema, node any) {
	defer func() {
		// huma puts items of uniqueItems into a map, which panics where they
		// should be texts and are objects. That is wrong input, no bug of ours.
		if recover() != nil {
			d.add("", "not valid")
		}
	}()
	var res huma.ValidateResult
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, node, &res)
	for _, e := range res.Errors {
		detail, ok := e.(*huma.ErrorDetail)
		if !ok {
			d.add("", e.Error())
			continue
		}
		path, problem := detail.Location, detail.Message
		if rest, ok := strings.CutPrefix(problem, requiredBefore); ok {
			if name, ok := strings.CutSuffix(rest, requiredAfter); ok {
				path, problem = join(path, name), "required"
			}
		}
		d.add(path, stable(problem))
	}
}

// stable cuts what a parser says of the very text off the problems of formats.
func stable(problem string) string {
	if !strings.HasPrefix(problem, "expected string to be RFC") {
		return problem
	}
	problem, _, _ = strings.Cut(problem, ":")
	if strings.HasSuffix(problem, "uuid") {
		return noUUID
	}
	return problem
}

const noUUID = "expected a UUID"

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// prune removes from a parsed body what its shape does not know and what only
// the server sets, so that both are ignored, and cuts lists that are too long
// to their bound.
func (d *decoder) prune(s *shape, f *field, node any, path string) any {
	switch s.form {
	case pointer, option:
		return d.prune(s.elem, f, node, path)
	case object:
		if m, ok := node.(map[string]any); ok {
			for name, v := range m {
				if to := s.fields[name]; to == nil || to.readOnly {
					delete(m, name)
				} else {
					m[name] = d.prune(to.shape, to, v, join(path, name))
				}
			}
		}
	case dict:
		if m, ok := node.(map[string]any); ok {
			if len(m) > maxItems {
				d.add(path, fmt.Sprintf(validation.MsgExpectedMaxProperties, maxItems))
				return map[string]any{}
			}
			for name, v := range m {
				m[name] = d.prune(s.elem, f, v, join(path, printable(name)))
			}
		}
	case list:
		if items, ok := node.([]any); ok {
			most := maxItems
			if f != nil {
				most = f.items
			}
			if len(items) > most {
				d.add(path, fmt.Sprintf(validation.MsgExpectedMaxItems, most))
				items = items[:most]
			}
			for i, v := range items {
				items[i] = d.prune(s.elem, nil, v, path+"["+strconv.Itoa(i)+"]")
			}
			return items
		}
	}
	return node
}

// fill sets v from node. f is the field that v belongs to, for its tags.
// What the schema has refused already is left alone.
func (d *decoder) fill(s *shape, f *field, v reflect.Value, node any, path string) {
	if node == nil {
		if m, ok := v.Addr().Interface().(maybe); ok {
			if f != nil && f.strict {
				d.add(path, "null is not allowed")
			} else {
				m.setNull()
			}
		}
		return
	}
	switch s.form {
	case option:
		d.fill(s.elem, f, v.Addr().Interface().(maybe).setGiven(), node, path)
	case pointer:
		v.Set(reflect.New(s.elem.typ))
		d.fill(s.elem, f, v.Elem(), node, path)
	case object:
		if m, ok := node.(map[string]any); ok {
			for name, inner := range m {
				if to := s.fields[name]; to != nil {
					d.fill(to.shape, to, v.FieldByIndex(to.index), inner, join(path, name))
				}
			}
		}
	case list:
		if items, ok := node.([]any); ok {
			v.Set(reflect.MakeSlice(s.typ, len(items), len(items)))
			for i, item := range items {
				d.fill(s.elem, f, v.Index(i), item, path+"["+strconv.Itoa(i)+"]")
			}
		}
	case dict:
		d.dict(s, f, v, node, path)
	case free:
		d.free(s, v, node, path)
	case custom:
		d.custom(v, node, path)
	default:
		d.leaf(s, f, v, node, path)
	}
}

func (d *decoder) dict(s *shape, f *field, v reflect.Value, node any, path string) {
	m, ok := node.(map[string]any)
	if !ok {
		return
	}
	v.Set(reflect.MakeMapWithSize(s.typ, len(m)))
	for name, inner := range m {
		at := join(path, printable(name))
		if !d.checkText(name, false, at) {
			continue
		}
		slot := reflect.New(s.elem.typ).Elem()
		d.fill(s.elem, f, slot, inner, at)
		v.SetMapIndex(reflect.ValueOf(name).Convert(s.typ.Key()), slot)
	}
}

// free keeps JSON whose form is somebody else's (WebAuthn, for one).
func (d *decoder) free(s *shape, v reflect.Value, node any, path string) {
	if s.typ == rawType {
		d.custom(v, node, path)
	} else if d.checkTexts(node, path) {
		v.Set(reflect.ValueOf(node))
	}
}

// custom hands a type its own JSON.
func (d *decoder) custom(v reflect.Value, node any, path string) {
	if !d.checkTexts(node, path) {
		return
	}
	b, err := json.Marshal(node)
	if err == nil {
		err = json.Unmarshal(b, v.Addr().Interface())
	}
	if err != nil {
		d.add(path, "not valid")
	}
}

// leaf sets a scalar, an id or what reads itself from text.
func (d *decoder) leaf(s *shape, f *field, v reflect.Value, node any, path string) {
	switch n := node.(type) {
	case string:
		if !d.checkText(n, f != nil && f.lines, path) {
			return
		}
		switch {
		case s.form == id:
			parsed, ok := parseUUID(n)
			if !ok {
				d.add(path, noUUID)
			}
			v.Set(reflect.ValueOf(parsed))
		case s.form == texter:
			if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n)); err != nil {
				d.add(path, textProblem(err))
			}
		case v.Kind() == reflect.String:
			v.SetString(n)
		default:
			d.add(path, "wrong type")
		}
	case bool:
		if s.form != scalar || v.Kind() != reflect.Bool {
			d.add(path, "wrong type")
			return
		}
		v.SetBool(n)
	case int64, uint64, float64:
		if s.form != scalar || !setNumber(v, n) {
			d.add(path, numberProblem(s, v))
		}
	default:
		d.add(path, "wrong type")
	}
}

func numberProblem(s *shape, v reflect.Value) string {
	if s.form == scalar && (v.CanInt() || v.CanUint() || v.CanFloat()) {
		return "out of range"
	}
	return "wrong type"
}

// textProblem is what a type says of its own text, where it says it in a
// fault; other errors may hold anything.
func textProblem(err error) string {
	if err == errTime {
		return err.Error()
	}
	if f := fault.As(err); f != nil {
		return f.Message
	}
	return "not valid"
}

// setNumber sets v where n fits exactly.
func setNumber(v reflect.Value, n any) bool {
	if f, ok := n.(float64); ok && !v.CanFloat() {
		switch {
		case f != math.Trunc(f):
			return false
		case f >= -1<<63 && f < 1<<63:
			n = int64(f)
		case f >= 0 && f < 1<<64:
			n = uint64(f)
		default:
			return false
		}
	}
	switch {
	case v.CanInt():
		i, ok := n.(int64)
		if ok = ok && !v.OverflowInt(i); ok {
			v.SetInt(i)
		}
		return ok
	case v.CanUint():
		u, ok := n.(uint64)
		if i, signed := n.(int64); signed && i >= 0 {
			u, ok = uint64(i), true
		}
		if ok = ok && !v.OverflowUint(u); ok {
			v.SetUint(u)
		}
		return ok
	case v.CanFloat():
		f := reflect.ValueOf(n).Convert(reflect.TypeFor[float64]()).Float()
		if math.IsInf(f, 0) || v.OverflowFloat(f) {
			return false
		}
		v.SetFloat(f)
		return true
	}
	return false
}

// checkText refuses NUL and lone surrogates, and line breaks where a text is
// one line.
func (d *decoder) checkText(s string, lines bool, path string) bool {
	problem := ""
	switch {
	case strings.IndexByte(s, 0) >= 0:
		problem = "NUL is not allowed"
	case !utf8.ValidString(s):
		problem = "lone surrogates are not allowed"
	case !lines && strings.ContainsAny(s, "\n\r\v\f\u0085\u2028\u2029"):
		problem = "line breaks are not allowed"
	default:
		return true
	}
	d.text = true
	d.add(path, problem)
	return false
}

// checkTexts checks every text of JSON of any form.
func (d *decoder) checkTexts(node any, path string) bool {
	ok := true
	switch n := node.(type) {
	case string:
		return d.checkText(n, true, path)
	case []any:
		for i, item := range n {
			ok = d.checkTexts(item, path+"["+strconv.Itoa(i)+"]") && ok
		}
	case map[string]any:
		for name, v := range n {
			at := join(path, printable(name))
			ok = d.checkText(name, true, at) && d.checkTexts(v, at) && ok
		}
	case float64:
		if math.IsInf(n, 0) {
			d.add(path, "out of range")
			return false
		}
	}
	return ok
}

// parseUUID reads the canonical form alone: one id has one spelling but for
// the case of its letters. The nil UUID is nothing's id. As it stands for "none
// given" from here on, whoever gives it is taken to have given the other id that
// is nothing's.
func parseUUID(s string) (uuid.UUID, bool) {
	if len(s) != 36 {
		return uuid.UUID{}, false
	}
	u, err := uuid.Parse(s)
	if u == uuid.Nil {
		u = uuid.Max
	}
	return u, err == nil
}
