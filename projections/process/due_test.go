package process

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// planned is a world with a clock of its own, in which posts are scheduled.
type planned struct {
	*world
	clock  atomic.Int64 // milliseconds
	tables Waiter
	author commands.Actor
}

func newPlanned(t *testing.T) *planned {
	t.Helper()
	p := &planned{world: newWorld(t)}
	p.clock.Store(1_800_000_000_000)
	p.c = p.commandsAt(p.log, p.now)
	p.tables, _ = startTables(t, p.world)
	p.author = p.person()
	return p
}

func (p *planned) now() time.Time { return time.UnixMilli(p.clock.Load()).UTC() }

// pass lets time pass.
func (p *planned) pass(d time.Duration) { p.clock.Add(d.Milliseconds()) }

// schedule schedules a post.
func (p *planned) schedule(by commands.Actor, in time.Duration) uuid.UUID {
	p.t.Helper()
	id, _, err := p.c.CreatePost(p.t.Context(), by, p.board, commands.CreatePost{Title: "t", Body: "b #tag", PublishAt: p.now().Add(in)})
	must(p.t, err)
	return id
}

// due is one process that publishes what is due, over store.
func (p *planned) due(store event.Store, leases projections.Leases) *Due {
	return NewDue(DueConfig{
		Commands: p.commandsAt(store, p.now), Reads: readmodels.NewTables(p.world.tables), Leases: leases, Every: time.Millisecond,
		Now: p.now, Log: slog.New(slog.DiscardHandler), RetryMin: time.Millisecond, RetryMax: time.Millisecond,
	})
}

// lead runs d until stop is called.
func (p *planned) lead(d *Due) (stop func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
	})
	p.t.Cleanup(stop)
	return stop
}

// seen waits until the tables show the log.
func (p *planned) seen() {
	p.t.Helper()
	must(p.t, p.tables.Wait(p.t.Context(), head(p.t, p.log)))
}

// said is what a post's stream says, by the names of the events.
func (p *planned) said(id uuid.UUID) (names []string, all []event.Decoded) {
	p.t.Helper()
	for rec, err := range p.log.Stream(p.t.Context(), post.Stream(id), 0, event.Forward) {
		must(p.t, err)
		d, err := p.codec.Decode(p.t.Context(), rec)
		must(p.t, err)
		names, all = append(names, rec.Type), append(all, d)
	}
	return names, all
}

// until waits until the streams of all posts say so.
func (p *planned) until(want []string, ids ...uuid.UUID) {
	p.t.Helper()
	deadline := time.Now().Add(projectiontest.Patience)
	for _, id := range ids {
		for {
			got, _ := p.said(id)
			if slices.Equal(got, want) {
				break
			}
			if len(got) > len(want) || time.Now().After(deadline) {
				p.t.Fatalf("%v, want %v", got, want)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

var published = []string{"post.drafted.v1", "post.published.v1"}

// F2: posts are published when their time has come, each once, however many
// lead, by whomever they are led before; and never before their time.
func TestF2_DueOnce(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	cluster := projectiontest.NewCluster()
	for range 2 { // with a lease, and two without
		p.lead(p.due(p.log, cluster))
		p.lead(p.due(p.log, projections.Alone{}))
	}
	var ids []uuid.UUID
	for i := range 30 {
		ids = append(ids, p.schedule(p.author, time.Duration(1+i)*time.Minute))
	}
	p.seen()
	for i, id := range ids {
		if i%5 == 0 {
			cluster.Depose(DueName)
		}
		p.pass(59_999 * time.Millisecond)
		p.until([]string{"post.drafted.v1"}, ids[i:]...)
		p.pass(time.Millisecond)
		p.until(published, id)
	}
	p.seen()
	for i, id := range ids {
		p.until(published, id)
		_, all := p.said(id)
		want := time.UnixMilli(1_800_000_000_000).Add(time.Duration(1+i) * time.Minute)
		if got := all[1]; !got.Time.Equal(want) || got.Meta().Actor != event.System || !slices.Equal(got.Payload.(post.Published).Hashtags, []string{"tag"}) {
			t.Errorf("post %d was published at %v, %v", i, got.Time, got.Meta())
		}
	}
}

// F2: whichever step a process dies at, the next one publishes what is left,
// once; so does one that begins long after.
func TestF2_DueAfterDeath(t *testing.T) {
	t.Parallel()
	for at := 1; at <= 6; at++ {
		for _, after := range []bool{false, true} {
			p := newPlanned(t)
			var ids []uuid.UUID
			for i := range 5 {
				ids = append(ids, p.schedule(p.author, time.Duration(1+i)*time.Second))
			}
			p.seen()
			p.pass(time.Hour)
			d := newDeath(p.log, &memory{}, at, after)
			stop := p.lead(p.due(d, projections.Alone{}))
			if at <= len(ids) {
				<-d.fell
			} else {
				p.until(published, ids...)
			}
			stop()
			p.lead(p.due(p.log, projections.Alone{}))
			p.until(published, ids...)
		}
	}
}

// F2: a post is published as it is when its time has come: changed, moved or
// deleted before, it is none of what it was.
func TestF2_DueAsItIs(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	ctx := t.Context()
	edit := func(id uuid.UUID, in commands.EditPost) {
		t.Helper()
		_, err := p.c.EditPost(ctx, p.author, id, in)
		must(t, err)
	}
	changed, moved, undated, deleted := p.schedule(p.author, time.Minute), p.schedule(p.author, time.Minute), p.schedule(p.author, time.Minute), p.schedule(p.author, time.Minute)
	title, later := "other", p.now().Add(time.Hour)
	edit(changed, commands.EditPost{Title: &title})
	edit(moved, commands.EditPost{PublishAt: &later})
	edit(undated, commands.EditPost{PublishAt: &time.Time{}})
	_, err := p.c.DeletePost(ctx, p.author, deleted, nil)
	must(t, err)
	for _, id := range []uuid.UUID{changed, moved, undated, deleted} { // asked as by whom the tables tell late
		p.pass(time.Minute)
		_, err := p.c.PublishDue(ctx, id)
		must(t, err)
	}
	p.until([]string{"post.drafted.v1", "post.drafted.v1", "post.published.v1"}, changed)
	p.until([]string{"post.drafted.v1", "post.drafted.v1"}, moved, undated)
	p.until([]string{"post.drafted.v1", "post.deleted.v1"}, deleted)
	if _, all := p.said(changed); all[2].Payload.(post.Published).Title != title {
		t.Errorf("published as %v", all[2].Payload)
	}
	p.pass(time.Hour)
	for range 2 {
		_, err = p.c.PublishDue(ctx, moved)
		must(t, err)
	}
	p.until([]string{"post.drafted.v1", "post.drafted.v1", "post.published.v1"}, moved)
	if _, err := p.c.EditPost(ctx, p.author, moved, commands.EditPost{PublishAt: &later}); !errors.Is(err, post.ErrPublished) && fault.As(err) == nil {
		t.Errorf("a date for what is published: %v", err)
	}
}

// F2: what its author could not publish now is a draft again, and says why; it
// keeps nobody else waiting.
func TestF2_DueRefused(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	suspended, erased, archived := p.person(), p.person(), uuid.Must(uuid.NewV7())
	p.append(board.Stream(archived), board.Created{By: p.author.Account, Name: "a"})
	onArchived, _, err := p.c.CreatePost(t.Context(), p.author, archived, commands.CreatePost{Title: "t", Body: "b", PublishAt: p.now().Add(time.Minute)})
	must(t, err)
	reasons := map[uuid.UUID]string{
		p.schedule(suspended, time.Minute): "account.suspended",
		p.schedule(erased, time.Minute):    "post.author_gone",
		onArchived:                         "board.archived",
	}
	fine := p.schedule(p.author, 2*time.Minute)
	p.append(account.Stream(suspended.Account), account.Suspended{Reason: "spam", By: p.author.Account})
	p.append(board.Stream(archived), board.Archived{Archived: true, By: p.author.Account})
	must(t, p.ring.Destroy(t.Context(), erased.Account))
	p.pass(time.Hour)
	p.seen()
	p.lead(p.due(p.log, projections.Alone{}))
	p.until(published, fine)
	p.until([]string{"post.drafted.v1", "post.unscheduled.v1"}, slices.Collect(maps.Keys(reasons))...)
	p.seen()
	for id, reason := range reasons {
		_, all := p.said(id)
		if d := cmp.Diff(post.Unscheduled{Reason: reason}, all[1].Payload); d != "" {
			t.Error(d)
		}
	}
	// It can be scheduled anew, and its date of before is over.
	p.append(board.Stream(archived), board.Archived{By: p.author.Account})
	title := "other"
	_, err = p.c.EditPost(t.Context(), p.author, onArchived, commands.EditPost{Title: &title})
	must(t, err)
	p.seen()
	err = readmodels.NewTables(p.world.tables).Read(t.Context(), func(r readmodels.Reader) error {
		got, ok, err := readmodels.PostOf(t.Context(), r, p.author.Account, onArchived)
		if err == nil && (!ok || got.State != post.Draft || !got.PublishAt.IsZero() || got.Refusal != "") {
			t.Errorf("it is %+v", got)
		}
		return err
	})
	must(t, err)
	again := p.now().Add(time.Minute)
	_, err = p.c.EditPost(t.Context(), p.author, onArchived, commands.EditPost{PublishAt: &again})
	must(t, err)
	p.pass(time.Minute)
	p.until([]string{"post.drafted.v1", "post.unscheduled.v1", "post.drafted.v1", "post.drafted.v1", "post.published.v1"}, onArchived)
}
