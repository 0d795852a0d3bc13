package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/domain/text"
)

// maxPlea is how long the reason of a report or an appeal may be, in
// characters.
const maxPlea = 2000

// errReportMoved says that a report was decided, or begun, between looking and
// writing.
var errReportMoved = errors.New("commands: the report has moved on meanwhile")

// MakeReport asks for a report. Room and Number say where a message stands, as
// far as the caller knows: whether it is there is looked at here.
type MakeReport struct {
	Subject report.Subject
	Room    uuid.UUID
	Number  uint64
	Reason  string
}

// ReportMade says which report it is. Made is false for the one that the
// account had made of that thing already, and that still waits.
type ReportMade struct {
	Report   uuid.UUID
	Made     bool
	Position uint64
}

// MakeReport reports something to those who look after it.
// Errors: not found for what is hidden from by; invalid fields, account.self;
// post.deleted, comment.deleted.
func (c *Commands) MakeReport(ctx context.Context, by Actor, in MakeReport) (ReportMade, error) {
	about, err := c.reportable(ctx, by, &in)
	if err != nil {
		return ReportMade{}, err
	}
	var check text.Check
	check.Need("reason", in.Reason)
	check.Block("reason", in.Reason, maxPlea)
	if err := check.Err(); err != nil {
		return ReportMade{}, err
	}
	if about.late != nil {
		return ReportMade{}, about.late
	}
	if err := c.keepImages(ctx, about.made.Copy.Images); err != nil {
		return ReportMade{}, err
	}
	about.made.Reporter, about.made.Subject, about.made.Reason = by.Account, in.Subject, in.Reason
	for range maxConflict {
		made, err := c.reportOnce(ctx, about.made)
		if !errors.Is(err, errReportMoved) {
			return made, err
		}
	}
	return ReportMade{}, fault.ErrConflict
}

// reportOnce finds the report that stands, or names another one and makes it.
// A report that was named and never made is made now.
// Errors: errReportMoved to begin again.
func (c *Commands) reportOnce(ctx context.Context, made report.Made) (ReportMade, error) {
	stream := report.RelationStream(made.Reporter, made.Subject)
	var newest uuid.UUID
	err := view(ctx, c.core, stream, report.NewRelation, func(r *report.Relation) error {
		newest = r.Report
		return nil
	})
	if err != nil {
		return ReportMade{}, err
	}
	id := newest
	if newest != uuid.Nil {
		r, err := c.report(ctx, newest)
		if err != nil {
			return ReportMade{}, err
		}
		if r.Exists() && !r.Waits() {
			id = uuid.Nil
		}
	}
	if id == uuid.Nil {
		id = c.newID()
		_, err := change(ctx, c.core, stream, report.NewRelation, func(r *report.Relation) ([]event.Data, error) {
			if r.Report != newest {
				return nil, errReportMoved
			}
			return []event.Data{report.Begun{Report: id}}, nil
		})
		if err != nil {
			return ReportMade{}, err
		}
	}
	out, err := change(ctx, c.core, report.Stream(id), report.New, func(r *report.Report) ([]event.Data, error) {
		return r.Make(made), nil
	})
	return ReportMade{Report: id, Made: out.Changed, Position: out.Position}, err
}

// report is the state of a report as it stands.
func (c *Commands) report(ctx context.Context, id uuid.UUID) (report.Report, error) {
	var found report.Report
	err := view(ctx, c.core, report.Stream(id), report.New, func(r *report.Report) error {
		found = *r
		return nil
	})
	return found, err
}

// ReportedAccount is the account that a report is about, anonymous or not, for
// whoever acts on its behalf alone: it must not be shown. uuid.Nil where there
// is none.
func (c *Commands) ReportedAccount(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	r, err := c.report(ctx, id)
	if err != nil {
		return uuid.Nil, err
	}
	return c.actedOn(ctx, r)
}

// actedOn is the account behind a report's author.
func (c *Commands) actedOn(ctx context.Context, r report.Report) (uuid.UUID, error) {
	switch r.Subject.Type {
	case report.Post:
		return c.PostOwner(ctx, r.Post)
	case report.Comment:
		return c.CommentOwner(ctx, r.Thing())
	}
	return r.Author, nil
}

// MayAppeal is nil for the person that a report's decision is about.
// Errors: not found; forbidden for others who know of the report.
func (c *Commands) MayAppeal(ctx context.Context, by Actor, id uuid.UUID) error {
	r, err := c.report(ctx, id)
	if err != nil || !r.Exists() {
		return orNotFound(err)
	}
	owner, err := c.actedOn(ctx, r)
	if err != nil || owner == by.Account {
		return err
	}
	if r.Reporter == by.Account {
		return fault.ErrForbidden
	}
	err = c.MayDecide(ctx, by, id)
	if err == nil {
		return fault.ErrForbidden
	}
	if errors.Is(err, fault.ErrForbidden) {
		return fault.ErrNotFound
	}
	return err
}

// Appeal asks for another decision, once, for the person that the decision is
// about. Errors: MayAppeal's, invalid fields, report.ErrNothing,
// report.ErrAppealed.
func (c *Commands) Appeal(ctx context.Context, by Actor, id uuid.UUID, reason string) (Outcome, error) {
	if err := c.MayAppeal(ctx, by, id); err != nil {
		return Outcome{}, err
	}
	var check text.Check
	check.Need("reason", reason)
	check.Block("reason", reason, maxPlea)
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	r, err := c.report(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	return change(acting(ctx, by, r.Author), c.core, report.Stream(id), report.New, func(r *report.Report) ([]event.Data, error) {
		return r.Appeal(reason)
	})
}
