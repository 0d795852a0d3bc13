package session

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Faults of refresh tokens.
var (
	ErrRefreshInvalid = fault.New(fault.Unauthorized, "session.refresh_invalid", "This session is over; please sign in again.")
	ErrRefreshReused  = fault.New(fault.Unauthorized, "session.refresh_reused", "This refresh token was used before, so its session was ended; please sign in again.")
)

// Session is the state of the stream session-<id>.
type Session struct {
	Account   uuid.UUID // uuid.Nil: never started
	Family    uuid.UUID
	Epoch     uint64
	Token     uint32    // newest refresh token issued; not presented yet
	IssuedAt  time.Time // of that token
	ExpiresAt time.Time // of that token
	Ended     bool
}

// New is a session that never was.
func New() *Session { return &Session{} }

// Stream is the name of a session's stream.
func Stream(id uuid.UUID) string { return event.StreamName("session", id.String()) }

// Live says whether the session is account's and was not ended by itself.
func (s *Session) Live(account uuid.UUID) bool {
	return s.Account != uuid.Nil && s.Account == account && !s.Ended
}

// Apply folds one event in.
func (s *Session) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Started:
		*s = Session{Account: d.Account, Family: d.Family, Epoch: d.Epoch, IssuedAt: e.Time, ExpiresAt: d.ExpiresAt}
	case Refreshed:
		s.Token, s.IssuedAt, s.ExpiresAt = d.Token, e.Time, d.ExpiresAt
	case Ended:
		s.Ended = true
	}
}

// Start begins the session. The same start again says nothing.
func (s *Session) Start(d Started) []event.Data {
	if s.Account != uuid.Nil {
		return nil
	}
	return []event.Data{d}
}

// Refreshment is what presenting a refresh token leads to.
type Refreshment struct {
	Token  uint32 // to hand out
	Reused bool   // the events end the session; the caller answers ErrRefreshReused
}

// Refresh uses token number presented of family. Within grace of its use, and
// while its successor was not presented, it leads to the same successor
// again. New tokens live for ttl.
// Errors: ErrRefreshInvalid for a session that is over, old, or another's.
func (s *Session) Refresh(family uuid.UUID, presented uint32, now time.Time, grace, ttl time.Duration) ([]event.Data, Refreshment, error) {
	switch {
	case s.Account == uuid.Nil, s.Ended, s.Family != family, !now.Before(s.ExpiresAt), presented > s.Token:
		return nil, Refreshment{}, ErrRefreshInvalid
	case presented == s.Token:
		next := Refreshed{Account: s.Account, Family: family, Token: s.Token + 1, ExpiresAt: now.Add(ttl)}
		return []event.Data{next}, Refreshment{Token: next.Token}, nil
	case presented+1 == s.Token && now.Sub(s.IssuedAt) <= grace:
		return nil, Refreshment{Token: s.Token}, nil
	}
	return []event.Data{Ended{Account: s.Account, Reason: Reused}}, Refreshment{Reused: true}, nil
}

// End ends the session of account; nothing is said where it has ended.
// Errors: fault.ErrNotFound where it is not account's.
func (s *Session) End(account uuid.UUID, reason string) ([]event.Data, error) {
	switch {
	case s.Account == uuid.Nil || s.Account != account:
		return nil, fault.ErrNotFound
	case s.Ended:
		return nil, nil
	}
	return []event.Data{Ended{Account: account, Reason: reason}}, nil
}
