package commands

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/report"
)

// F11: whoever acts and is then refused by If-Match, because somebody else
// decided first, leaves things as that decision says.
func TestTooLateADecisionGivesWay(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name                string
		before, first, late report.Action
	}{
		{"removed by the one who was late", report.None, report.None, report.Remove},
		{"put back by the one who was late", report.Remove, report.Remove, report.None},
		{"suspended by the one who was late", report.None, report.None, report.Suspend},
		{"lifted by the one who was late", report.Suspend, report.Suspend, report.None},
		{"one removes, one suspends", report.None, report.Remove, report.Suspend},
		{"one suspends, one removes", report.None, report.Suspend, report.Remove},
		{"both suspend, the late one for longer", report.None, report.Suspend, report.Suspend},
	} {
		for _, kind := range []report.SubjectType{report.Post, report.Comment} {
			t.Run(x.name+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				ctx, b := t.Context(), newBench(t)
				admin := b.administrator(b.n, "ann_admin")
				id := b.report(b.n, kind, map[report.SubjectType]uuid.UUID{report.Post: b.post, report.Comment: b.comment}[kind])
				beside, until := b.now().Add(time.Hour), b.now().Add(2*time.Hour)
				b.suspend(b.n, admin, b.report(b.n, report.Account, b.author.Account), beside)
				decide := func(on *Commands, action report.Action, match Match, until time.Time) error {
					in := DecideReport{Action: action, Reason: "r", IfMatch: match}
					if action == report.Suspend {
						in.Until = until
					}
					_, err := on.DecideReport(ctx, admin, id, in)
					return err
				}
				if x.before != report.None {
					b.must(decide(b.n, x.before, nil, until))
					_, err := b.n.Appeal(ctx, b.author, id, "please")
					b.must(err)
				}
				was, err := b.n.report(ctx, id)
				b.must(err)
				unchanged := func(version uuid.UUID) error {
					if version != was.Version {
						return ErrChanged
					}
					return nil
				}
				slow := &slowStore{Store: b.store, stream: report.Stream(id), entered: make(chan struct{}), let: make(chan struct{})}
				late := make(chan error, 1)
				go func() { late <- decide(b.node(slow), x.late, unchanged, until.Add(time.Hour)) }()
				<-slow.entered // it has acted
				b.must(decide(b.node(b.store), x.first, unchanged, until))
				close(slow.let)
				if err := <-late; !errors.Is(err, ErrChanged) {
					t.Errorf("it was too late: %v", err)
				}
				post, comment := b.deleted()
				if removed := post || comment; removed != (x.first == report.Remove) {
					t.Errorf("the report says %s, removed: %v", x.first, removed)
				}
				if x.first != report.Suspend {
					until = beside
				}
				b.suspended(b.author, until)
			})
		}
	}
}

// F11: who found nothing to take back, for it was lifted by hand, has nothing to
// do again when the decision comes too late.
func TestTooLateToLiftAnything(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), newBench(t)
	admin := b.administrator(b.n, "ann_admin")
	id := b.report(b.n, report.Post, b.post)
	b.suspend(b.n, admin, id, forEver)
	_, err := b.n.Lift(ctx, admin, b.author.Account, "by hand")
	b.must(err)
	was, err := b.n.report(ctx, id)
	b.must(err)
	slow := &slowStore{Store: b.store, stream: report.Stream(id), entered: make(chan struct{}), let: make(chan struct{})}
	late := make(chan error, 1)
	go func() {
		_, err := b.node(slow).DecideReport(ctx, admin, id, DecideReport{Action: report.None, Reason: "r", IfMatch: func(version uuid.UUID) error {
			if version != was.Version {
				return ErrChanged
			}
			return nil
		}})
		late <- err
	}()
	<-slow.entered
	_, err = b.n.Appeal(ctx, b.author, id, "please")
	b.must(err)
	close(slow.let)
	want(t, <-late, ErrChanged)
	b.free(b.author)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}
