package commands

import (
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/report"
)

// bench is a board with its moderator, an author and a reporter.
type bench struct {
	*community
	n                     *Commands
	mod, author, reporter Actor
	post, comment         uuid.UUID
}

func newBench(t *testing.T) *bench {
	t.Helper()
	ctx := t.Context()
	b := &bench{community: newCommunity(t)}
	b.n = b.node(b.store, byMembers)
	b.mod, _ = b.member(b.n, "mona_mod")
	b.author, _ = b.member(b.n, "art_author")
	b.reporter, _ = b.member(b.n, "rita_reporter")
	on, _, err := b.n.CreateBoard(ctx, b.mod, CreateBoard{Name: "Bench"})
	if err == nil {
		b.post, _, err = b.n.CreatePost(ctx, b.author, on, CreatePost{Title: "t", Body: "b"})
	}
	if err == nil {
		b.comment, _, err = b.n.AddComment(ctx, b.author, b.post, "c", uuid.Nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) about(kind report.SubjectType, id uuid.UUID) MakeReport {
	return MakeReport{Subject: report.Subject{Type: kind, ID: id.String()}, Reason: "spam"}
}

func (b *bench) report(on *Commands, kind report.SubjectType, id uuid.UUID) uuid.UUID {
	b.t.Helper()
	made, err := on.MakeReport(b.t.Context(), b.reporter, b.about(kind, id))
	if err != nil {
		b.t.Fatal(err)
	}
	return made.Report
}

// reports are all that were made.
func (b *bench) reports() (ids []uuid.UUID) {
	b.t.Helper()
	for rec, err := range b.store.All(b.t.Context(), 0, event.Filter{Types: []string{"report.made.v1"}}) {
		if err != nil {
			b.t.Fatal(err)
		}
		ids = append(ids, uuid.MustParse(event.StreamID(rec.Stream)))
	}
	return ids
}

// deleted says how the reported things stand, by a node that has seen nothing yet.
func (b *bench) deleted() (post, comment bool) {
	b.t.Helper()
	fresh := b.node(b.store)
	p, err := fresh.post(b.t.Context(), b.post)
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := fresh.comment(b.t.Context(), b.comment)
	if err != nil {
		b.t.Fatal(err)
	}
	return !p.Published(), m.Deleted
}

// F11: one report of somebody about a thing waits at a time, however many are
// made at once, on several nodes.
func TestReportsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nodes := []*Commands{b.n, b.node(b.store)}
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[uuid.UUID]int{}
	for i := range 16 {
		all.Go(func() {
			made, err := nodes[i%2].MakeReport(t.Context(), b.reporter, b.about(report.Post, b.post))
			mu.Lock()
			defer mu.Unlock()
			if answers[made.Report]++; err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made := b.reports(); len(made) != 1 || answers[made[0]] != 16 {
		t.Errorf("made %v, answered %v", made, answers)
	}
}

// F11: a crash between the two steps of a report leaves nothing that another
// try does not find.
func TestHalfAReport(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		for step := range 2 {
			b := newBench(t)
			errs := make([]error, step+1)
			errs[step] = event.ErrUnavailable
			dying := b.node(&failing{Store: b.store, errs: errs, late: late})
			if _, err := dying.MakeReport(t.Context(), b.reporter, b.about(report.Post, b.post)); err == nil {
				t.Fatalf("step %d, late %v: it did not fail", step, late)
			}
			id := b.report(b.node(b.store), report.Post, b.post)
			if made := b.reports(); len(made) != 1 || made[0] != id {
				t.Errorf("step %d, late %v: made %v, answered %s", step, late, made, id)
			}
		}
	}
}

// F11: a crash between what a decision does and the decision itself leaves
// nothing that deciding again does not put right; and it can be taken back.
func TestHalfADecision(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		for step := range 2 {
			b := newBench(t)
			id := b.report(b.n, report.Comment, b.comment)
			errs := make([]error, step+1)
			errs[step] = event.ErrUnavailable
			dying := b.node(&failing{Store: b.store, errs: errs, late: late})
			remove, none := DecideReport{Action: report.Remove, Reason: "r"}, DecideReport{Action: report.None, Reason: "n"}
			if _, err := dying.DecideReport(t.Context(), b.mod, id, remove); err == nil {
				t.Fatalf("step %d, late %v: it did not fail", step, late)
			}
			next := b.node(b.store)
			if _, err := next.DecideReport(t.Context(), b.mod, id, remove); err != nil {
				t.Fatal(err)
			}
			if _, removed := b.deleted(); !removed {
				t.Errorf("step %d, late %v: it stands", step, late)
			}
			if _, err := next.DecideReport(t.Context(), b.mod, id, none); err != nil {
				t.Fatal(err)
			}
			if _, removed := b.deleted(); removed {
				t.Errorf("step %d, late %v: it did not come back", step, late)
			}
		}
	}
}

// F11: whoever decides at the same moment, what was done is what the report
// says in the end.
func TestDecisionsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nodes := []*Commands{b.n, b.node(b.store)}
	id := b.report(b.n, report.Comment, b.comment)
	for range 10 {
		var all sync.WaitGroup
		for i, action := range []report.Action{report.Remove, report.None, report.Remove, report.None} {
			all.Go(func() {
				_, err := nodes[i%2].DecideReport(t.Context(), b.mod, id, DecideReport{Action: action, Reason: "r"})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		r, err := b.node(b.store).report(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if _, removed := b.deleted(); removed != (r.Action == report.Remove) {
			t.Fatalf("the report says %s, removed: %v", r.Action, removed)
		}
	}
}
