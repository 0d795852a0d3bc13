package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/domain/text"
)

// Faults of decisions.
var (
	ErrMasked = fault.New(fault.Conflict, "report.masked",
		"Its author is anonymous. Who is to be suspended must be known first: unmask the post, for a reason.")
	ErrNobodyToSuspend = fault.New(fault.Conflict, "report.author_gone", "Its author is gone.")
)

// DecideReport resolves a report.
type DecideReport struct {
	Action  report.Action
	Reason  string
	Until   time.Time // of report.Suspend; zero: for ever
	IfMatch Match
}

// MayDecide is nil for administrators, and for moderators of the board where
// the reported post or comment stands. Others are not told whether there is
// such a report. Errors: forbidden; not found for administrators.
func (c *Commands) MayDecide(ctx context.Context, by Actor, id uuid.UUID) error {
	r, err := c.report(ctx, id)
	if err != nil {
		return err
	}
	admin, err := c.administrator(ctx, by.Account)
	switch {
	case err != nil:
		return err
	case admin && !r.Exists():
		return fault.ErrNotFound
	case admin:
		return nil
	case !r.Exists() || !r.Moderated():
		return fault.ErrForbidden
	}
	p, err := c.post(ctx, r.Post)
	if err != nil {
		return err
	}
	moderator, err := c.moderates(ctx, by, p.Board)
	if err == nil && !moderator {
		err = fault.ErrForbidden
	}
	return err
}

// DecideReport does what the action says, takes back what the decision before
// it did, and resolves the report; an appeal is decided so too. It acts before
// it says so: what a crash leaves is done by deciding again, which also does
// anew what was undone by hand. Who acted and is refused then, for somebody else
// decided first, leaves things as those did.
// Errors: MayDecide's; forbidden where others than administrators suspend;
// invalid fields, account.self; IfMatch's, ErrMasked, ErrNobodyToSuspend,
// post.restore_expired.
func (c *Commands) DecideReport(ctx context.Context, by Actor, id uuid.UUID, in DecideReport) (Outcome, error) {
	if err := c.MayDecide(ctx, by, id); err != nil {
		return Outcome{}, err
	}
	if in.Action == report.Suspend {
		if err := c.MayAdminister(ctx, by); err != nil {
			return Outcome{}, err
		}
	}
	acted := false // in a try that came too late, and changed something
	for range maxConflict {
		r, err := c.report(ctx, id)
		if err != nil {
			return Outcome{}, err
		}
		if err := c.checkDecision(r, in); err != nil {
			return Outcome{}, err
		}
		if err := in.IfMatch.check(r.Version); err != nil {
			if acted {
				if undone := c.giveWay(ctx, by, id, r, in); undone != nil {
					err = undone
				}
			}
			return Outcome{}, err
		}
		out, changed, err := c.decideOnce(ctx, by, id, r, in)
		if !errors.Is(err, errReportMoved) {
			return out, err
		}
		acted = acted || changed
	}
	return Outcome{}, fault.ErrConflict
}

// checkDecision says what is wrong with the fields of a decision.
func (c *Commands) checkDecision(r report.Report, in DecideReport) error {
	var check text.Check
	switch {
	case in.Action != report.None && in.Action != report.Remove && in.Action != report.Suspend:
		check.Add("action", "unknown")
	case !r.Subject.Type.Takes(in.Action):
		check.Add("action", "not for this subject")
	}
	check.Need("reason", in.Reason)
	check.Block("reason", in.Reason, maxReason)
	switch {
	case in.Until.IsZero():
	case in.Action != report.Suspend:
		check.Add("until", "only of a suspension")
	case !c.now().Before(in.Until):
		check.Add("until", "past")
	}
	return check.Err()
}

// decideOnce decides on the report that it was given. changed: it has acted,
// whatever became of the decision.
// Errors: errReportMoved where it is another one by now.
func (c *Commands) decideOnce(ctx context.Context, by Actor, id uuid.UUID, r report.Report, in DecideReport) (out Outcome, changed bool, err error) {
	d := report.Decided{By: by.Account, Action: in.Action, Until: in.Until, About: r.Author, Reason: in.Reason}
	owner, err := c.actedOnStill(ctx, r)
	if err != nil {
		return Outcome{}, false, err
	}
	if owner == uuid.Nil {
		d.About = by.Account
	}
	if owner != uuid.Nil || !r.Settled(in.Action, in.Until) {
		if d.Acted, changed, err = c.enforce(ctx, by, id, r, owner, in); err != nil {
			return Outcome{}, changed, err
		}
	}
	out, err = change(ctx, c.core, report.Stream(id), report.New, func(now *report.Report) ([]event.Data, error) {
		if now.Version != r.Version {
			return nil, errReportMoved
		}
		return now.Decide(d, changed)
	})
	return out, changed, err
}

// actedOnStill is the account behind a report's author; uuid.Nil where there is
// none any more.
func (c *Commands) actedOnStill(ctx context.Context, r report.Report) (uuid.UUID, error) {
	owner, err := c.actedOn(ctx, r)
	if err != nil {
		return uuid.Nil, err
	}
	there, err := c.member(ctx, owner)
	if !there {
		owner = uuid.Nil
	}
	return owner, err
}

// enforce is act for whoever may do what the decision says.
// Errors: ErrNobodyToSuspend, ErrMasked, account.ErrSelf, act's.
func (c *Commands) enforce(ctx context.Context, by Actor, id uuid.UUID, r report.Report, owner uuid.UUID, in DecideReport) (acted, changed bool, err error) {
	if in.Action == report.Suspend {
		if err := c.maySuspendAuthor(ctx, by, r, owner); err != nil {
			return false, false, err
		}
	}
	return c.act(ctx, by, id, r, owner, in)
}

// act takes back what the decision before did, which r still says, and does
// what this one says. acted: that was done for this report; changed: this call
// did something. owner is the account that is acted on, uuid.Nil where there is
// none any more: nothing is given back to nobody.
//
// A suspension is known by its report: whatever came between, it stands
// afterwards if the decision says so, and else not.
func (c *Commands) act(ctx context.Context, by Actor, id uuid.UUID, r report.Report, owner uuid.UUID, in DecideReport) (acted, changed bool, err error) {
	var restored, lifted, done Outcome
	if owner != uuid.Nil && r.Acted && r.Action == report.Remove && in.Action != report.Remove {
		if restored, err = c.putBack(ctx, by, r); err != nil {
			return false, false, err
		}
	}
	if owner != uuid.Nil && in.Action != report.Suspend {
		lifted, err = c.changeStanding(ctx, r, owner, func(a *account.Account) ([]event.Data, error) {
			return a.LiftFor(id, account.SuspensionLifted{Reason: in.Reason, By: by.Account}, c.now())
		})
		if err != nil {
			return false, false, err
		}
	}
	switch in.Action {
	case report.Remove:
		acted, done, err = c.takeDown(ctx, by, r)
	case report.Suspend:
		acted = true
		done, err = c.changeStanding(ctx, r, owner, func(a *account.Account) ([]event.Data, error) {
			return a.Suspend(account.Suspended{Until: in.Until, Reason: in.Reason, By: by.Account, Report: id}, c.now())
		})
	}
	return acted, restored.Changed || lifted.Changed || done.Changed, err
}

// changeStanding decides on the account that a report is about. Where that is
// behind a pseudonym, nothing open leads from there to the request, and so to
// the post.
func (c *Commands) changeStanding(ctx context.Context, r report.Report, owner uuid.UUID, decide func(*account.Account) ([]event.Data, error)) (Outcome, error) {
	if owner != r.Author {
		ctx = WithMeta(ctx, event.Meta{Actor: MetaFrom(ctx).Actor})
	}
	return change(ctx, c.core, account.Stream(owner), account.New, decide)
}

// maySuspendAuthor keeps administrators from suspending themselves, and from
// suspending whom they do not know: the suspension stands in the open, and who
// sees it beside the report could tell who wrote the post.
func (c *Commands) maySuspendAuthor(ctx context.Context, by Actor, r report.Report, owner uuid.UUID) error {
	switch {
	case owner == uuid.Nil:
		return ErrNobodyToSuspend
	case owner != r.Author:
		p, err := c.post(ctx, r.Post)
		if err != nil {
			return err
		}
		if !p.Unmasked {
			return ErrMasked
		}
	}
	if owner == by.Account {
		return account.ErrSelf
	}
	return nil
}

// takeDown deletes what was reported: as whoever decides, not as its author,
// also where these are one. acted is false for a comment that its author, or
// a message that the room, had deleted already: that is nobody's to give back.
func (c *Commands) takeDown(ctx context.Context, by Actor, r report.Report) (acted bool, out Outcome, err error) {
	var deletedBy uuid.UUID // before
	switch r.Subject.Type {
	case report.Post:
		out, err = change(ctx, c.core, post.Stream(r.Post), post.New, func(p *post.Post) ([]event.Data, error) {
			deletedBy = p.DeletedBy
			return p.Delete(by.Account)
		})
	case report.Comment:
		out, err = change(ctx, c.core, comment.Stream(r.Thing()), comment.New, func(m *comment.Comment) ([]event.Data, error) {
			deletedBy = m.DeletedBy
			return m.Delete(by.Account)
		})
	case report.Message:
		return c.takeDownMessage(ctx, by, r.Room, r.Number)
	}
	return out.Changed || deletedBy != r.Author, out, err
}

func (c *Commands) takeDownMessage(ctx context.Context, by Actor, room uuid.UUID, number uint64) (acted bool, out Outcome, err error) {
	var version uint64
	out, err = change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		version = r.MessageVersion(number)
		return r.TakeDown(by.Account, number)
	})
	if err != nil || out.Changed {
		return out.Changed, out, err
	}
	e, err := c.roomEvent(ctx, room, version)
	d, _ := e.Payload.(chat.MessageDeleted)
	return d.By == by.Account, out, err
}

// putBack takes the removal of what was reported back. What somebody else has
// put back meanwhile stays as it is.
func (c *Commands) putBack(ctx context.Context, by Actor, r report.Report) (Outcome, error) {
	switch r.Subject.Type {
	case report.Post:
		return c.putBackPost(ctx, by, r.Post)
	case report.Comment:
		return c.putBackComment(ctx, by, r.Thing())
	case report.Message:
		return c.putBackMessage(ctx, by, r.Room, r.Number)
	}
	return Outcome{}, nil
}

// giveWay leaves things as the decision that stands says, after by acted for
// one that came too late.
func (c *Commands) giveWay(ctx context.Context, by Actor, id uuid.UUID, stands report.Report, late DecideReport) error {
	owner, err := c.actedOnStill(ctx, stands)
	if err != nil || owner == uuid.Nil {
		return err
	}
	decided, err := c.newestDecision(ctx, id)
	if err != nil {
		return err
	}
	again := DecideReport{Action: stands.Action, Until: stands.Until, Reason: decided.Reason}
	if !stands.Acted {
		again.Action = report.None
	}
	done := stands // as if late had come before it
	done.Action, done.Acted = late.Action, false
	if late.Action == report.Remove && stands.Action != report.Remove { // who else took it down has their own reason
		deletedBy, err := c.deletedBy(ctx, stands)
		if err != nil {
			return err
		}
		done.Acted = deletedBy == by.Account
	}
	_, _, err = c.act(ctx, by, id, done, owner, again)
	return err
}

// newestDecision reads a report's newest decision from the log: states hold no
// reason.
func (c *Commands) newestDecision(ctx context.Context, id uuid.UUID) (report.Decided, error) {
	for rec, err := range c.store.Stream(ctx, report.Stream(id), event.End, event.Backward) {
		var e event.Decoded
		if err == nil {
			e, err = c.codec.Decode(ctx, rec)
		}
		if err != nil {
			return report.Decided{}, unavailable(fmt.Errorf("load a decision: %w", err))
		}
		if d, ok := e.Payload.(report.Decided); ok {
			return d, nil
		}
	}
	return report.Decided{}, nil
}

// deletedBy is who deleted what was reported; uuid.Nil where it stands.
func (c *Commands) deletedBy(ctx context.Context, r report.Report) (uuid.UUID, error) {
	switch r.Subject.Type {
	case report.Post:
		p, err := c.post(ctx, r.Post)
		if err != nil || p.State != post.Tombstone {
			return uuid.Nil, err
		}
		return p.DeletedBy, nil
	case report.Comment:
		m, err := c.comment(ctx, r.Thing())
		if err != nil || !m.Deleted {
			return uuid.Nil, err
		}
		return m.DeletedBy, nil
	}
	var version uint64
	err := view(ctx, c.core, chat.Stream(r.Room), c.newRoom, func(room *chat.Room) error {
		version = room.MessageVersion(r.Number)
		return nil
	})
	if err != nil {
		return uuid.Nil, err
	}
	e, err := c.roomEvent(ctx, r.Room, version)
	d, _ := e.Payload.(chat.MessageDeleted)
	return d.By, err
}
