package account

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Suspended keeps an account from writing until a time; the zero time is for
// ever. By is uuid.Nil where the operator did it.
type Suspended struct {
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason" seal:"personal"`
	By     uuid.UUID `json:"by,omitzero"`
}

// SuspensionLifted takes that back before its time. By is uuid.Nil where the
// operator did it.
type SuspensionLifted struct {
	Reason string    `json:"reason,omitzero" seal:"personal"`
	By     uuid.UUID `json:"by,omitzero"`
}

// suspension is the newest one; it ends by itself.
type suspension struct {
	is    bool
	until time.Time // zero: for ever
}

// Suspended says whether the account may not write now, and until when; the
// zero time is for ever.
func (a *Account) Suspended(now time.Time) (until time.Time, is bool) {
	s := a.suspension
	return s.until, s.is && (s.until.IsZero() || now.Before(s.until))
}

// Suspend keeps the account from writing, in the place of an earlier
// suspension. Errors: fault.ErrNotFound.
func (a *Account) Suspend(d Suspended) ([]event.Data, error) {
	if !a.Exists() {
		return nil, fault.ErrNotFound
	}
	return []event.Data{d}, nil
}

// Lift takes a suspension back; nothing is said where there is none.
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
