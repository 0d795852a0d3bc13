package event

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Data is what an event says: a plain struct that a Definition names.
type Data any

// Context is the part of the community an event belongs to; each is a topic
// of its own in Kafka.
type Context string

// The contexts.
const (
	People  Context = "people"
	Forum   Context = "forum"
	Chat    Context = "chat"
	Inbox   Context = "inbox"
	Ops     Context = "ops"
	Outside Context = "outside" // streams of categories that are not ours
)

// Definition is one row of a catalogue: a version of a type of event.
type Definition struct {
	Name    string  // wire name, frozen: "post.published.v1"
	Context Context // of the type's newest version
	data    reflect.Type
	root    func(stream string, data Data) string
	lift    func(Data) Data // to the next version; nil in the newest
}

// Of defines the newest version of a type. root names the thing at the root
// of the event (account, post, room): events of one root keep their order
// everywhere. A nil root is the id of the stream.
func Of[T any](name string, context Context, root func(T) string) Definition {
	d := Definition{Name: name, Context: context, data: reflect.TypeFor[T]()}
	d.root = func(stream string, _ Data) string { return StreamID(stream) }
	if root != nil {
		d.root = func(_ string, data Data) string { return root(data.(T)) }
	}
	return d
}

// Was defines an older version, kept for ever, that lift turns into the next
// one. Lifting is pure and never fails.
func Was[Old, Next any](name string, lift func(Old) Next) Definition {
	return Definition{
		Name: name,
		data: reflect.TypeFor[Old](),
		lift: func(d Data) Data { return lift(d.(Old)) },
	}
}

// Root is the id of the thing at the root of an event.
func (d Definition) Root(stream string, data Data) string { return d.root(stream, data) }

// Newest says whether no later version exists; only the newest are written.
func (d Definition) Newest() bool { return d.lift == nil }

// Category is the part of the name before its first ".".
func (d Definition) Category() string {
	c, _, _ := strings.Cut(d.Name, ".")
	return c
}

// Zero is a new empty value of the definition's struct.
func (d Definition) Zero() Data { return reflect.Zero(d.data).Interface() }

// Catalogue is every definition there is, by name and by struct.
type Catalogue struct {
	byName     map[string]*row
	byData     map[reflect.Type]*row
	categories map[string]bool
}

type row struct {
	Definition
	plan *plan
}

// NewCatalogue gathers definitions. It fails for two rows of one name or
// struct, a struct with a wrong seal tag, and an old version without its next.
func NewCatalogue(groups ...[]Definition) (*Catalogue, error) {
	c := &Catalogue{byName: map[string]*row{}, byData: map[reflect.Type]*row{}, categories: map[string]bool{}}
	for _, d := range slices.Concat(groups...) {
		if c.byName[d.Name] != nil {
			return nil, fmt.Errorf("event catalogue: %s is defined twice", d.Name)
		}
		if other := c.byData[d.data]; other != nil {
			return nil, fmt.Errorf("event catalogue: %s and %s share %s", d.Name, other.Name, d.data)
		}
		p, err := newPlan(d.data)
		if err != nil {
			return nil, fmt.Errorf("event catalogue: %s: %w", d.Name, err)
		}
		r := &row{Definition: d, plan: p}
		c.byName[d.Name], c.byData[d.data] = r, r
		c.categories[d.Category()] = true
	}
	for name, r := range c.byName {
		if r.lift == nil {
			continue
		}
		if next := reflect.TypeOf(r.lift(r.Zero())); c.byData[next] == nil {
			return nil, fmt.Errorf("event catalogue: %s is lifted to %s, which has no row", name, next)
		}
	}
	return c, nil
}

// Definitions lists the rows by name.
func (c *Catalogue) Definitions() []Definition {
	all := make([]Definition, 0, len(c.byName))
	for _, r := range c.byName {
		all = append(all, r.Definition)
	}
	slices.SortFunc(all, func(a, b Definition) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// NameOf is the wire name of data's struct, or "".
func (c *Catalogue) NameOf(data Data) string {
	if r := c.byData[reflect.TypeOf(data)]; r != nil {
		return r.Name
	}
	return ""
}

// Newest is the definition of the version that events of the type name are
// lifted to, which may be name itself; false for an unknown type.
func (c *Catalogue) Newest(name string) (Definition, bool) {
	r := c.byName[name]
	if r == nil {
		return Definition{}, false
	}
	for r.lift != nil {
		r = c.byData[reflect.TypeOf(r.lift(r.Zero()))]
	}
	return r.Definition, true
}

// Owns says whether streams of that category are ours. Categories that begin
// "parley_" belong to later releases.
func (c *Catalogue) Owns(category string) bool {
	return c.categories[category] || strings.HasPrefix(category, "parley_")
}
