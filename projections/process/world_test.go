package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a community on a log in memory.
type world struct {
	t      *testing.T
	log    *projectiontest.Log
	codec  *event.Codec
	ring   *keyring.Ring
	tables readmodels.Generations
	c      *commands.Commands
	board  uuid.UUID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := keyring.Open(filepath.Join(t.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	must(t, err)
	t.Cleanup(func() { _ = ring.Close() })
	catalogue, err := domain.Catalogue()
	must(t, err)
	tables := newTables(t)
	w := &world{t: t, log: projectiontest.NewLog(), codec: event.NewCodec(catalogue, ring), ring: ring, tables: tables}
	w.c = w.commands(w.log)
	_, err = w.c.Epoch(t.Context())
	must(t, err)
	w.board = uuid.Must(uuid.NewV7())
	w.append("board-"+w.board.String(), board.Created{By: w.person().Account, Name: "b"})
	return w
}

// commands are those of one process over store.
func (w *world) commands(store event.Store) *commands.Commands {
	w.t.Helper()
	return w.commandsAt(store, commands.Defaults().Now)
}

// commandsAt are those of a process with that clock.
func (w *world) commandsAt(store event.Store, now func() time.Time) *commands.Commands {
	w.t.Helper()
	cfg := commands.Defaults()
	cfg.Now = now
	cfg.PasswordCost = passwords.Cost{Memory: 64, Time: 1, Threads: 1}
	c, err := commands.New(cfg, commands.Deps{Store: store, Codec: w.codec, Keyring: w.ring, Log: slog.New(slog.DiscardHandler)})
	must(w.t, err)
	w.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func (w *world) append(stream string, data event.Data) {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	typ, stored, err := w.codec.Encode(w.t.Context(), stream, id, data)
	must(w.t, err)
	_, err = w.log.Append(w.t.Context(), stream, event.Any, []event.Event{{ID: id, Type: typ, Time: time.UnixMilli(1), Data: stored}})
	must(w.t, err)
}

func (w *world) person() commands.Actor {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	must(w.t, w.ring.EnsureAccount(w.t.Context(), id))
	w.append(account.Stream(id), account.Registered{Handle: id.String()[24:], Roles: []string{"member"}})
	return commands.Actor{Account: id}
}

// copied is a log of the same events at the same positions.
func (w *world) copied() *projectiontest.Log {
	w.t.Helper()
	to := projectiontest.NewLog()
	for rec, err := range w.log.All(w.t.Context(), 0, event.Filter{}) {
		must(w.t, err)
		_, err := to.Append(w.t.Context(), rec.Stream, event.Expected(rec.Revision)-1, []event.Event{{
			ID: rec.ID, Type: rec.Type, Time: rec.Time, Data: rec.Data, Metadata: rec.Metadata,
		}})
		must(w.t, err)
	}
	return to
}

// fold brings the tables up to the log, once.
func (w *world) fold() {
	w.t.Helper()
	projectiontest.Fold(w.t, projectiontest.Config(projections.Tables(readmodels.Feeds{}), w.log, w.codec, w.tables))
}

// there is a Waiter for tables that are where they shall be.
type there struct{}

func (there) Wait(ctx context.Context, _ uint64) error { return ctx.Err() }

// notify is one process that tells, over store.
func (w *world) notify(store event.Store, tables Waiter, checkpoint Checkpoint) *Notify {
	return NewNotify(NotifyConfig{
		Store: store, Codec: w.codec, Commands: w.commands(store), Tables: tables, Reads: readmodels.NewTables(w.tables),
		Checkpoint: checkpoint, Now: time.Now, Log: slog.New(slog.DiscardHandler), RetryMin: time.Millisecond, RetryMax: time.Millisecond,
		Crowd: 2, // several pages of whoever follows something
	})
}

// run runs n until stop is called.
func (w *world) run(n *Notify) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, errKilled) {
			w.t.Error(err)
		}
	})
}

// finish runs n until everybody was told of the log up to position.
func (w *world) finish(n *Notify, position uint64) {
	w.t.Helper()
	stop := w.run(n)
	defer stop()
	ctx, cancel := context.WithTimeout(w.t.Context(), projectiontest.Patience)
	defer cancel()
	_, err := n.Wait(ctx, position)
	must(w.t, err)
}

// inboxes are all entries of a log: who, what, in the order of each inbox.
func (w *world) inboxes(store event.Store) map[string][]string {
	w.t.Helper()
	all := map[string][]string{}
	for rec, err := range store.All(w.t.Context(), 0, event.Filter{Categories: []string{"inbox"}}) {
		must(w.t, err)
		d, err := w.codec.Decode(w.t.Context(), rec)
		must(w.t, err)
		e := d.Payload.(notification.Notified)
		all[rec.Stream] = append(all[rec.Stream], fmt.Sprint(e.Kind, " ", e.Actor, " ", e.Subject, " ", e.Cause, " ", e.Message))
	}
	return all
}

// memory is a Checkpoint that is lost with the test.
type memory struct {
	mu       sync.Mutex
	epoch    uuid.UUID
	position uint64
}

func (m *memory) Load(context.Context) (uuid.UUID, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.epoch, m.position, nil
}

func (m *memory) Save(_ context.Context, _ projections.Fence, epoch uuid.UUID, position uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch, m.position = epoch, position
	return nil
}

// errKilled is what every step of a killed process comes to.
var errKilled = errors.New("killed")

// death kills a process at one of its steps: nothing that comes after it has
// an effect. Steps are appends and checkpoints; an append may or may not have
// happened when the process dies.
type death struct {
	event.Store
	Checkpoint
	mu    sync.Mutex
	left  int // steps until then
	after bool
	dead  bool
	fell  chan struct{}
}

func newDeath(store event.Store, c Checkpoint, at int, after bool) *death {
	return &death{Store: store, Checkpoint: c, left: at, after: after, fell: make(chan struct{})}
}

// step counts one; last says that it still takes place.
func (d *death) step() (last bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return false, errKilled
	}
	if d.left--; d.left > 0 {
		return false, nil
	}
	d.dead = true
	close(d.fell)
	return d.after, errKilled
}

func (d *death) Append(ctx context.Context, stream string, at event.Expected, events []event.Event) (event.Result, error) {
	last, err := d.step()
	if err != nil && !last {
		return event.Result{}, err
	}
	res, appended := d.Store.Append(ctx, stream, at, events)
	return res, errors.Join(err, appended)
}

func (d *death) Save(ctx context.Context, fence projections.Fence, epoch uuid.UUID, position uint64) error {
	last, err := d.step()
	if err != nil && !last {
		return err
	}
	return errors.Join(err, d.Checkpoint.Save(ctx, fence, epoch, position))
}

// startTables runs the tables until the test ends.
func startTables(t *testing.T, w *world) (*projections.Runner, func() error) {
	t.Helper()
	return projectiontest.Start(t, projectiontest.Config(projections.Tables(readmodels.Feeds{}), w.log, w.codec, w.tables))
}
