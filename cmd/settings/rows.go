package settings

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Source is the level that gave a value; a higher one beats a lower one.
type Source int

// The levels, from weak to strong.
const (
	Default Source = iota
	File
	Env
	Flag
)

// String is the word that `parley config` shows.
func (s Source) String() string { return [...]string{"default", "file", "env", "flag"}[s] }

// Row is one setting with its value, as `parley config` and the generated
// documentation show it.
type Row struct {
	Name      string   `json:"name"`   // the flag without its dashes, and the key of the file
	Value     string   `json:"value"`  // secrets hidden
	Source    string   `json:"source"` // flag, env, file or default
	Env       string   `json:"env"`
	Default   string   `json:"default"`
	Help      string   `json:"help"`
	Group     string   `json:"group"`
	Roles     []string `json:"roles"` // empty is all
	OneOf     []string `json:"oneOf"` // the words allowed; empty is any
	Zero      string   `json:"zero"`  // what 0 means; empty is not allowed
	Max       string   `json:"max"`   // the highest number; empty is none
	Secret    bool     `json:"secret"`
	Available bool     `json:"available"` // false: known, not built yet
}

// Rows is every setting in the order of the table.
func (s Settings) Rows() []Row {
	fs := fields(reflect.ValueOf(s))
	rows := make([]Row, 0, len(fs))
	for _, f := range fs {
		r := Row{
			Name: f.name, Env: EnvName(f.name), Default: f.tag.Get("default"), Help: f.tag.Get("help"), Group: f.group,
			Value: text(f.value), Source: s.sources[f.name].String(), Secret: f.secret(), Available: !isNotYet(f.name),
		}
		r.Roles, r.OneOf = list(f.tag.Get("roles")), list(f.tag.Get("oneof"))
		r.Zero, r.Max = f.tag.Get("zero"), f.tag.Get("max")
		if r.Secret && r.Value != "" {
			r.Value = hidden(r.Value)
		}
		rows = append(rows, r)
	}
	return rows
}

// list is a tag's words; none is an empty list, which JSON shows as [].
func list(words string) []string {
	if words == "" {
		return []string{}
	}
	return strings.Split(words, ",")
}

// Source is the level that gave the setting of that flag.
func (s Settings) Source(name string) Source { return s.sources[name] }

// EnvName is the environment variable of a flag: http is PARLEY_HTTP.
func EnvName(flag string) string {
	return "PARLEY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// field is one row of the table with its place in a Settings.
type field struct {
	name  string
	group string
	tag   reflect.StructTag
	value reflect.Value
}

func (f field) secret() bool {
	_, ok := f.tag.Lookup("secret")
	return ok
}

// fields are the rows of the table that v, a Settings, holds.
func fields(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() { // the unexported fields are no groups
		group := v.Type().Field(i)
		if !group.Anonymous {
			continue
		}
		for j := range group.Type.NumField() {
			tag := group.Type.Field(j).Tag
			out = append(out, field{tag.Get("name"), group.Tag.Get("group"), tag, v.Field(i).Field(j)})
		}
	}
	return out
}

// names are the flags of the table.
func names() []string {
	var out []string
	for _, f := range fields(reflect.ValueOf(Settings{})) {
		out = append(out, f.name)
	}
	return out
}

// hidden keeps the scheme of a URL and nothing else: a malformed one could
// carry its password in any part.
func hidden(secret string) string {
	if scheme, _, ok := strings.Cut(secret, "://"); ok && len(scheme) < 20 {
		return scheme + "://***"
	}
	return "***"
}

// text is a value as one would write it.
func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return duration(x)
	case fmt.Stringer:
		return x.String()
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int:
		return strconv.Itoa(x)
	case map[string]string:
		parts := make([]string, 0, len(x))
		for _, k := range sortedKeys(x) {
			parts = append(parts, k+"="+x[k])
		}
		return strings.Join(parts, ";")
	}
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = text(v.Index(i))
	}
	return strings.Join(parts, ",")
}
