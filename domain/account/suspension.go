package account

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Suspended keeps an account from writing until a time; the zero time is for
// ever. It takes the place of every suspension that stands; one that a
// decision on a report made stands beside them. By is uuid.Nil where the
// operator did it. Report is sealed, for it may lead to a post that the account
// wrote as nobody; that there is one stands in the open.
type Suspended struct {
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason" seal:"personal"`
	By     uuid.UUID `json:"by,omitzero"`
	Report uuid.UUID `json:"report,omitzero" seal:"anonymous"`
}

// SuspensionLifted takes suspensions back before their time. By is uuid.Nil
// where the operator did it.
type SuspensionLifted struct {
	Reason string    `json:"reason,omitzero" seal:"personal"`
	By     uuid.UUID `json:"by,omitzero"`
	Event  uuid.UUID `json:"event,omitzero"` // the Suspended that is taken back; absent: all
}

// suspension is one that was not taken back; it ends by itself.
type suspension struct {
	event  uuid.UUID // that said it
	report uuid.UUID // whose decision made it; uuid.Nil: it took the place of all
	until  time.Time // zero: for ever
}

func (s suspension) holds(now time.Time) bool { return s.until.IsZero() || now.Before(s.until) }

// suspensions stand beside each other: at most one that took the place of all,
// and after it those of reports, of each report at most one that holds.
type suspensions []suspension

func (s suspensions) apply(e event.Decoded) suspensions {
	switch d := e.Payload.(type) {
	case Suspended:
		if d.Report == uuid.Nil {
			s = nil
		}
		return append(slices.Clip(s), suspension{event: e.ID, report: d.Report, until: d.Until})
	case SuspensionLifted:
		if d.Event == uuid.Nil {
			return nil
		}
		return slices.DeleteFunc(slices.Clone(s), func(one suspension) bool { return one.event == d.Event })
	}
	return s
}

// of is the one that a report's decision made, while it holds.
func (s suspensions) of(report uuid.UUID, now time.Time) (one suspension, holds bool) {
	i := slices.IndexFunc(s, func(one suspension) bool { return one.report == report && one.holds(now) })
	if i < 0 {
		return suspension{}, false
	}
	return s[i], true
}

// Suspended says whether the account may not write now, and until when: the
// latest end of all that stand. The zero time is for ever.
func (a *Account) Suspended(now time.Time) (until time.Time, is bool) {
	for _, s := range a.suspensions {
		switch {
		case !s.holds(now):
		case s.until.IsZero():
			return time.Time{}, true
		case until.Before(s.until):
			until, is = s.until, true
		}
	}
	return until, is
}

// Suspend keeps the account from writing: in the place of every suspension, or
// for a report beside those of others and in the place of its own. A report
// whose suspension has that end already says nothing.
// Errors: fault.ErrNotFound.
func (a *Account) Suspend(d Suspended, now time.Time) ([]event.Data, error) {
	if !a.Exists() {
		return nil, fault.ErrNotFound
	}
	if d.Report == uuid.Nil {
		return []event.Data{d}, nil
	}
	own, holds := a.suspensions.of(d.Report, now)
	switch {
	case !holds:
		return []event.Data{d}, nil
	case own.until.Equal(d.Until):
		return nil, nil
	}
	return []event.Data{SuspensionLifted{Reason: d.Reason, By: d.By, Event: own.event}, d}, nil
}

// Lift takes every suspension back; nothing is said where none stands.
// Errors: fault.ErrNotFound.
func (a *Account) Lift(d SuspensionLifted, now time.Time) ([]event.Data, error) {
	if !a.Exists() {
		return nil, fault.ErrNotFound
	}
	if _, is := a.Suspended(now); !is {
		return nil, nil
	}
	return []event.Data{d}, nil
}

// LiftFor takes back what a report's decision made, and nothing else; nothing
// is said where that does not stand any more.
// Errors: fault.ErrNotFound.
func (a *Account) LiftFor(report uuid.UUID, d SuspensionLifted, now time.Time) ([]event.Data, error) {
	if !a.Exists() {
		return nil, fault.ErrNotFound
	}
	own, holds := a.suspensions.of(report, now)
	if !holds {
		return nil, nil
	}
	d.Event = own.event
	return []event.Data{d}, nil
}
