package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

// Task is what a leader is asked for.
type Task string

// The tasks.
const (
	TaskRebuild Task = "rebuild"
	TaskReplay  Task = "replay" // of a parked event
	TaskDrop    Task = "drop"   // likewise
)

// Request is a task for whoever leads a projection.
type Request struct {
	ID         uuid.UUID
	Projection string
	Task       Task
	Parked     string // what TaskReplay and TaskDrop are about
	State      readmodels.RebuildState
	Done, Head uint64 // positions; 0 of 0 before it runs
	Reason     string // why it failed
	Asked      time.Time
}

// Over says whether nothing more will come of it.
func (r Request) Over() bool { return r.State == readmodels.Done || r.State == readmodels.Failed }

// RequestsConfig is what Requests need. Zero values of the settings mean the
// defaults given.
type RequestsConfig struct {
	DB       readmodels.DB // of the state
	NewID    func() uuid.UUID
	Now      func() time.Time
	Every    time.Duration // how often a leader looks, writes its progress, and whoever waits looks; 1 s
	Keep     time.Duration // how long requests that are over can be found; 7 days
	RetryMin time.Duration // first pause after the engine failed, doubled up to RetryMax; 100 ms
	RetryMax time.Duration // 10 s
	Log      *slog.Logger  // nothing
}

// Requests carry tasks from any process to the one that leads a projection.
// They stand in the state database until they are over: a leader that dies
// leaves them to the next one, who begins them again. Their methods may be
// called from any goroutine.
type Requests struct {
	cfg     RequestsConfig
	asked   call // for leaders
	changed call // for whoever waits
}

var requestSchema = []string{
	`CREATE TABLE IF NOT EXISTS projection_request (
		id text PRIMARY KEY, projection text NOT NULL, task text NOT NULL, parked text NOT NULL, state text NOT NULL,
		done bigint NOT NULL, head bigint NOT NULL, reason text NOT NULL, asked_at bigint NOT NULL, changed_at bigint NOT NULL,
		active text UNIQUE)`, // what it is about while it is not over, so that nobody asks twice
	`CREATE INDEX IF NOT EXISTS projection_request_newest ON projection_request (projection, asked_at DESC)`,
}

// NewRequests makes their table if it is not there.
func NewRequests(ctx context.Context, cfg RequestsConfig) (*Requests, error) {
	cfg.Every = cmp.Or(cfg.Every, time.Second)
	cfg.Keep = cmp.Or(cfg.Keep, 7*24*time.Hour)
	cfg.RetryMin = cmp.Or(cfg.RetryMin, 100*time.Millisecond)
	cfg.RetryMax = cmp.Or(cfg.RetryMax, 10*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	err := cfg.DB.Batch(ctx, func(b readmodels.Batch) error {
		for _, statement := range requestSchema {
			if err := b.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("requests to projections: %w", err)
	}
	return &Requests{cfg: cfg}, nil
}

// Ask leaves a task for the leader of a projection. parked is what a replay or
// a drop is about. Errors: readmodels.ErrRebuilding, readmodels.ErrReplaying
// where the same was asked for and is not over, the engine's.
func (q *Requests) Ask(ctx context.Context, projection string, task Task, parked string) (Request, error) {
	now := q.cfg.Now()
	r := Request{ID: q.cfg.NewID(), Projection: projection, Task: task, Parked: parked, State: readmodels.Queued, Asked: now}
	active, busy := projection+" rebuild", readmodels.ErrRebuilding
	if task != TaskRebuild {
		active, busy = projection+" parked "+parked, readmodels.ErrReplaying
	}
	taken := false
	err := q.cfg.DB.Batch(ctx, func(b readmodels.Batch) error {
		taken = false
		err := b.Exec(ctx, `DELETE FROM projection_request WHERE active IS NULL AND changed_at < ?`, now.Add(-q.cfg.Keep).UnixMilli())
		if err != nil {
			return err
		}
		return each(ctx, b, `INSERT INTO projection_request
			(id, projection, task, parked, state, done, head, reason, asked_at, changed_at, active)
			VALUES (?, ?, ?, ?, ?, 0, 0, '', ?, ?, ?) ON CONFLICT (active) DO NOTHING RETURNING id`,
			func(scan func(...any) error) error {
				taken = true
				return scan(new(string))
			}, r.ID.String(), projection, string(task), parked, string(r.State), now.UnixMilli(), now.UnixMilli(), active)
	})
	if err == nil && !taken {
		err = busy
	}
	if err == nil {
		q.asked.out()
	}
	return r, err
}

const selectRequest = `SELECT id, projection, task, parked, state, done, head, reason, asked_at FROM projection_request `

// Find gives a request. Errors: fault.ErrNotFound, the engine's.
func (q *Requests) Find(ctx context.Context, id uuid.UUID) (Request, error) {
	return q.one(ctx, selectRequest+`WHERE id = ?`, id.String())
}

// Newest gives the newest request of a task to a projection.
// Errors: fault.ErrNotFound where there is none, the engine's.
func (q *Requests) Newest(ctx context.Context, projection string, task Task) (Request, error) {
	return q.one(ctx, selectRequest+`WHERE projection = ? AND task = ? ORDER BY asked_at DESC, id DESC LIMIT 1`, projection, string(task))
}

func (q *Requests) one(ctx context.Context, query string, args ...any) (r Request, err error) {
	found := false
	err = each(ctx, q.cfg.DB, query, func(scan func(...any) error) error {
		var task, state string
		var asked int64
		err := scan(&r.ID, &r.Projection, &task, &r.Parked, &state, &r.Done, &r.Head, &r.Reason, &asked)
		r.Task, r.State, r.Asked = Task(task), readmodels.RebuildState(state), time.UnixMilli(asked).UTC()
		found = true
		return err
	}, args...)
	if err == nil && !found {
		err = fault.ErrNotFound
	}
	return r, err
}

// Await waits until a request is over. progress (may be nil) is told of it
// each time that it is looked at. Errors: those of Find, the context's.
func (q *Requests) Await(ctx context.Context, id uuid.UUID, progress func(Request)) (Request, error) {
	for {
		changed := q.changed.next()
		r, err := q.Find(ctx, id)
		if err != nil {
			return r, err
		}
		if progress != nil {
			progress(r)
		}
		if r.Over() {
			return r, nil
		}
		if err := q.pause(ctx, changed); err != nil {
			return r, err
		}
	}
}

// Serve does what is asked of p, one after another, until the term of leading
// ends; it is called by whoever leads p. Where the engine fails it tries
// again. Errors: ErrDeposed, the context's.
func (q *Requests) Serve(ctx context.Context, fence Fence, p Rebuilder) error {
	for {
		asked := q.asked.next()
		err := q.serveAll(ctx, fence, p)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, ErrDeposed) {
			return err
		}
		if err != nil {
			q.cfg.Log.Warn("requests to a projection wait", "projection", p.Name(), "error", err)
		}
		if err := q.pause(ctx, asked); err != nil {
			return err
		}
	}
}

func (q *Requests) serveAll(ctx context.Context, fence Fence, p Rebuilder) error {
	for {
		r, err := q.one(ctx, selectRequest+`WHERE projection = ? AND active IS NOT NULL ORDER BY asked_at, id LIMIT 1`, p.Name())
		if errors.Is(err, fault.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := q.serve(ctx, fence, p, r); err != nil {
			return err
		}
	}
}

// serve does one task. An error leaves it to be begun again.
func (q *Requests) serve(ctx context.Context, fence Fence, p Rebuilder, r Request) error {
	r.State, r.Done, r.Head = readmodels.Running, 0, 0
	if err := q.write(ctx, fence, r); err != nil {
		return err
	}
	written := q.cfg.Now()
	err := perform(ctx, p, r, func(done, head uint64) {
		now := q.cfg.Now()
		if now.Sub(written) < q.cfg.Every {
			return
		}
		r.Done, r.Head, written = done, head, now
		if err := q.write(ctx, fence, r); err != nil { // those who wait hear of it later
			q.cfg.Log.Warn("progress is not told", "projection", r.Projection, "error", err)
		}
	})
	if passing(err) || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	r.State = readmodels.Done
	if err != nil {
		r.State, r.Reason = readmodels.Failed, cut(err.Error())
	}
	wait := pauses{first: q.cfg.RetryMin, longest: q.cfg.RetryMax}
	for { // what is done must not be done again
		err := q.write(ctx, fence, r)
		if err == nil || errors.Is(err, ErrDeposed) {
			return err
		}
		q.cfg.Log.Warn("the end of a request is not told", "projection", r.Projection, "error", err)
		if !wait.wait(ctx) {
			return ctx.Err()
		}
	}
}

// passing says whether a task has not failed but could not be done yet.
func passing(err error) bool {
	for _, not := range []error{ErrDeposed, ErrNotLeading, ErrNotReady, ErrRebuilding, readmodels.ErrUnavailable} {
		if errors.Is(err, not) {
			return true
		}
	}
	return false
}

// replayer is what keeps parked events.
type replayer interface {
	Replay(ctx context.Context, id string) error
	Drop(ctx context.Context, id string) error
}

func perform(ctx context.Context, p Rebuilder, r Request, progress func(done, head uint64)) error {
	keeper, parks := p.(replayer)
	switch {
	case r.Task == TaskRebuild:
		return p.Rebuild(ctx, progress)
	case r.Task == TaskReplay && parks:
		return keeper.Replay(ctx, r.Parked)
	case r.Task == TaskDrop && parks:
		return keeper.Drop(ctx, r.Parked)
	}
	return fmt.Errorf("projections: %s cannot %q", p.Name(), r.Task)
}

// write keeps the state of a request, for the leader alone.
func (q *Requests) write(ctx context.Context, fence Fence, r Request) error {
	over := 0
	if r.Over() {
		over = 1
	}
	err := q.cfg.DB.Batch(ctx, func(b readmodels.Batch) error {
		if err := fence.Check(ctx, b); err != nil {
			return err
		}
		return b.Exec(ctx, `UPDATE projection_request SET state = ?, done = ?, head = ?, reason = ?, changed_at = ?,
			active = CASE WHEN ? = 1 THEN NULL ELSE active END WHERE id = ?`,
			string(r.State), r.Done, r.Head, r.Reason, q.cfg.Now().UnixMilli(), over, r.ID.String())
	})
	if err == nil {
		q.changed.out()
	}
	return err
}

// pause waits until it is time to look again.
func (q *Requests) pause(ctx context.Context, early <-chan struct{}) error {
	timer := time.NewTimer(q.cfg.Every)
	defer timer.Stop()
	select {
	case <-early:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call wakes everybody in this process who waits for the next one. The zero
// value is ready.
type call struct {
	mu sync.Mutex
	c  chan struct{}
}

func (c *call) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.c == nil {
		c.c = make(chan struct{})
	}
	return c.c
}

func (c *call) out() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.c != nil {
		close(c.c)
		c.c = nil
	}
}
