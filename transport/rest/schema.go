package rest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const schemaPrefix = "#/components/schemas/"

// nullableRef marks a reference that may also be null. huma has no form for
// it; openapi.go writes it as anyOf.
const nullableRef = "x-nullable"

func setNullable(s *huma.Schema) {
	if s.Ref == "" {
		s.Nullable = s.Type != ""
		return
	}
	s.Extensions = map[string]any{nullableRef: true}
}

// schemaOf is the schema of a body or an answer. hint names it where its type
// has no name.
func (s *Server) schemaOf(t reflect.Type, hint string) (*huma.Schema, error) {
	schema := s.registry.Schema(t, true, hint)
	if schema == nil {
		return nil, fmt.Errorf("schema of %s: no JSON form", t)
	}
	fixSchema(schema, t)
	for again := true; again; { // fixing an object may make others known
		again = false
		for name, object := range s.registry.Map() {
			if !s.fixed[name] {
				s.fixed[name], again = true, true
				s.fixObject(object, s.registry.TypeFromRef(schemaPrefix+name))
			}
		}
	}
	return schema, nil
}

// fixSchema corrects what huma takes to be otherwise: lists are never null,
// ids are UUIDs, a pointer that is not left out may be null.
func fixSchema(s *huma.Schema, t reflect.Type) {
	if s == nil {
		return
	}
	if t.Kind() == reflect.Pointer {
		fixSchema(s, t.Elem())
		setNullable(s)
		return
	}
	if m, ok := reflect.New(t).Interface().(maybe); ok {
		fixSchema(s, m.inner())
		return
	}
	switch {
	case t == uuidType:
		s.Format = "uuid"
	case t.Kind() == reflect.Slice && s.Type == huma.TypeArray:
		s.Nullable = false
		fixSchema(s.Items, t.Elem())
	case t.Kind() == reflect.Map:
		if inner, ok := s.AdditionalProperties.(*huma.Schema); ok {
			fixSchema(inner, t.Elem())
		}
	}
}

// fixObject corrects the properties of a struct's schema. Objects may carry
// fields that are not listed: they may be added, and unknown ones are ignored.
func (srv *Server) fixObject(s *huma.Schema, t reflect.Type) {
	if s == nil || t == nil || t.Kind() != reflect.Struct {
		return
	}
	s.AdditionalProperties = nil
	srv.embed(s, t)
	var optional []string
	fixFields(s, t, map[string]bool{}, &optional)
	required := s.Required[:0]
	for _, name := range s.Required {
		if !slices.Contains(optional, name) {
			required = append(required, name)
		}
	}
	s.Required = required
	s.PrecomputeMessages()
}

// embed adds the fields of embedded structs whose type is not exported. JSON
// has them; huma leaves them out, and with them their checks.
func (srv *Server) embed(s *huma.Schema, t reflect.Type) {
	for f := range structFields(t) {
		if !f.Anonymous || f.Tag.Get("json") != "" || f.Type.Kind() != reflect.Struct {
			continue
		}
		inner := srv.registry.Schema(f.Type, false, "")
		srv.embed(inner, f.Type)
		for _, name := range inner.Required {
			if s.Properties[name] == nil {
				s.Required = append(s.Required, name)
			}
		}
		for name, property := range inner.Properties {
			if s.Properties[name] == nil { // a field of the outer struct wins
				s.Properties[name] = property
			}
		}
	}
}

func fixFields(s *huma.Schema, t reflect.Type, done map[string]bool, optional *[]string) {
	var embedded []reflect.Type
	for f := range structFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			embedded = append(embedded, f.Type)
			continue
		}
		property := s.Properties[name]
		if property == nil || done[name] {
			continue
		}
		done[name] = true
		fixSchema(property, f.Type)
		_, isMaybe := reflect.New(f.Type).Interface().(maybe)
		if isMaybe {
			*optional = append(*optional, name)
		}
		left := strings.Contains(options, "omit") && f.Type.Kind() == reflect.Pointer
		if left || f.Tag.Get("nullable") == "false" {
			property.Nullable = false
			delete(property.Extensions, nullableRef)
		}
	}
	for _, e := range embedded {
		fixFields(s, e, done, optional)
	}
}
