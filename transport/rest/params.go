package rest

import (
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"github.com/parleyhq/parley/domain/fault"
)

// params reads the parameters of a route into its P.
type params struct {
	registry huma.Registry
	list     []param
	query    bool // some come from the query string
}

// param is a field of P with the tag path:"name", query:"name" or
// header:"Name". A pointer is nil where the caller gave nothing.
type param struct {
	in, name string
	index    []int
	shape    *shape
	field    field
	schema   *huma.Schema
	required bool
	fallback []string // of the tag default
	doc      *huma.Param
}

var pathNames = regexp.MustCompile(`\{([A-Za-z]+)\}`)

// newParams reads the tags of t and checks them against the route's path.
func newParams(registry huma.Registry, all shapes, t reflect.Type, path string) (*params, error) {
	ps := &params{registry: registry}
	if err := ps.gather(all, t, nil); err != nil {
		return nil, err
	}
	var want, have []string
	for _, m := range pathNames.FindAllStringSubmatch(path, -1) {
		want = append(want, m[1])
	}
	for _, p := range ps.list {
		if p.in == "path" {
			have = append(have, p.name)
		}
		ps.query = ps.query || p.in == "query"
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		return nil, fmt.Errorf("the path names %v, %s has %v", want, t, have)
	}
	return ps, nil
}

func (ps *params) gather(all shapes, t reflect.Type, at []int) error {
	for f := range structFields(t) {
		index := append(append([]int(nil), at...), f.Index...)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if err := ps.gather(all, f.Type, index); err != nil {
				return err
			}
			continue
		}
		p := param{index: index}
		for _, in := range []string{"path", "query", "header"} {
			if name, ok := f.Tag.Lookup(in); ok {
				p.in, p.name = in, name
			}
		}
		if p.in == "" {
			return fmt.Errorf("%s.%s: needs a path, query or header tag", t, f.Name)
		}
		s, err := all.of(f.Type)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		p.shape = s
		p.field = field{lines: f.Tag.Get("text") == "lines"}
		if p.schema = huma.SchemaFromField(ps.registry, f, f.Name); p.schema == nil {
			return fmt.Errorf("%s.%s: no schema", t, f.Name)
		}
		fixSchema(p.schema, f.Type)
		p.schema.Nullable = false // a parameter is there or not
		p.schema.PrecomputeMessages()
		p.required = p.in == "path" || f.Tag.Get("required") == "true"
		if d, ok := f.Tag.Lookup("default"); ok {
			p.fallback = []string{d}
		}
		p.doc = &huma.Param{
			Name: p.name, In: p.in, Required: p.required, Schema: p.schema,
			Description: f.Tag.Get("doc"),
		}
		ps.list = append(ps.list, p)
	}
	return nil
}

// paged tells whether they are those of a list, of which Page is a part.
func (ps *params) paged() bool {
	return slices.ContainsFunc(ps.list, func(p param) bool { return p.in == "query" && p.name == "cursor" })
}

// setPage gives the limit of a list its bounds, which no tag can know.
func (ps *params) setPage(l Lists) {
	if !ps.paged() {
		return
	}
	for i := range ps.list {
		if p := &ps.list[i]; p.in == "query" && p.name == "limit" {
			most := float64(l.Max)
			p.schema.Maximum, p.schema.Default = &most, l.Limit
			p.schema.PrecomputeMessages()
			p.fallback = []string{strconv.Itoa(l.Limit)}
		}
	}
}

// bind fills into, a P. What is wrong with the path means that there is
// nothing there: gone is then ErrNotFound. Everything else that is wrong is
// late: it is told only after it is known that the caller may see the thing.
func (ps *params) bind(c *Call, routed *chi.Context, into reflect.Value) (late, gone error) {
	var query url.Values
	if ps.query && c.Request.URL.RawQuery != "" {
		var err error
		if query, err = url.ParseQuery(c.Request.URL.RawQuery); err != nil {
			late = errQuery
		}
	}
	var d decoder
	for i := range ps.list {
		p := &ps.list[i]
		v := into.FieldByIndex(p.index)
		if p.in == "path" {
			if !p.bindPath(ps.registry, c, routed, v) {
				return nil, fault.ErrNotFound
			}
			continue
		}
		values := query[p.name]
		if p.in == "header" {
			values = c.Request.Header.Values(p.name)
		}
		if len(values) == 0 {
			values = p.fallback
		}
		switch {
		case len(values) == 0 && p.required:
			d.add(p.name, "required")
		case len(values) > 1:
			d.add(p.name, "given twice")
		case len(values) == 1:
			p.set(&d, ps.registry, v, values[0])
		}
	}
	if late == nil {
		late = d.err()
	}
	return late, nil
}

func (p *param) bindPath(registry huma.Registry, c *Call, routed *chi.Context, v reflect.Value) bool {
	text := routed.URLParam(p.name)
	if c.Request.URL.RawPath != "" { // chi has matched the escaped path
		var err error
		if text, err = url.PathUnescape(text); err != nil {
			return false
		}
	}
	if p.shape.form == id { // most are; nothing else to check
		u, ok := parseUUID(text)
		if ok {
			v.Set(reflect.ValueOf(u))
		}
		return ok
	}
	var d decoder
	p.set(&d, registry, v, text)
	return d.err() == nil
}

// set parses text as the parameter's type, validates and stores it. Lists are
// comma-separated.
func (p *param) set(d *decoder, registry huma.Registry, v reflect.Value, text string) {
	if !utf8.ValidString(text) {
		d.text = true
		d.add(p.name, "not valid UTF-8")
		return
	}
	s := p.shape
	if s.form == pointer {
		v.Set(reflect.New(s.elem.typ))
		v, s = v.Elem(), s.elem
	}
	var node any = parseScalar(s, text)
	if s.form == list {
		var items []any
		for item := range strings.SplitSeq(text, ",") {
			if item != "" {
				items = append(items, parseScalar(s.elem, item))
			}
		}
		node = items
	}
	var inner decoder
	inner.validate(registry, p.schema, node)
	inner.fill(s, &p.field, v, node, "")
	d.text = d.text || inner.text
	for _, w := range inner.wrong {
		name := p.name
		if rest, ok := strings.CutPrefix(w.Field, "["); ok {
			name += "[" + rest
		}
		d.add(name, w.Problem)
	}
}

// parseScalar reads text as what the type wants; text that is none stays text
// and fails the schema.
func parseScalar(s *shape, text string) any {
	if s.form != scalar {
		return text
	}
	switch k := s.typ.Kind(); {
	case k == reflect.Bool:
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	case k >= reflect.Int && k <= reflect.Int64:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case k >= reflect.Uint && k <= reflect.Uint64:
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return n
		}
	case k == reflect.Float32 || k == reflect.Float64:
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	}
	return text
}
