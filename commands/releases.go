package commands

import (
	"context"
	"time"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/ops"
)

// errRolling refuses an event that not every process can read yet.
var errRolling = fault.New(fault.Unavailable, "release.rolling", "A new release is being rolled out. Please try this again in a moment.").After(5 * time.Second)

// Release is how a release stands to what a community may write.
type Release struct {
	Begun   bool     // something is enabled: the log was written to by a release that knows of this
	Pending []string // types of this release that are not enabled yet, sorted
	Unknown []string // enabled types that this release cannot read, sorted
}

// CheckRelease compares this release with the log's TypesStream as it is in
// the log now, and holds commands back from writing what is pending.
func (c *Commands) CheckRelease(ctx context.Context) (Release, error) {
	ctx, err := c.upToDate(ctx)
	if err != nil {
		return Release{}, err
	}
	var r Release
	known := c.written()
	err = view(ctx, c.core, ops.TypesStream, ops.NewTypes, func(t *ops.Types) error {
		r.Begun, r.Pending = len(t.Enabled()) > 0, t.Missing(known)
		for _, name := range t.Enabled() {
			if _, ok := c.codec.Catalogue().Newest(name); !ok {
				r.Unknown = append(r.Unknown, name)
			}
		}
		return nil
	})
	if err == nil && r.Begun { // else nobody can be behind
		c.hold(r.Pending)
	}
	return r, err
}

// EnableTypes says that every process can read what this release writes.
func (c *Commands) EnableTypes(ctx context.Context) error {
	known := c.written()
	_, err := change(WithActor(ctx, event.System), c.core, ops.TypesStream, ops.NewTypes, func(t *ops.Types) ([]event.Data, error) {
		return t.Enable(known), nil
	})
	return err
}

// written are the wire names that this release writes: the newest versions.
// What the log says of itself is none of them: it is what allows the others.
func (c *Commands) written() []string {
	var names []string
	for _, d := range c.codec.Catalogue().Definitions() {
		if d.Newest() && d.Category() != event.Category(ops.TypesStream) {
			names = append(names, d.Name)
		}
	}
	return names
}

// hold keeps commands from writing those types.
func (c *core) hold(types []string) {
	held := make(map[string]bool, len(types))
	for _, name := range types {
		held[name] = true
	}
	c.held.Store(&held)
}

func (c *core) isHeld(typ string) bool {
	held := c.held.Load()
	return held != nil && (*held)[typ]
}
