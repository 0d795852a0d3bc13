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
// it says so: what a crash leaves is done by deciding again. Who acted and is
// refused then, for somebody else decided first, leaves things as those did.
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
	acted := false // in a try that came too late
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
		out, err := c.decideOnce(ctx, by, id, r, in)
		if !errors.Is(err, errReportMoved) {
			return out, err
		}
		acted = true
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

// decideOnce decides on the report that it was given.
// Errors: errReportMoved where it is another one by now.
func (c *Commands) decideOnce(ctx context.Context, by Actor, id uuid.UUID, r report.Report, in DecideReport) (Outcome, error) {
	d := report.Decided{By: by.Account, Action: in.Action, Until: in.Until, Reason: in.Reason}
	owner, err := c.actedOnStill(ctx, r)
	if err != nil {
		return Outcome{}, err
	}
	settled, anew := r.Settled(in.Action, in.Until), false
	if settled {
		if anew, err = c.undone(ctx, r, owner); err != nil {
			return Outcome{}, err
		}
	}
	if !settled || anew {
		if d.About = r.Author; owner == uuid.Nil {
			d.About = by.Account
		}
		if d.Acted, err = c.enforce(ctx, by, r, owner, in); err != nil {
			return Outcome{}, err
		}
	}
	return change(ctx, c.core, report.Stream(id), report.New, func(now *report.Report) ([]event.Data, error) {
		if now.Version != r.Version {
			return nil, errReportMoved
		}
		return now.Decide(d, anew)
	})
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

// enforce takes back what the decision before did and does what this one says.
// acted: it was done for this report. owner is the account that is acted on,
// uuid.Nil where there is none any more.
func (c *Commands) enforce(ctx context.Context, by Actor, r report.Report, owner uuid.UUID, in DecideReport) (acted bool, err error) {
	if in.Action == report.Suspend {
		if err := c.maySuspendAuthor(ctx, by, r, owner); err != nil {
			return false, err
		}
	}
	if r.Acted && r.Action != in.Action {
		if err := c.takeBack(ctx, by, r, owner, in.Reason); err != nil {
			return false, err
		}
	}
	switch in.Action {
	case report.Remove:
		return c.takeDown(ctx, by, r)
	case report.Suspend:
		_, err := change(unlinked(ctx, r, owner), c.core, account.Stream(owner), account.New, func(a *account.Account) ([]event.Data, error) {
			return a.Suspend(account.Suspended{Until: in.Until, Reason: in.Reason, By: by.Account})
		})
		return err == nil, err
	}
	return false, nil
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
func (c *Commands) takeDown(ctx context.Context, by Actor, r report.Report) (acted bool, err error) {
	var out Outcome
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
	return out.Changed || deletedBy != r.Author, err
}

func (c *Commands) takeDownMessage(ctx context.Context, by Actor, room uuid.UUID, number uint64) (acted bool, err error) {
	var version uint64
	out, err := change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		version = r.MessageVersion(number)
		return r.TakeDown(by.Account, number)
	})
	if err != nil || out.Changed {
		return out.Changed, err
	}
	e, err := c.roomEvent(ctx, room, version)
	d, _ := e.Payload.(chat.MessageDeleted)
	return d.By == by.Account, err
}

// takeBack undoes what a report's newest decision did. What somebody else has
// undone meanwhile stays as it is.
func (c *Commands) takeBack(ctx context.Context, by Actor, r report.Report, owner uuid.UUID, reason string) error {
	var err error
	switch {
	case owner == uuid.Nil: // nobody is left to whom it could be given back
	case r.Action == report.Suspend:
		_, err = change(unlinked(ctx, r, owner), c.core, account.Stream(owner), account.New, func(a *account.Account) ([]event.Data, error) {
			if until, _ := a.Suspended(c.now()); !until.Equal(r.Until) { // it is another one by now
				return nil, nil
			}
			return a.Lift(account.SuspensionLifted{Reason: reason, By: by.Account}, c.now())
		})
	case r.Subject.Type == report.Post:
		err = c.putBackPost(ctx, by, r.Post)
	case r.Subject.Type == report.Comment:
		err = c.putBackComment(ctx, by, r.Thing())
	case r.Subject.Type == report.Message:
		err = c.putBackMessage(ctx, by, r.Room, r.Number)
	}
	return err
}

// giveWay undoes what by did for a decision that came too late, and does again
// what that took back of the one that stands.
func (c *Commands) giveWay(ctx context.Context, by Actor, id uuid.UUID, stands report.Report, late DecideReport) error {
	owner, err := c.actedOnStill(ctx, stands)
	if err != nil || owner == uuid.Nil {
		return err
	}
	undo := late.Action != stands.Action
	if undo && late.Action == report.Remove { // who else took it down has their own reason
		deletedBy, err := c.deletedBy(ctx, stands)
		if err != nil {
			return err
		}
		undo = deletedBy == by.Account
	}
	if undo {
		mine := stands
		mine.Action, mine.Until = late.Action, late.Until
		if err := c.takeBack(ctx, by, mine, owner, late.Reason); err != nil {
			return err
		}
	}
	switch {
	case !stands.Acted:
	case stands.Action == report.Remove:
		_, err = c.takeDown(ctx, by, stands)
	case stands.Action == report.Suspend:
		err = c.suspendAgain(ctx, by, id, stands, owner)
	}
	return err
}

// undone says whether somebody has undone since what the newest decision of a
// report did: restored the post, lifted the suspension.
func (c *Commands) undone(ctx context.Context, r report.Report, owner uuid.UUID) (undone bool, err error) {
	switch {
	case !r.Acted || owner == uuid.Nil:
	case r.Action == report.Remove:
		var deletedBy uuid.UUID
		deletedBy, err = c.deletedBy(ctx, r)
		undone = deletedBy == uuid.Nil
	case r.Action == report.Suspend:
		err = c.account(ctx, owner, func(a *account.Account) error {
			_, is := a.Suspended(c.now())
			undone = !is
			return nil
		})
	}
	return undone && err == nil, err
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

// suspendAgain suspends the account as the newest decision of a report did,
// unless it still is.
func (c *Commands) suspendAgain(ctx context.Context, by Actor, id uuid.UUID, r report.Report, owner uuid.UUID) error {
	var decided report.Decided
	for rec, err := range c.store.Stream(ctx, report.Stream(id), event.End, event.Backward) {
		var e event.Decoded
		if err == nil {
			e, err = c.codec.Decode(ctx, rec)
		}
		if err != nil {
			return unavailable(fmt.Errorf("load a decision: %w", err))
		}
		if d, ok := e.Payload.(report.Decided); ok {
			decided = d
			break
		}
	}
	_, err := change(unlinked(ctx, r, owner), c.core, account.Stream(owner), account.New, func(a *account.Account) ([]event.Data, error) {
		if until, is := a.Suspended(c.now()); is && until.Equal(r.Until) {
			return nil, nil
		}
		return a.Suspend(account.Suspended{Until: r.Until, Reason: decided.Reason, By: by.Account})
	})
	return err
}

// unlinked is ctx for what is done to the account behind a pseudonym: nothing
// leads from there to the request, and so to the post.
func unlinked(ctx context.Context, r report.Report, owner uuid.UUID) context.Context {
	if owner == r.Author {
		return ctx
	}
	return WithMeta(ctx, event.Meta{Actor: MetaFrom(ctx).Actor})
}
