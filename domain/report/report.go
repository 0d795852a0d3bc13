package report

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Faults of reports.
var (
	ErrNothing  = fault.New(fault.Conflict, "report.nothing_to_appeal", "Nothing was done that could be appealed.")
	ErrAppealed = fault.New(fault.Conflict, "report.appealed", "This was appealed before; an appeal is heard once.")
)

// State is where a report is in its life.
type State string

// The states. A report that is not there has none.
const (
	Open      State = "open"
	Resolved  State = "resolved"
	Contested State = "appealed" // resolved, and its appeal is not decided
)

// States are all of them.
var States = []State{Open, Resolved, Contested}

// Report is the state of the stream report-<id>.
type Report struct {
	State    State
	Reporter uuid.UUID
	Subject  Subject
	Post     uuid.UUID
	Room     uuid.UUID
	Number   uint64
	Author   uuid.UUID // a pseudonym where anonymous; uuid.Nil: nobody is

	Action Action    // of the newest decision; empty: none yet
	Until  time.Time // of Suspend
	Acted  bool      // what Action says was done by a decision of this report

	// Version is the newest event: the report's ETag.
	Version uuid.UUID

	appealed bool // ever
}

// New is a report that never was.
func New() *Report { return &Report{} }

// Stream is the name of a report's stream.
func Stream(id uuid.UUID) string { return event.StreamName("report", id.String()) }

// Exists says whether there is such a report.
func (r *Report) Exists() bool { return r.State != "" }

// Thing is the id of what it is about; uuid.Nil for a hashtag.
func (r *Report) Thing() uuid.UUID {
	id, _ := uuid.Parse(r.Subject.ID)
	return id
}

// Waits says whether it is still to be decided.
func (r *Report) Waits() bool { return r.State == Open || r.State == Contested }

// Moderated says whether moderators of a board decide it; administrators
// decide all.
func (r *Report) Moderated() bool { return r.Subject.Type.InForum() }

// InForum says whether a thing of that kind stands on a board.
func (t SubjectType) InForum() bool { return t == Post || t == Comment }

// Takes says whether an action can be done to a thing of that kind.
func (t SubjectType) Takes(a Action) bool {
	switch a {
	case None:
		return true
	case Remove:
		return t == Post || t == Comment || t == Message
	case Suspend:
		return t != Board && t != Hashtag
	}
	return false
}

// Apply folds one event in.
func (r *Report) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Made:
		r.State, r.Reporter, r.Subject, r.Author = Open, d.Reporter, d.Subject, d.Author
		r.Post, r.Room, r.Number = d.Post, d.Room, d.Number
	case Decided:
		r.State, r.Action, r.Until, r.Acted = Resolved, d.Action, d.Until, d.Acted
	case Appealed:
		r.State, r.appealed = Contested, true
	}
	r.Version = e.ID
}

// Make makes the report. Made already, it says nothing.
func (r *Report) Make(d Made) []event.Data {
	if r.Exists() {
		return nil
	}
	return []event.Data{d}
}

// Settled says whether the report is resolved in just that way.
func (r *Report) Settled(a Action, until time.Time) bool {
	return r.State == Resolved && r.Action == a && r.Until.Equal(until)
}

// Decide resolves the report; resolved in just that way, it says nothing,
// unless what that did was undone since and is done anew.
// Errors: not found.
func (r *Report) Decide(d Decided, anew bool) ([]event.Data, error) {
	switch {
	case !r.Exists():
		return nil, fault.ErrNotFound
	case r.Settled(d.Action, d.Until) && !anew:
		return nil, nil
	}
	d.Former = r.Action
	return []event.Data{d}, nil
}

// Appeal asks for another decision. Errors: not found, ErrNothing, ErrAppealed.
func (r *Report) Appeal(reason string) ([]event.Data, error) {
	switch {
	case !r.Exists():
		return nil, fault.ErrNotFound
	case r.appealed:
		return nil, ErrAppealed
	case r.State != Resolved || r.Action == None:
		return nil, ErrNothing
	}
	return []event.Data{Appealed{Author: r.Author, Reason: reason}}, nil
}

// Relation is the state of the stream reported-<account>.<subject>.
type Relation struct {
	Report uuid.UUID // the newest; it may not be made yet
}

// NewRelation is that of an account that has reported no such thing.
func NewRelation() *Relation { return &Relation{} }

// RelationStream is the name of the stream of an account and what it reports.
func RelationStream(account uuid.UUID, s Subject) string {
	return event.StreamName("reported", account.String()+"."+string(s.Type)+"."+s.ID)
}

// Apply folds one event in.
func (r *Relation) Apply(e event.Decoded) {
	if d, ok := e.Payload.(Begun); ok {
		r.Report = d.Report
	}
}
