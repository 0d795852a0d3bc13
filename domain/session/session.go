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

// MaxFamilies bounds the sign-ins that share a session; the oldest ones give
// way.
const MaxFamilies = 32

// Session is the state of the stream session-<id>.
type Session struct {
	Account uuid.UUID // uuid.Nil: never started
	Epoch   uint64
	Ended   bool

	// SignedInAt is when somebody last signed in to it. (Where sign-ins share a
	// session its tokens do not say which of them they are of.)
	SignedInAt time.Time

	families []family // one, or as many as sign-ins share the session
}

// family is a line of refresh tokens, each used once.
type family struct {
	id      uuid.UUID
	newest  uint32    // token issued, not presented yet
	issued  time.Time // that token
	expires time.Time // that token
	bound   Binding
}

// New is a session that never was.
func New() *Session { return &Session{} }

// Stream is the name of a session's stream.
func Stream(id uuid.UUID) string { return event.StreamName("session", id.String()) }

// Live says whether the session is account's and was not ended by itself.
func (s *Session) Live(account uuid.UUID) bool {
	return s.Account != uuid.Nil && s.Account == account && !s.Ended
}

// Ends is when the last of its refresh tokens expires; zero for a session that
// is over or never was.
func (s *Session) Ends() (at time.Time) {
	for _, f := range s.families {
		if f.expires.After(at) {
			at = f.expires
		}
	}
	return at
}

// Apply folds one event in.
func (s *Session) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Started:
		*s = Session{Account: d.Account, Epoch: d.Epoch, SignedInAt: e.Time, families: []family{{id: d.Family, issued: e.Time, expires: d.ExpiresAt}}}
	case Joined:
		s.SignedInAt = e.Time
		if len(s.families) == MaxFamilies {
			s.families = append([]family(nil), s.families[1:]...)
		}
		s.families = append(s.families, family{id: d.Family, issued: e.Time, expires: d.ExpiresAt})
	case Bound:
		if f := s.family(d.Family); f != nil {
			f.bound = Binding{Agent: d.Agent, Network: d.Network}
		}
	case Refreshed:
		if f := s.family(d.Family); f != nil {
			f.newest, f.issued, f.expires = d.Token, e.Time, d.ExpiresAt
		}
	case Ended:
		s.Ended, s.families = true, nil
	}
}

func (s *Session) family(id uuid.UUID) *family {
	for i := range s.families {
		if s.families[i].id == id {
			return &s.families[i]
		}
	}
	return nil
}

// Start begins the session, whose tokens are good where to says alone. The
// same start again says nothing.
func (s *Session) Start(d Started, to Binding) []event.Data {
	if s.Account != uuid.Nil {
		return nil
	}
	return bind(d, d, to)
}

// bind is a sign-in, and where its tokens are good.
func bind(first event.Data, d Started, to Binding) []event.Data {
	if to.none() {
		return []event.Data{first}
	}
	return []event.Data{first, Bound{Account: d.Account, Family: d.Family, Agent: to.Agent, Network: to.Network}}
}

// Share begins the session, or joins the one that is there. ok is false where
// it is over.
func (s *Session) Share(d Started, to Binding) (events []event.Data, ok bool) {
	switch {
	case s.Account == uuid.Nil:
		return bind(d, d, to), true
	case !s.Live(d.Account):
		return nil, false
	case s.family(d.Family) != nil:
		return nil, true
	}
	joined := Joined{Account: d.Account, Family: d.Family, Device: d.Device, Network: d.Network, ExpiresAt: d.ExpiresAt}
	return bind(joined, d, to), true
}

// Refreshment is what presenting a refresh token leads to.
type Refreshment struct {
	Token   uint32 // to hand out
	Expires time.Time
	Reused  bool // the events end the session; the caller answers ErrRefreshReused
}

// Refresh uses token number presented of family. Within grace of its use, and
// while its successor was not presented, it leads to the same successor
// again. New tokens live for ttl.
// Errors: ErrRefreshInvalid for a session that is over, old, or another's.
func (s *Session) Refresh(family uuid.UUID, presented uint32, now time.Time, grace, ttl time.Duration) ([]event.Data, Refreshment, error) {
	f := s.family(family)
	switch {
	case f == nil, !now.Before(f.expires), presented > f.newest:
		return nil, Refreshment{}, ErrRefreshInvalid
	case presented == f.newest:
		next := Refreshed{Account: s.Account, Family: family, Token: f.newest + 1, ExpiresAt: now.Add(ttl)}
		return []event.Data{next}, Refreshment{Token: next.Token, Expires: next.ExpiresAt}, nil
	case presented+1 == f.newest && now.Sub(f.issued) <= grace:
		return nil, Refreshment{Token: f.newest, Expires: f.expires}, nil
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

// Mismatch ends the session because a token of it came from elsewhere; nothing
// is said where it has ended.
func (s *Session) Mismatch(device, network string) []event.Data {
	if s.Account == uuid.Nil || s.Ended {
		return nil
	}
	return []event.Data{
		Mismatched{Account: s.Account, Device: device, Network: network},
		Ended{Account: s.Account, Reason: Foreign},
	}
}
