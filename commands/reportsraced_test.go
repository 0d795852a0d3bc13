package commands

import (
	"errors"
	"testing"

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
	} {
		for _, kind := range []report.SubjectType{report.Post, report.Comment} {
			t.Run(x.name+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				ctx, b := t.Context(), newBench(t)
				admin := b.administrator(b.n, "ann_admin")
				id := b.report(b.n, kind, map[report.SubjectType]uuid.UUID{report.Post: b.post, report.Comment: b.comment}[kind])
				decide := func(on *Commands, action report.Action, match Match) error {
					_, err := on.DecideReport(ctx, admin, id, DecideReport{Action: action, Reason: "r", IfMatch: match})
					return err
				}
				if x.before != report.None {
					b.must(decide(b.n, x.before, nil))
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
				go func() { late <- decide(b.node(slow), x.late, unchanged) }()
				<-slow.entered // it has acted
				b.must(decide(b.node(b.store), x.first, unchanged))
				close(slow.let)
				if err := <-late; !errors.Is(err, ErrChanged) {
					t.Errorf("it was too late: %v", err)
				}
				post, comment := b.deleted()
				if removed := post || comment; removed != (x.first == report.Remove) {
					t.Errorf("the report says %s, removed: %v", x.first, removed)
				}
				if err := b.node(b.store).MayWrite(ctx, b.author.Account); errors.Is(err, ErrSuspended) != (x.first == report.Suspend) {
					t.Errorf("the report says %s: %v", x.first, err)
				}
			})
		}
	}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}
