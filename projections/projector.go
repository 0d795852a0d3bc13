package projections

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// Handler writes the rows of one event. Its error parks the event, unless it
// is readmodels.ErrUnavailable.
type Handler func(ctx context.Context, b readmodels.Batch, e event.Decoded) error

// Route sends events of one type to a handler; On makes it.
type Route struct {
	data   event.Data
	handle Handler
}

// On routes events whose newest version is T to f. Several routes may take
// the same type; they run in the order in which they are listed.
func On[T any](f func(ctx context.Context, b readmodels.Batch, e event.Decoded, data T) error) Route {
	var zero T
	return Route{data: zero, handle: func(ctx context.Context, b readmodels.Batch, e event.Decoded) error {
		return f(ctx, b, e, e.Payload.(T))
	}}
}

// Projector says how tables come from events.
type Projector struct {
	Name    string   // of letters, digits and "_", at most 32
	Version int      // raised when handlers change what they write
	Schema  []string // statements that create if absent
	Routes  []Route
}

// resolve gives the handlers by the wire names of all versions of their
// types; types of the catalogue without a handler map to nothing.
func (p Projector) resolve(c *event.Catalogue) (map[string][]Handler, error) {
	newest := map[string][]Handler{}
	for _, r := range p.Routes {
		name := c.NameOf(r.data)
		if d, ok := c.Newest(name); !ok || d.Name != name {
			return nil, fmt.Errorf("projector %s: %T is not the newest version of a type of the catalogue", p.Name, r.data)
		}
		newest[name] = append(newest[name], r.handle)
	}
	routes := map[string][]Handler{}
	for _, d := range c.Definitions() {
		n, _ := c.Newest(d.Name)
		routes[d.Name] = newest[n.Name]
	}
	return routes, nil
}

// Types are the wire names of the types that have a route, each once, sorted.
func (p Projector) Types(c *event.Catalogue) []string {
	types := map[string]bool{}
	for _, r := range p.Routes {
		types[c.NameOf(r.data)] = true
	}
	return slices.Sorted(maps.Keys(types))
}

// layout is the version of the runner's own tables.
const layout = 1

// Family names the generations that this projector builds from a log of that
// epoch: a new name for whatever changes its rows. The first one has this very
// name, rebuilt ones have a suffix ("_" and hexadecimal digits). Its leader and
// its live generation are the family's own, so that two releases can stand
// side by side.
func (p Projector) Family(c *event.Catalogue, epoch uuid.UUID) string {
	what, _ := json.Marshal([]any{layout, p.Version, p.Schema, p.Types(c), epoch}) // strings and numbers: never fails
	sum := sha256.Sum256(what)
	return p.Name + "_" + hex.EncodeToString(sum[:8])
}
