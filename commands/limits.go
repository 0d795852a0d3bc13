package commands

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

// Faults of limits. Both carry when to come back.
var (
	ErrLimited = fault.New(fault.Limited, "limit.exceeded", "This is too much at once; please slow down.").After(time.Second)
	ErrLocked  = fault.New(fault.Limited, "session.locked", "There were too many failed sign-ins; please try again later.").After(time.Second)
)

// Rate is so many in so long. All of them may come at once; they are given
// back evenly.
type Rate struct {
	Count int
	Per   time.Duration
}

// Draw takes one out of a bucket. Buckets differ by rule and key.
type Draw struct {
	Rule string // "account", "network", …: the name of the policy in RateLimit headers
	Key  string // whose: an account, a network, with a route where the rule says so
	Rate Rate
}

// Level is how a bucket is after a draw.
type Level struct {
	Rule      string
	Rate      Rate
	Remaining int           // that may be drawn at once now
	Full      time.Duration // until nothing is missing
	Wait      time.Duration // over 0: refused, and nothing was taken; so long until one may be drawn
}

// Lock counts failures of one key: of a login, or of a network.
type Lock struct {
	Key      string
	Failures int           // after which the key is locked
	First    time.Duration // the first lock; each further one is twice as long …
	Longest  time.Duration // … up to this. A failure is forgotten after Longest/Failures.
	Keeps    bool          // a success does not make the failures forgotten
}

// Limits is the buckets and locks of this process alone. It is bounded, and
// passes commandstest.Limits.
type Limits interface {
	// Draw takes one out of each bucket; each draw counts by itself.
	Draw(ctx context.Context, draws []Draw) ([]Level, error)
	// Locked is how long the longest lock upon keys goes on; 0: none.
	Locked(ctx context.Context, locks []Lock) (time.Duration, error)
	// Settle counts how an attempt went: a failure with each key, a success by
	// forgetting those of keys. While one of them is locked it changes nothing
	// and gives the rest of the lock: attempts that began before the lock and
	// end after it learn nothing.
	Settle(ctx context.Context, locks []Lock, failed bool) (time.Duration, error)
	// Forgive forgets the failures of keys and opens their locks, but for those
	// that Keeps.
	Forgive(ctx context.Context, locks []Lock) error
}

// LimitRules are the rates and the lock-out.
type LimitRules struct {
	SignIn  Rate // sign-ins of a network
	SignUp  Rate // sign-ups of a network, and as many confirmations
	Mail    Rate // mails to an address
	Account Rate // requests of an account
	Network Rate // requests of a network without a token
	Write   Rate // writes of an account on a route, or of a network

	LockoutFailures        int // of a login
	LockoutNetworkFailures int
	LockoutFirst           time.Duration
	LockoutLongest         time.Duration
}

// DefaultLimits are the documented ones.
func DefaultLimits() LimitRules {
	return LimitRules{
		SignIn: Rate{30, time.Minute}, SignUp: Rate{30, time.Minute}, Mail: Rate{10, time.Hour},
		Account: Rate{1200, time.Minute}, Network: Rate{2400, time.Minute}, Write: Rate{300, time.Minute},
		LockoutFailures: 10, LockoutNetworkFailures: 100, LockoutFirst: time.Minute, LockoutLongest: time.Hour,
	}
}

// Scarce is a kind of route that has a rule of its own.
type Scarce uint8

// The kinds.
const (
	Plain         Scarce = iota
	ScarceSignIn         // costs a password's work
	ScarceSignUp         // costs a mail, or names
	ScarceConfirm        // a guess costs a sync
	ScarceCaptcha        // costs a picture
)

// Arrival is a request before anything of it is done.
type Arrival struct {
	Token   string // an access token; empty: none
	Key     *Actor // for whom an API key stands that was found good; nil: none
	Network string // an IPv4 address or an IPv6 /64; empty: unknown, and not limited by it
	Route   string // the operation's id
	Write   bool   // changes something
	Scarce  Scarce
}

// Admit draws from the buckets that a request is subject to, and says who
// asks: nil for nobody. Where nodes share what they know this is one
// round trip, and none otherwise. Levels are to be told also beside an error.
//
// Errors: ErrLimited, Authenticate's.
func (c *Commands) Admit(ctx context.Context, a Arrival) (*Actor, []Level, error) {
	by := a.Key
	var epoch uint64
	var refused error
	if a.Token != "" {
		var who Actor
		if who, refused = c.deps.Tokens.Check(a.Token); refused == nil {
			epoch, refused = c.lives(ctx, who)
		}
		if refused == nil {
			refused = c.bound(ctx, who)
		}
		if refused == nil {
			by = &who
		} else if f := fault.As(refused); f == nil || f.Kind != fault.Unauthorized {
			return nil, nil, refused
		}
	}
	levels, standing, err := c.pass(ctx, c.draws(a, by), by)
	if err != nil {
		return nil, nil, err
	}
	if err := limited(levels); err != nil {
		return nil, levels, err
	}
	if by == nil || by.Session == uuid.Nil {
		return by, levels, refused
	}
	return by, levels, c.upheld(ctx, *by, epoch, standing)
}

// draws are the buckets that a request is subject to: the account's, or
// without one its network's.
func (c *Commands) draws(a Arrival, by *Actor) []Draw {
	if c.deps.Limits == nil {
		return nil
	}
	rules, out := &c.cfg.Limits, make([]Draw, 0, 3)
	if by != nil {
		account := by.Account.String()
		out = append(out, Draw{"account", account, rules.Account})
		if a.Write {
			out = append(out, Draw{"write", account + " " + a.Route, rules.Write})
		}
		return out
	}
	if a.Network == "" {
		return nil
	}
	out = append(out, Draw{"network", a.Network, rules.Network})
	switch a.Scarce {
	case ScarceSignIn:
		out = append(out, Draw{"sign-in", a.Network, rules.SignIn})
	case ScarceSignUp:
		out = append(out, Draw{"sign-up", a.Network, rules.SignUp})
	case ScarceConfirm:
		out = append(out, Draw{"confirm", a.Network, rules.SignUp})
	case ScarceCaptcha:
		out = append(out, Draw{"captcha", a.Network, rules.Write})
	default:
		if a.Write {
			out = append(out, Draw{"write", a.Network + " " + a.Route, rules.Write})
		}
	}
	return out
}

// limited is ErrLimited with the longest wait, if one of the draws was refused.
func limited(levels []Level) error {
	var wait time.Duration
	for _, l := range levels {
		wait = max(wait, l.Wait)
	}
	if wait == 0 {
		return nil
	}
	return ErrLimited.After(wait)
}

// mayMail draws for a mail to an address. Errors: ErrLimited.
func (c *Commands) mayMail(ctx context.Context, e email) error {
	if c.deps.Limits == nil {
		return nil
	}
	key, err := c.nameStream(ctx, "email", e.folded)
	if err != nil {
		return err
	}
	levels, _, err := c.pass(ctx, []Draw{{"mail", key, c.cfg.Limits.Mail}}, nil)
	if err != nil {
		return err
	}
	return limited(levels)
}

// attempts are what counts failed attempts at one account or from one network.
type attempts struct {
	locks   []Lock  // none where limits are off
	tallies []Tally // none unless captchas are adaptive
}

// signInLocks are what counts failed sign-ins: of each login as it is written,
// folded, whether or not anybody has it, and of the network.
func (c *Commands) signInLocks(ctx context.Context, logins ...string) (attempts, error) {
	r := &c.cfg.Limits
	count := func(key string, failures int, keeps bool) Lock {
		return Lock{Key: key, Failures: failures, First: r.LockoutFirst, Longest: r.LockoutLongest, Keeps: keeps}
	}
	var a attempts
	for _, login := range logins {
		key, err := c.loginKey(ctx, login)
		if err != nil {
			return a, err
		}
		a.locks = append(a.locks, count(key, r.LockoutFailures, false))
	}
	if network := ClientFrom(ctx).Network; network != "" {
		// Whoever has an account could clear the network between two guesses.
		a.locks = append(a.locks, count("network "+network, r.LockoutNetworkFailures, true))
	}
	if c.cfg.Captcha.Policy == CaptchaAdaptive {
		for _, l := range a.locks {
			a.tallies = append(a.tallies, Tally{Key: l.Key, Count: c.cfg.Captcha.Failures, For: c.cfg.Captcha.Memory, Keeps: l.Keeps})
		}
	}
	if c.deps.Limits == nil {
		a.locks = nil
	}
	return a, nil
}

// accountLocks are those of everything that an account signs in with: whoever
// guesses at it finds all of them shut.
func (c *Commands) accountLocks(ctx context.Context, id uuid.UUID) (attempts, error) {
	var logins []string
	err := c.account(ctx, id, func(a *account.Account) error {
		logins = []string{a.Handle}
		if a.Email != "" {
			logins = append(logins, a.Email)
		}
		return nil
	})
	if err != nil {
		return attempts{}, err
	}
	return c.signInLocks(ctx, logins...)
}

// locked is ErrLocked while one of the locks is shut.
func (c *Commands) locked(ctx context.Context, a attempts) error {
	return c.askLocks(ctx, a.locks, func(ctx context.Context, l Limits) (time.Duration, error) { return l.Locked(ctx, a.locks) })
}

// settle counts how an attempt went, and is ErrLocked where that must not be
// told any more.
func (c *Commands) settle(ctx context.Context, a attempts, failed bool) error {
	err := c.askLocks(ctx, a.locks, func(ctx context.Context, l Limits) (time.Duration, error) { return l.Settle(ctx, a.locks, failed) })
	if err != nil {
		return err
	}
	return c.tally(ctx, a.tallies, failed)
}

func (c *Commands) askLocks(ctx context.Context, locks []Lock, ask func(context.Context, Limits) (time.Duration, error)) error {
	if len(locks) == 0 {
		return nil
	}
	var rest time.Duration
	shared, err := c.shared.try(ctx, func(ctx context.Context, s Shared) (err error) {
		rest, err = ask(ctx, s)
		return err
	})
	if !shared && err == nil {
		rest, err = ask(ctx, c.deps.Limits)
	}
	if err == nil && rest > 0 {
		err = ErrLocked.After(rest)
	}
	return err
}

// pass draws, and looks up what all nodes know about the session of by, if
// there is one. Without the others the process's own buckets serve.
func (c *Commands) pass(ctx context.Context, draws []Draw, by *Actor) (levels []Level, standing Standing, err error) {
	var account, session uuid.UUID
	if by != nil {
		account, session = by.Account, by.Session
	}
	shared := false
	if len(draws) > 0 || by != nil {
		shared, err = c.shared.try(ctx, func(ctx context.Context, s Shared) (err error) {
			levels, standing, err = s.Pass(ctx, draws, account, session)
			return err
		})
	}
	if !shared && err == nil && len(draws) > 0 {
		levels, err = c.deps.Limits.Draw(ctx, draws)
	}
	return levels, standing, err
}
