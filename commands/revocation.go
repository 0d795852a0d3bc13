package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/session"
)

// Which sessions count as over between the append and the moment when a
// node's own tail has seen it:
//
// Every node knows, from the tail, what ended up to the position that it has
// seen. Whoever ends a session writes that to the shared store before the
// answer goes out. The store carries a mark: "all that ended after position P
// is here". A node that has seen P therefore knows everything with one
// look-up. One that has not, a store without a mark that the node has checked
// (it was emptied), and a store that does not answer are all the same: the
// session is read from the log. So the store may lose everything at any time,
// and nobody is signed out or gets back in.

// Policies: how ended sessions are told from live ones.
const (
	RevokeBlacklist = "blacklist" // what is listed is over
	RevokeWhitelist = "whitelist" // what is not listed is looked up in the log, and listed if it lives
	RevokeBoth      = "both"
)

// RevokedChannel is where ends of sessions are published, as Revocations in
// JSON, for sockets to close at once.
const RevokedChannel = "revoked"

// Revocation is the end of one session, or of all that an account has.
type Revocation struct {
	Account  uuid.UUID `json:"account"`
	Session  uuid.UUID `json:"session,omitzero"` // the one
	Epoch    uint64    `json:"epoch,omitzero"`   // sessions of an older one …
	Keep     uuid.UUID `json:"keep,omitzero"`    // … but this
	Position uint64    `json:"position"`         // of the event that says so
}

// ReadRevocation reads a message of RevokedChannel.
func ReadRevocation(message []byte) (r Revocation, err error) {
	err = json.Unmarshal(message, &r)
	return r, err
}

// Standing is what all nodes know about a session. The zero value is nothing.
type Standing struct {
	Mark  string    // since when everything is known; empty: nothing is
	Ended bool      // the session itself
	Epoch uint64    // of its account: sessions of an older one are over …
	Keep  uuid.UUID // … but this
	Live  bool      // it is on the list of live ones
}

// Shared is what all nodes share about who asks: buckets, locks, tallies, ended
// sessions. Every adapter passes commandstest.Shared.
type Shared interface {
	Limits
	Tallies
	// Pass draws, and looks up how a session stands (uuid.Nil: none), in one
	// round trip.
	Pass(ctx context.Context, draws []Draw, account, session uuid.UUID) ([]Level, Standing, error)
	// Revoke makes an end known for ttl, takes it off the list of live ones and
	// publishes it. An account's epoch never falls.
	Revoke(ctx context.Context, r Revocation, ttl time.Duration) error
	// Enlist puts a session on the list of live ones for ttl, unless its end is
	// known or the mark is another one by now.
	Enlist(ctx context.Context, session uuid.UUID, mark string, ttl time.Duration) error
	// Mark is the mark of the store, or "".
	Mark(ctx context.Context) (string, error)
	// Renew replaces the mark old, if it still stands, by what next gives. What
	// is revoked while next runs must be in the store when the new mark is, so
	// an emptying in between makes Renew begin again. It gives the mark that
	// stands in the end.
	Renew(ctx context.Context, old string, next func(context.Context) (string, error)) (string, error)
}

// shared is the store that all nodes share, with a bound on how long anybody
// waits for it, and a pause after it did not answer, in which nobody does.
type shared struct {
	store Shared // nil: one process
	slow  time.Duration
	pause time.Duration
	now   func() time.Time
	log   *slog.Logger

	until   atomic.Int64 // of the pause, Unix nanoseconds
	away    atomic.Bool
	trusted atomic.Pointer[mark]
	doubt   chan struct{} // wakes whoever looks after the mark; one waits at most
}

// mark is a mark that was found to be of our log.
type mark struct {
	text  string
	since uint64 // whatever ended after that position is in the store
}

func newShared(cfg Config, deps Deps) *shared {
	return &shared{store: deps.Shared, slow: cfg.SharedSlow, pause: cfg.SharedPause, now: cfg.Now, log: deps.Log, doubt: make(chan struct{}, 1)}
}

// try asks the store. answered is false where there is none, or where it does
// not answer, in good time; err is the caller's own end.
func (s *shared) try(ctx context.Context, ask func(context.Context, Shared) error) (answered bool, err error) {
	if s.store == nil {
		return false, nil
	}
	now := s.now().UnixNano()
	if until := s.until.Load(); now < until {
		return false, nil
	} else if until != 0 && !s.until.CompareAndSwap(until, now+int64(s.pause)) { // one finds out, the others wait on
		return false, nil
	}
	asking, cancel := context.WithTimeout(ctx, s.slow) // one that hangs must not hold up who could do without it
	defer cancel()
	if err = ask(asking, s.store); err == nil {
		if s.away.Load() && s.away.CompareAndSwap(true, false) {
			s.until.Store(0)
			s.log.InfoContext(ctx, "the store that nodes share answers again")
		}
		return true, nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	s.until.Store(s.now().UnixNano() + int64(s.pause))
	if s.away.CompareAndSwap(false, true) {
		s.log.WarnContext(ctx, "the store that nodes share does not answer; limits count for this node alone, and sessions are read from the log", "error", err)
	}
	return false, nil
}

// upheld says whether a session that lives as far as this node knows also does
// by what all nodes know. Errors: ErrTokenRevoked.
func (c *Commands) upheld(ctx context.Context, by Actor, epoch uint64, st Standing) error {
	if c.deps.Shared == nil {
		return nil
	}
	m := c.shared.trusted.Load()
	if m == nil || m.text != st.Mark {
		if !c.shared.away.Load() {
			c.shared.wake()
		}
		return c.upheldInLog(ctx, by)
	}
	over := st.Ended || epoch < st.Epoch && by.Session != st.Keep
	if c.cfg.Revocation != RevokeWhitelist && over {
		return ErrTokenRevoked
	}
	if c.cfg.Revocation != RevokeBlacklist && (over || !st.Live) {
		if err := c.upheldInLog(ctx, by); err != nil {
			return err
		}
		c.enlist(ctx, by, m)
		return nil
	}
	if m.since > uint64(c.seen.Load()) { // what ended before that is not in the store
		_, err := c.lives(WithPosition(ctx, max(m.since, PositionFrom(ctx))), by)
		return err
	}
	return nil
}

func (c *Commands) enlist(ctx context.Context, by Actor, m *mark) {
	ttl := by.Expires.Sub(c.now())
	if ttl <= 0 {
		ttl = c.deps.Tokens.TTL()
	}
	_, _ = c.shared.try(ctx, func(ctx context.Context, s Shared) error { return s.Enlist(ctx, by.Session, m.text, ttl) }) // or at the next request
}

// upheldInLog reads as the log stands now whether a session lives.
func (c *Commands) upheldInLog(ctx context.Context, by Actor) error {
	ctx, err := c.upToDate(ctx)
	if err != nil {
		return err
	}
	_, err = c.lives(ctx, by)
	return err
}

// lives says whether a session lives as far as this node knows, and of which
// epoch it is. Errors: ErrTokenRevoked.
func (c *Commands) lives(ctx context.Context, by Actor) (epoch uint64, err error) {
	err = view(ctx, c.core, session.Stream(by.Session), session.New, func(s *session.Session) error {
		if !s.Live(by.Account) {
			return ErrTokenRevoked
		}
		epoch = s.Epoch
		return nil
	})
	if err != nil {
		return 0, err
	}
	return epoch, c.account(ctx, by.Account, func(acc *account.Account) error {
		if acc.Over(by.Session, epoch) {
			return ErrTokenRevoked
		}
		return nil
	})
}

// revoke tells all nodes of an end that is in the log. Where that fails they
// learn it from their tails, as after a crash at this point.
func (c *Commands) revoke(ctx context.Context, r Revocation) {
	if c.deps.Shared == nil {
		return
	}
	wait := c.cfg.AppendTimeout
	if c.shared.away.Load() {
		wait = c.cfg.SharedSlow
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait) // who asked may be gone
	defer cancel()
	if err := c.deps.Shared.Revoke(ctx, r, c.deps.Tokens.TTL()); err != nil {
		c.log.WarnContext(ctx, "other nodes were not told that a session is over; they see it in the log", "account", r.Account, "error", err)
	}
}

// wake has the mark looked after.
func (s *shared) wake() {
	select {
	case s.doubt <- struct{}{}:
	default: // it is already
	}
}

// keepMark finds out which mark of the store can be trusted, and makes a new
// one where there is none, until ctx ends.
func (c *Commands) keepMark(ctx context.Context) {
	said := false
	for {
		asking, cancel := context.WithTimeout(ctx, c.cfg.AppendTimeout)
		err := c.renewMark(asking)
		cancel()
		if err != nil && ctx.Err() == nil && !said {
			c.log.WarnContext(ctx, "the store that nodes share has no mark; sessions are read from the log", "error", err)
		}
		said = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(c.cfg.SharedPause): // a store that is emptied all the time is not worth more
		}
		select {
		case <-ctx.Done():
			return
		case <-c.shared.doubt:
		}
	}
}

func (c *Commands) renewMark(ctx context.Context) error {
	epoch, err := c.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("the log's epoch: %w", err)
	}
	text, err := c.deps.Shared.Mark(ctx)
	if err != nil {
		return err
	}
	since, ok := readMark(text, epoch)
	if !ok {
		text, err = c.deps.Shared.Renew(ctx, text, func(ctx context.Context) (string, error) {
			head, err := c.store.Head(ctx)
			return fmt.Sprintf("%s %d %s", epoch, head, c.newID()), err
		})
		if err != nil {
			return err
		}
		if since, ok = readMark(text, epoch); !ok {
			return fmt.Errorf("the mark %q is not of this log", text)
		}
	}
	c.shared.trusted.Store(&mark{text, since})
	return nil
}

// readMark reads a mark of our log; ok is false for all others.
func readMark(text string, epoch uuid.UUID) (since uint64, ok bool) {
	words := strings.Fields(text)
	if len(words) != 3 || words[0] != epoch.String() {
		return 0, false
	}
	since, err := strconv.ParseUint(words[1], 10, 64)
	return since, err == nil
}

// runShared looks after the mark beside run.
func (c *Commands) runShared(ctx context.Context) (wait func()) {
	var crew sync.WaitGroup
	if c.deps.Shared != nil {
		crew.Go(func() { c.keepMark(ctx) })
	}
	return crew.Wait
}
