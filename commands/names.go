package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Reservations. A name (an address, a handle, the office of the first
// administrator) is a stream that says who owns it. Appends touch one stream,
// so a sign-up is a sequence: claim the names, then make the account, which
// names its claims. A crash in between leaves a claim whose account does not
// name it; after ClaimTakeover it may be taken over. Whoever does so fences
// first: it appends to the old claimant's own stream (account.voided, or
// account.claim_voided), so that a claimant who was only slow fails there
// instead of owning the name as well.
//
// An account that changes a name claims the new one, names it, and frees the
// old one, in this order. A claim has an identity, the event that made it:
// only the very claim that was looked at is taken over, and only the one that
// was given up is released. A change fails when a fence, or another change of
// its account, came between (account.Naming).

var nameCode = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// nameStream is the stream of a folded name: <category>-<hmac>. Nobody without
// the key can tell which name it is.
func (c *Commands) nameStream(ctx context.Context, category, folded string) (string, error) {
	key, err := c.deps.Keyring.System(ctx, "names")
	if err != nil {
		return "", fmt.Errorf("key of names: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(category + "\x00" + folded))
	return event.StreamName(category, nameCode.EncodeToString(mac.Sum(nil)[:20])), nil
}

// reservation is a name that one account at most owns.
type reservation struct {
	stream            string
	claimed, released func(uuid.UUID) event.Data
	taken             *fault.Fault
	ttl               time.Duration // an unverified address lapses after it; 0: never
}

func (c *Commands) emailReservation(ctx context.Context, e email) (reservation, error) {
	stream, err := c.nameStream(ctx, "email", e.folded)
	return reservation{
		stream:   stream,
		claimed:  func(id uuid.UUID) event.Data { return account.EmailClaimed{Account: id} },
		released: func(id uuid.UUID) event.Data { return account.EmailReleased{Account: id} },
		taken:    account.ErrEmailTaken,
		ttl:      c.cfg.EmailClaimTTL,
	}, err
}

func (c *Commands) handleReservation(ctx context.Context, handle string) (reservation, error) {
	stream, err := c.nameStream(ctx, "handle", account.Skeleton(handle))
	return reservation{
		stream:   stream,
		claimed:  func(id uuid.UUID) event.Data { return account.HandleClaimed{Account: id} },
		released: func(id uuid.UUID) event.Data { return account.HandleReleased{Account: id} },
		taken:    account.ErrHandleTaken,
	}, err
}

// upToDate is ctx under which views see all that the log holds by now.
func (c *Commands) upToDate(ctx context.Context) (context.Context, error) {
	head, err := c.store.Head(ctx)
	if err != nil {
		return ctx, unavailable(err)
	}
	return WithPosition(ctx, max(head, PositionFrom(ctx))), nil
}

// Head is where the log ends now. Errors: storage.
func (c *Commands) Head(ctx context.Context) (uint64, error) {
	ctx, err := c.upToDate(ctx)
	return PositionFrom(ctx), err
}

// holder is who holds a name, looked at by one who wants it.
type holder struct {
	owner  uuid.UUID // uuid.Nil: free
	claim  uuid.UUID // event by which it holds it
	yields bool      // the name may be taken over, once the owner is fenced
	lapsed bool      // … even though the owner names it: an unverified address
}

// look finds out whether a name can be had by whoever is not its owner.
func (c *Commands) look(ctx context.Context, r reservation) (holder, error) {
	ctx, err := c.upToDate(ctx)
	if err != nil {
		return holder{}, err
	}
	var h holder
	var age time.Duration
	err = view(ctx, c.core, r.stream, account.NewClaim, func(cl *account.Claim) error {
		h.owner, h.claim, age = cl.Owner, cl.ID, c.now().Sub(cl.At)
		return nil
	})
	if err != nil || h.owner == uuid.Nil {
		h.yields = true
		return h, err
	}
	h.lapsed = r.ttl > 0 && age >= r.ttl
	err = c.account(ctx, h.owner, func(a *account.Account) error {
		switch {
		case !a.Names(r.stream) && a.Seeks(r.stream, c.now()):
		case !a.Names(r.stream):
			h.yields = a.Voided || age >= c.cfg.ClaimTakeover
		case a.EmailClaim == r.stream && !a.EmailVerified:
			h.yields = h.lapsed
		}
		return nil
	})
	return h, err
}

// claim gives a name to account. Errors: r.taken.
func (c *Commands) claim(ctx context.Context, r reservation, id uuid.UUID) (Outcome, error) {
	ctx = claiming(ctx)
	for range maxConflict {
		h, err := c.look(ctx, r)
		if err != nil {
			return Outcome{}, err
		}
		if h.owner != uuid.Nil && h.owner != id {
			if err := c.fence(ctx, r, h); err != nil {
				return Outcome{}, err
			}
		}
		var given bool
		out, err := change(ctx, c.core, r.stream, account.NewClaim, func(cl *account.Claim) ([]event.Data, error) {
			var events []event.Data
			events, given = cl.Give(id, h.claim, r.claimed)
			return events, nil
		})
		if err != nil || given {
			return out, err
		}
	}
	return Outcome{}, fault.ErrConflict
}

// fence makes sure that the holder will never own the name, before another
// does. Errors: r.taken where it owns it by right.
func (c *Commands) fence(ctx context.Context, r reservation, h holder) error {
	if !h.yields {
		return r.taken
	}
	_, err := change(ctx, c.core, account.Stream(h.owner), account.New, func(a *account.Account) ([]event.Data, error) {
		events, ok := a.Fence(r.stream, h.lapsed, c.now())
		if !ok {
			return nil, r.taken
		}
		return events, nil
	})
	return err
}

// giveUp ends a sign-up that was refused: its account will never be, so its
// claims can be freed. What fails here is taken over later.
func (c *Commands) giveUp(ctx context.Context, id uuid.UUID, claimed []reservation) {
	if _, again := origin(ctx); again || len(claimed) == 0 {
		return // what is imported keeps its id, and is tried again
	}
	_, err := change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		events, ok := a.Fence("", false, c.now())
		if !ok || a.Registered {
			return nil, account.ErrAbandoned
		}
		return events, nil
	})
	for _, r := range claimed {
		if err != nil {
			break
		}
		_, err = change(ctx, c.core, r.stream, account.NewClaim, func(cl *account.Claim) ([]event.Data, error) {
			return cl.Release(id, uuid.Nil, r.released), nil
		})
	}
	if err != nil {
		c.log.WarnContext(ctx, "a refused sign-up keeps its claims until they may be taken over", "error", err)
	}
}

// claimOf is the claim by which an account holds a name; uuid.Nil where it does
// not, or where there is no name.
func (c *Commands) claimOf(ctx context.Context, stream string, id uuid.UUID) (claim uuid.UUID, err error) {
	if stream == "" {
		return uuid.Nil, nil
	}
	err = view(ctx, c.core, stream, account.NewClaim, func(cl *account.Claim) error {
		if cl.Owner == id {
			claim = cl.ID
		}
		return nil
	})
	return claim, err
}

// letGo frees a name that the account gave up, if the claim is still that one;
// uuid.Nil is none. What fails here is taken over later.
func (c *Commands) letGo(ctx context.Context, r reservation, id, claim uuid.UUID) {
	if claim == uuid.Nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.AppendTimeout)
	defer cancel()
	_, err := change(ctx, c.core, r.stream, account.NewClaim, func(cl *account.Claim) ([]event.Data, error) {
		return cl.Release(id, claim, r.released), nil
	})
	if err != nil {
		c.log.WarnContext(ctx, "a name that was given up stays claimed until it may be taken over", "account", id, "error", err)
	}
}

// account looks at one account, which may not exist.
func (c *Commands) account(ctx context.Context, id uuid.UUID, read func(*account.Account) error) error {
	return view(ctx, c.core, account.Stream(id), account.New, read)
}

// member says whether such an account exists for others.
func (c *Commands) member(ctx context.Context, id uuid.UUID) (exists bool, err error) {
	err = c.account(ctx, id, func(a *account.Account) error {
		exists = a.Exists()
		return nil
	})
	return exists, err
}

// administrator says whether the account has that role now, whatever its
// token says.
func (c *Commands) administrator(ctx context.Context, id uuid.UUID) (is bool, err error) {
	err = c.account(ctx, id, func(a *account.Account) error {
		is = a.Has(account.Administrator)
		return nil
	})
	return is, err
}

// accountByHandle finds who has a handle; uuid.Nil: nobody. A leading "@" is
// ignored.
func (c *Commands) accountByHandle(ctx context.Context, handle string) (uuid.UUID, error) {
	folded, problem := account.FoldHandle(strings.TrimPrefix(handle, "@"), account.AnyHandle)
	if problem != "" {
		return uuid.Nil, nil
	}
	r, err := c.handleReservation(ctx, folded)
	if err != nil {
		return uuid.Nil, err
	}
	return c.owner(ctx, r.stream, func(a *account.Account) bool { return a.Handle == folded })
}

// accountByEmail finds who has an address; uuid.Nil: nobody.
func (c *Commands) accountByEmail(ctx context.Context, e email) (id uuid.UUID, stream string, err error) {
	r, err := c.emailReservation(ctx, e)
	if err != nil {
		return uuid.Nil, "", err
	}
	id, err = c.owner(ctx, r.stream, func(*account.Account) bool { return true })
	return id, r.stream, err
}

// accountToProve finds whose address waits for a proof, or was proven;
// uuid.Nil: nobody's.
func (c *Commands) accountToProve(ctx context.Context, e email) (id uuid.UUID, stream string, err error) {
	r, err := c.emailReservation(ctx, e)
	if err != nil {
		return uuid.Nil, "", err
	}
	err = view(ctx, c.core, r.stream, account.NewClaim, func(cl *account.Claim) error {
		id = cl.Owner
		return nil
	})
	return id, r.stream, err
}

// owner is the account that claimed a name and names it; uuid.Nil: none.
func (c *Commands) owner(ctx context.Context, stream string, right func(*account.Account) bool) (uuid.UUID, error) {
	var id uuid.UUID
	err := view(ctx, c.core, stream, account.NewClaim, func(cl *account.Claim) error {
		id = cl.Owner
		return nil
	})
	if err != nil || id == uuid.Nil {
		return uuid.Nil, err
	}
	err = c.account(ctx, id, func(a *account.Account) error {
		if !a.Names(stream) || !right(a) {
			id = uuid.Nil
		}
		return nil
	})
	return id, err
}
