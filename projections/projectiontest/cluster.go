package projectiontest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// Cluster is what the processes of a test share, in memory: who leads, and
// word of how far leaders are. It implements projections.Leases and
// projections.Announcements for all of them, on tables and state that went
// through Tables and State.
type Cluster struct {
	mu        sync.Mutex
	seats     map[string]*seat
	newest    map[string]uint64
	followers map[*func(string, uint64)]struct{}
}

var (
	_ projections.Leases        = (*Cluster)(nil)
	_ projections.Announcements = (*Cluster)(nil)
)

// NewCluster makes one that nobody leads in.
func NewCluster() *Cluster {
	return &Cluster{seats: map[string]*seat{}, newest: map[string]uint64{}, followers: map[*func(string, uint64)]struct{}{}}
}

// seat is one lead.
type seat struct {
	free chan struct{} // holds one while nobody leads

	checked sync.RWMutex // held for reading by each transaction of the leader, from its check to its end
	leader  *reign       // nil while nobody leads
	taken   int          // how often it was led
}

// reign is one term of a leader.
type reign struct {
	seat   *seat
	depose context.CancelFunc
}

func (c *Cluster) seat(name string) *seat {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.seats[name]
	if s == nil {
		s = &seat{free: make(chan struct{}, 1)}
		s.free <- struct{}{}
		c.seats[name] = s
	}
	return s
}

// Lead implements projections.Leases.
func (c *Cluster) Lead(ctx context.Context, name string, f func(context.Context, projections.Fence) error) error {
	s := c.seat(name)
	select {
	case <-s.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	term, cancel := context.WithCancel(ctx)
	defer cancel()
	me := &reign{seat: s, depose: cancel}
	s.checked.Lock()
	s.leader = me
	s.taken++
	s.checked.Unlock()
	err := f(term, me)
	if !s.vacate(me, false) {
		return projections.ErrDeposed
	}
	return err
}

// vacate ends a term, or whichever there is, once its transactions have ended.
func (s *seat) vacate(who *reign, tell bool) bool {
	s.checked.Lock()
	defer s.checked.Unlock()
	if s.leader == nil || who != nil && s.leader != who {
		return false
	}
	if tell {
		s.leader.depose()
	}
	s.leader = nil
	s.free <- struct{}{}
	return true
}

// Depose takes the lead from whoever has it and tells them; false where nobody
// does. It waits for a transaction under way.
func (c *Cluster) Depose(name string) bool { return c.seat(name).vacate(nil, true) }

// Usurp is Depose of a leader that does not notice: it is paused, or cut off.
func (c *Cluster) Usurp(name string) bool { return c.seat(name).vacate(nil, false) }

// Terms is how often somebody began to lead.
func (c *Cluster) Terms(name string) int {
	s := c.seat(name)
	s.checked.RLock()
	defer s.checked.RUnlock()
	return s.taken
}

// errForeign is a mistake of a test: only what the cluster has seen open can
// be checked.
var errForeign = errors.New("projectiontest: a transaction of a database that did not go through Cluster.Tables or Cluster.State")

// Check implements projections.Fence.
func (r *reign) Check(_ context.Context, b readmodels.Batch) error {
	t, ok := b.(*transaction)
	if !ok {
		return errForeign
	}
	if t.checked == r {
		return nil
	}
	r.seat.checked.RLock()
	if r.seat.leader != r {
		r.seat.checked.RUnlock()
		return projections.ErrDeposed
	}
	t.checked = r
	return nil
}

// Announce implements projections.Announcements.
func (c *Cluster) Announce(_ context.Context, b readmodels.Batch, name string, position uint64) error {
	t, ok := b.(*transaction)
	if !ok {
		return errForeign
	}
	t.news = append(t.news, news{name, position})
	return nil
}

// Follow implements projections.Announcements.
func (c *Cluster) Follow(ctx context.Context, reach func(name string, position uint64)) error {
	c.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(c.newest)) {
		reach(name, c.newest[name])
	}
	c.followers[&reach] = struct{}{}
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	delete(c.followers, &reach)
	c.mu.Unlock()
	return nil
}

func (c *Cluster) spread(all []news) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range all {
		c.newest[n.name] = n.position
		for reach := range c.followers {
			(*reach)(n.name, n.position)
		}
	}
}

// Tables are generations whose transactions leaders can check.
func (c *Cluster) Tables(g readmodels.Generations) readmodels.Generations {
	return &clusterTables{g, c}
}

// State is a database whose transactions leaders can check.
func (c *Cluster) State(db readmodels.DB) readmodels.DB { return &clusterDB{DB: db, cluster: c} }

type clusterTables struct {
	readmodels.Generations
	cluster *Cluster
}

func (g *clusterTables) Create(ctx context.Context, name string, schema []string) (readmodels.DB, error) {
	db, err := g.Generations.Create(ctx, name, schema)
	if err != nil {
		return nil, err
	}
	return g.cluster.State(db), nil
}

func (g *clusterTables) Swap(ctx context.Context, name string, within func(context.Context, readmodels.Batch) error) error {
	if within == nil {
		return g.Generations.Swap(ctx, name, nil)
	}
	var t *transaction
	err := g.Generations.Swap(ctx, name, func(ctx context.Context, b readmodels.Batch) error {
		t = &transaction{Batch: b}
		return within(ctx, t)
	})
	t.end(g.cluster, err)
	return err
}

type clusterDB struct {
	readmodels.DB
	cluster *Cluster
	order   sync.Mutex // news are spread in the order of commits
}

func (d *clusterDB) Batch(ctx context.Context, f func(readmodels.Batch) error) error {
	d.order.Lock()
	defer d.order.Unlock()
	var t *transaction
	err := d.DB.Batch(ctx, func(b readmodels.Batch) error {
		t = &transaction{Batch: b}
		return f(t)
	})
	t.end(d.cluster, err)
	return err
}

type news struct {
	name     string
	position uint64
}

// transaction is a batch that knows who checked it and what is announced.
type transaction struct {
	readmodels.Batch
	checked *reign
	news    []news
}

// end tells the news if it was committed, and lets others lead.
func (t *transaction) end(c *Cluster, err error) {
	if t == nil {
		return // it did not even begin
	}
	if err == nil {
		c.spread(t.news)
	}
	if t.checked != nil {
		t.checked.seat.checked.RUnlock()
	}
}
