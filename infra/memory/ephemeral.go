package memory

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parleyhq/parley/domain/fault"
)

// Ephemeral is a commands.Ephemeral.
type Ephemeral struct {
	most int
	now  func() time.Time

	mu     sync.Mutex
	kept   map[string]*value
	due    expiries
	groups map[string][]*value // oldest first
}

type value struct {
	key, group string
	bytes      []byte
	expires    time.Time
	place      int // in due
}

// NewEphemeral makes a store of at most most values.
func NewEphemeral(most int, now func() time.Time) *Ephemeral {
	return &Ephemeral{most: most, now: now, kept: map[string]*value{}, groups: map[string][]*value{}}
}

// Put implements commands.Ephemeral.
func (e *Ephemeral) Put(ctx context.Context, key string, bytes []byte, ttl time.Duration) error {
	return e.PutAmong(ctx, "", 0, key, bytes, ttl)
}

// PutAmong implements commands.Ephemeral.
func (e *Ephemeral) PutAmong(_ context.Context, group string, most int, key string, bytes []byte, ttl time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire()
	if old := e.kept[key]; old != nil {
		e.remove(old)
	}
	if g := e.groups[group]; most > 0 && len(g) >= most {
		e.remove(g[0])
	}
	return e.add(&value{key: key, group: group, bytes: slices.Clone(bytes), expires: e.now().Add(ttl)})
}

// Add implements commands.Ephemeral.
func (e *Ephemeral) Add(_ context.Context, key string, bytes []byte, ttl time.Duration) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire()
	if e.kept[key] != nil {
		return false, nil
	}
	err := e.add(&value{key: key, bytes: slices.Clone(bytes), expires: e.now().Add(ttl)})
	return err == nil, err
}

// Get implements commands.Ephemeral.
func (e *Ephemeral) Get(_ context.Context, key string) ([]byte, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire()
	v := e.kept[key]
	if v == nil {
		return nil, false, nil
	}
	return slices.Clone(v.bytes), true, nil
}

// Take implements commands.Ephemeral.
func (e *Ephemeral) Take(_ context.Context, key string) ([]byte, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire()
	v := e.kept[key]
	if v == nil {
		return nil, false, nil
	}
	e.remove(v)
	return v.bytes, true, nil
}

// Len is how many values are kept.
func (e *Ephemeral) Len() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire()
	return len(e.kept)
}

func (e *Ephemeral) add(v *value) error {
	if len(e.kept) >= e.most {
		return fault.ErrUnavailable
	}
	e.kept[v.key] = v
	heap.Push(&e.due, v)
	if v.group != "" {
		e.groups[v.group] = append(e.groups[v.group], v)
	}
	return nil
}

// expire removes what is too old.
func (e *Ephemeral) expire() {
	for now := e.now(); len(e.due) > 0 && !now.Before(e.due[0].expires); {
		e.remove(e.due[0])
	}
}

func (e *Ephemeral) remove(v *value) {
	heap.Remove(&e.due, v.place)
	delete(e.kept, v.key)
	if v.group == "" {
		return
	}
	g := slices.DeleteFunc(e.groups[v.group], func(other *value) bool { return other == v })
	if e.groups[v.group] = g; len(g) == 0 {
		delete(e.groups, v.group)
	}
}

// expiries is a heap, soonest first.
type expiries []*value

// Len implements heap.Interface, as the others do.
func (x expiries) Len() int           { return len(x) }
func (x expiries) Less(i, j int) bool { return x[i].expires.Before(x[j].expires) }
func (x expiries) Swap(i, j int) {
	x[i], x[j] = x[j], x[i]
	x[i].place, x[j].place = i, j
}

// Push implements heap.Interface.
func (x *expiries) Push(v any) {
	v.(*value).place = len(*x)
	*x = append(*x, v.(*value))
}

// Pop implements heap.Interface.
func (x *expiries) Pop() any {
	last := len(*x) - 1
	v := (*x)[last]
	(*x)[last] = nil
	*x = (*x)[:last]
	return v
}
