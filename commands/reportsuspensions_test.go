package commands

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/report"
)

// suspend decides a report so; the zero time is for ever.
func (b *bench) suspend(on *Commands, by Actor, id uuid.UUID, until time.Time) {
	b.t.Helper()
	_, err := on.DecideReport(b.t.Context(), by, id, DecideReport{Action: report.Suspend, Reason: "spam", Until: until})
	b.must(err)
}

// takeBack decides a report so that nothing stands for it.
func (b *bench) takeBack(on *Commands, by Actor, id uuid.UUID) {
	b.t.Helper()
	_, err := on.DecideReport(b.t.Context(), by, id, DecideReport{Action: report.None, Reason: "a mistake"})
	b.must(err)
}

// forEver is the end of suspensions that have none.
var forEver = time.Time{}

// suspended fails the test unless somebody is, until then, for a node that has
// seen nothing yet.
func (b *bench) suspended(who Actor, want time.Time) {
	b.t.Helper()
	b.must(b.node(b.store).account(b.t.Context(), who.Account, func(a *account.Account) error {
		if until, is := a.Suspended(b.now()); !is || !until.Equal(want) {
			b.t.Errorf("suspended: %v, until %v; want %v", is, until, want)
		}
		return nil
	}))
}

// free fails the test unless somebody may write.
func (b *bench) free(who Actor) {
	b.t.Helper()
	if err := b.node(b.store).MayWrite(b.t.Context(), who.Account); err != nil {
		b.t.Error(err)
	}
}

// said counts the events of a type.
func (b *bench) said(typ string) (n int) {
	b.t.Helper()
	for _, err := range b.store.All(b.t.Context(), 0, event.Filter{Types: []string{typ}}) {
		b.must(err)
		n++
	}
	return n
}

// F11: a decision takes back its own suspension, and no other.
func TestAnotherSuspensionStays(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), newBench(t)
	admin := b.administrator(b.n, "ann_admin")
	id := b.report(b.n, report.Account, b.author.Account)
	b.suspend(b.n, admin, id, forEver)
	year := b.now().AddDate(1, 0, 0)
	_, err := b.n.Suspend(ctx, admin, b.author.Account, year, "another matter")
	b.must(err)
	b.suspended(b.author, year) // in the place of all
	b.takeBack(b.n, admin, id)
	b.suspended(b.author, year)
	b.suspend(b.n, admin, id, forEver)
	b.suspended(b.author, forEver)
	b.takeBack(b.n, admin, id)
	b.suspended(b.author, year)
	_, err = b.n.Lift(ctx, admin, b.author.Account, "")
	b.must(err)
	b.free(b.author)

	self := b.report(b.n, report.Account, admin.Account)
	_, err = b.n.DecideReport(ctx, admin, self, DecideReport{Action: report.Suspend, Reason: "r"})
	want(t, err, account.ErrSelf)
}

// F11: a suspension that was lifted or replaced by hand, or ran out, is nobody's
// to take back; deciding so again suspends once more, and then says nothing.
func TestSuspensionsUndoneByHand(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), newBench(t)
	admin := b.administrator(b.n, "ann_admin")
	onPost, onAccount := b.report(b.n, report.Post, b.post), b.report(b.n, report.Account, b.author.Account)
	hour, day := b.now().Add(time.Hour), b.now().AddDate(0, 0, 1)
	b.suspend(b.n, admin, onPost, day)
	b.suspend(b.n, admin, onAccount, hour)
	_, err := b.n.Lift(ctx, admin, b.author.Account, "")
	b.must(err)
	b.takeBack(b.n, admin, onPost)
	b.free(b.author)
	if n := b.said("account.suspension_lifted.v1"); n != 1 {
		t.Errorf("%d were lifted", n)
	}
	for range 2 {
		b.suspend(b.n, admin, onAccount, hour)
		b.suspended(b.author, hour)
	}
	if decided, suspended := b.said("report.decided.v1"), b.said("account.suspended.v1"); decided != 4 || suspended != 3 {
		t.Errorf("%d decisions, %d suspensions", decided, suspended)
	}

	b.suspend(b.n, admin, onPost, day)
	b.pass(2 * time.Hour)
	b.takeBack(b.n, admin, onAccount)
	b.suspended(b.author, day)
	if n := b.said("account.suspension_lifted.v1"); n != 1 {
		t.Errorf("what ran out was lifted: %d", n)
	}
	b.pass(24 * time.Hour)
	b.free(b.author)
	b.takeBack(b.n, admin, onPost)
	b.free(b.author)
}

// F11: reports about one account that are decided at the same moment, on several
// nodes, suspend it beside each other; each is taken back alone.
func TestSuspensionsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nodes := []*Commands{b.n, b.node(b.store)}
	abe, _ := b.member(b.n, "abe_admin")
	_, err := b.n.GrantAdministrator(t.Context(), abe.Account)
	b.must(err)
	admins := []Actor{b.administrator(b.n, "ann_admin"), abe}
	reports := []uuid.UUID{
		b.report(b.n, report.Post, b.post), b.report(b.n, report.Comment, b.comment), b.report(b.n, report.Account, b.author.Account),
	}
	hour := b.now().Add(time.Hour)
	ends := []time.Time{hour, hour, hour.Add(time.Hour)}
	atOnce := func(do func(i int)) {
		var all sync.WaitGroup
		for i := range reports {
			all.Go(func() { do(i) })
		}
		all.Wait()
	}
	for range 5 {
		atOnce(func(i int) { b.suspend(nodes[i%2], admins[i%2], reports[i], ends[i]) })
		b.suspended(b.author, ends[2])
		b.takeBack(nodes[1], admins[0], reports[2])
		b.suspended(b.author, hour)
		b.takeBack(nodes[0], admins[1], reports[0])
		b.suspended(b.author, hour) // the other one that ends then
		atOnce(func(i int) { b.takeBack(nodes[i%2], admins[i%2], reports[i]) })
		b.free(b.author)
	}
}

// F11: a crash between a suspension and the decision leaves nothing that
// deciding again does not put right, in the same way or otherwise.
func TestHalfASuspension(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		for step := range 2 {
			b := newBench(t)
			admin := b.administrator(b.n, "ann_admin")
			id, other := b.report(b.n, report.Comment, b.comment), b.report(b.n, report.Account, b.author.Account)
			hour := b.now().Add(time.Hour)
			b.suspend(b.n, admin, other, hour)
			b.takeBack(b.n, admin, id) // resolved: nothing to do
			crash := func(in DecideReport) {
				t.Helper()
				errs := make([]error, step+1)
				errs[step] = event.ErrUnavailable
				dying := b.node(&failing{Store: b.store, errs: errs, late: late})
				if _, err := dying.DecideReport(t.Context(), admin, id, in); err == nil {
					t.Fatalf("step %d, late %v: it did not fail", step, late)
				}
			}
			crash(DecideReport{Action: report.Suspend, Reason: "r"})
			b.suspend(b.node(b.store), admin, id, forEver)
			b.suspended(b.author, forEver)
			if n := b.said("account.suspended.v1"); n != 2 {
				t.Errorf("step %d, late %v: suspended %d times", step, late, n)
			}
			crash(DecideReport{Action: report.None, Reason: "r"})
			b.takeBack(b.node(b.store), admin, id)
			b.suspended(b.author, hour)
			crash(DecideReport{Action: report.Suspend, Reason: "r"})
			b.takeBack(b.node(b.store), admin, id) // otherwise
			b.suspended(b.author, hour)
			b.takeBack(b.n, admin, other)
			b.free(b.author)
		}
	}
}
