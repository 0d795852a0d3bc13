package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands/passkeys"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/text"
)

// maxPasskeyChallenges is how many challenges for a new passkey an account has
// at once; the oldest gives way.
const maxPasskeyChallenges = 10

// PasskeyChallenge is what a page hands to navigator.credentials. It is good
// for one answer, on any node.
type PasskeyChallenge struct {
	ID      uuid.UUID
	Options json.RawMessage // PublicKeyCredentialCreationOptionsJSON or …RequestOptionsJSON
}

// PasskeyAnswer is what the browser said to a challenge.
type PasskeyAnswer struct {
	ID       uuid.UUID // of the challenge
	Response json.RawMessage
}

// keptChallenge waits for its answer in the ephemeral store.
type keptChallenge struct {
	Account uuid.UUID       `json:"account"` // who adds a passkey; uuid.Nil: somebody signs in
	Kept    json.RawMessage `json:"kept"`
}

func passkeyKey(id uuid.UUID) string { return "passkey " + id.String() }

// takeChallenge gives what was kept of a challenge to one answer, of owner.
// Errors: passkeys.ErrInvalid where it was used, is old or another's.
func (c *Commands) takeChallenge(ctx context.Context, id, owner uuid.UUID) ([]byte, error) {
	raw, ok, err := c.deps.Ephemeral.Take(ctx, passkeyKey(id))
	if err != nil {
		return nil, err
	}
	var k keptChallenge
	if !ok || json.Unmarshal(raw, &k) != nil || k.Account != owner {
		return nil, passkeys.ErrInvalid
	}
	return k.Kept, nil
}

// Passkeys are the account's, oldest first.
func (c *Commands) Passkeys(ctx context.Context, by Actor) (all []account.Passkey, err error) {
	err = c.account(ctx, by.Account, func(a *account.Account) error {
		all = a.Passkeys()
		return nil
	})
	return all, err
}

// ChallengePasskey asks the account's browser for a new passkey.
// Errors: ErrNotRecent, account.ErrPasskeys, passkeys.ErrUnavailable.
func (c *Commands) ChallengePasskey(ctx context.Context, by Actor) (PasskeyChallenge, error) {
	if err := c.recentSignIn(ctx, by); err != nil {
		return PasskeyChallenge{}, err
	}
	who := passkeys.Person{ID: by.Account}
	err := c.account(ctx, by.Account, func(a *account.Account) error {
		who.Handle, who.DisplayName = a.Handle, a.Profile.DisplayName
		for _, k := range a.Passkeys() {
			who.Has = append(who.Has, k.Credential)
		}
		return a.MayAddPasskey()
	})
	if err != nil {
		return PasskeyChallenge{}, err
	}
	options, kept, err := c.party.Create(who)
	if err != nil {
		return PasskeyChallenge{}, err
	}
	return c.keepChallenge(ctx, by.Account, options, kept)
}

// AskPasskey asks any browser for a passkey to sign in with. It tells nothing
// of who has one. Errors: passkeys.ErrUnavailable.
func (c *Commands) AskPasskey(ctx context.Context) (PasskeyChallenge, error) {
	options, kept, err := c.party.Ask()
	if err != nil {
		return PasskeyChallenge{}, err
	}
	return c.keepChallenge(ctx, uuid.Nil, options, kept)
}

func (c *Commands) keepChallenge(ctx context.Context, owner uuid.UUID, options, kept []byte) (PasskeyChallenge, error) {
	made := PasskeyChallenge{ID: c.newID(), Options: options}
	raw, err := json.Marshal(keptChallenge{Account: owner, Kept: kept})
	if err != nil {
		return PasskeyChallenge{}, fmt.Errorf("keep a passkey challenge: %w", err)
	}
	if owner == uuid.Nil {
		err = c.deps.Ephemeral.Put(ctx, passkeyKey(made.ID), raw, c.cfg.PasskeyTTL)
	} else {
		err = c.deps.Ephemeral.PutAmong(ctx, "passkeys "+owner.String(), maxPasskeyChallenges, passkeyKey(made.ID), raw, c.cfg.PasskeyTTL)
	}
	return made, err
}

// AddPasskey adds the passkey that a browser made. The account is told by mail.
// Errors: fault.ErrInvalid, text.ErrInvalid, passkeys.ErrInvalid,
// account.ErrPasskeyTaken, account.ErrPasskeys, account.ErrSuperseded.
func (c *Commands) AddPasskey(ctx context.Context, by Actor, name string, answer PasskeyAnswer) (account.Passkey, Outcome, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		name = "Passkey"
	}
	var check text.Check
	account.CheckPasskeyName(name, &check)
	if err := check.Err(); err != nil {
		return account.Passkey{}, Outcome{}, err
	}
	kept, err := c.takeChallenge(ctx, answer.ID, by.Account)
	if err != nil {
		return account.Passkey{}, Outcome{}, err
	}
	made, err := c.party.Created(kept, answer.Response, by.Account)
	if err != nil {
		return account.Passkey{}, Outcome{}, err
	}
	r, err := c.passkeyReservation(ctx, made.ID)
	if err != nil {
		return account.Passkey{}, Outcome{}, err
	}
	added := account.PasskeyAdded{
		Passkey: c.newID(), Claim: r.stream, Name: name,
		Credential: made.ID, PublicKey: made.PublicKey, Counter: made.Counter, Synced: made.Synced,
	}
	out, err := c.again(func() (Outcome, error) { return c.namePasskey(ctx, by.Account, added, r) })
	if err != nil {
		return account.Passkey{}, Outcome{}, err
	}
	c.tell(ctx, by.Account, "A passkey was added to your account", fmt.Sprintf("The passkey %q was added to your account: it signs in without the password from now on.", name), bySignIn)
	return account.Passkey{ID: added.Passkey, Name: name, CreatedAt: out.At}, out, nil
}

// namePasskey claims a credential, and adds it.
func (c *Commands) namePasskey(ctx context.Context, id uuid.UUID, added account.PasskeyAdded, r reservation) (Outcome, error) {
	fresh, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var begun account.Naming
	err = c.account(fresh, id, func(a *account.Account) error {
		begun = a.Naming()
		return a.MayAddPasskey()
	})
	if err != nil {
		return Outcome{}, err
	}
	if _, err := c.claim(fresh, r, id); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		return a.AddPasskey(added, begun)
	})
}

func (c *Commands) passkeyReservation(ctx context.Context, credential []byte) (reservation, error) {
	stream, err := c.nameStream(ctx, "passkey", string(credential))
	return reservation{
		stream:   stream,
		claimed:  func(id uuid.UUID) event.Data { return account.PasskeyClaimed{Account: id} },
		released: passkeyReleased,
		taken:    account.ErrPasskeyTaken,
	}, err
}

func passkeyReleased(id uuid.UUID) event.Data { return account.PasskeyReleased{Account: id} }

// RemovePasskey ends a passkey of the account, at once, and frees its
// credential: a claim that a crash leaves is taken over later. The account is
// told by mail. Errors: ErrNotRecent, fault.ErrNotFound, account.ErrLastWayIn.
func (c *Commands) RemovePasskey(ctx context.Context, by Actor, id uuid.UUID) (Outcome, error) {
	if err := c.recentSignIn(ctx, by); err != nil {
		return Outcome{}, err
	}
	var gone account.Passkey
	err := c.account(ctx, by.Account, func(a *account.Account) error {
		all := a.Passkeys()
		if at := slices.IndexFunc(all, func(k account.Passkey) bool { return k.ID == id }); at >= 0 {
			gone = all[at]
		}
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	claim, err := c.claimOf(ctx, gone.Claim, by.Account) // before: a new claim is not let go
	if err != nil {
		return Outcome{}, err
	}
	out, err := change(ctx, c.core, account.Stream(by.Account), account.New, func(a *account.Account) ([]event.Data, error) {
		return a.RemovePasskey(id)
	})
	if err != nil {
		return Outcome{}, err
	}
	c.letGo(ctx, reservation{stream: gone.Claim, released: passkeyReleased}, by.Account, claim)
	c.tell(ctx, by.Account, "A passkey was removed from your account", fmt.Sprintf("The passkey %q was removed from your account: it does not sign in any more.", gone.Name), bySignIn)
	return out, nil
}

// SignInByPasskey begins a session for whoever answers a challenge of
// AskPasskey with a passkey: neither password nor code is asked for. All that
// may be wrong has one answer, and counts for the network.
// Errors: ErrBadCredentials, ErrLocked, passkeys.ErrUnavailable.
func (c *Commands) SignInByPasskey(ctx context.Context, answer PasskeyAnswer) (SignedIn, error) {
	locks, err := c.signInLocks(ctx)
	if err != nil {
		return SignedIn{}, err
	}
	if err := c.locked(ctx, locks); err != nil {
		return SignedIn{}, err
	}
	if ctx, err = c.upToDate(ctx); err != nil { // a session of an old epoch would be born dead
		return SignedIn{}, err
	}
	id, who, err := c.passkeyOwner(ctx, answer)
	wrong := errors.Is(err, passkeys.ErrInvalid)
	if err != nil && !wrong {
		return SignedIn{}, err
	}
	if err := c.settle(ctx, locks, wrong); err != nil {
		return SignedIn{}, err
	}
	if wrong {
		return SignedIn{}, ErrBadCredentials.Because(err)
	}
	return c.begin(WithActor(ctx, id.String()), id, who)
}

// passkeyOwner is whose passkey gave an answer. Errors: passkeys.ErrInvalid.
func (c *Commands) passkeyOwner(ctx context.Context, answer PasskeyAnswer) (uuid.UUID, signer, error) {
	kept, err := c.takeChallenge(ctx, answer.ID, uuid.Nil)
	if err != nil {
		return uuid.Nil, signer{}, err
	}
	given, err := passkeys.Read(answer.Response)
	if err != nil {
		return uuid.Nil, signer{}, err
	}
	r, err := c.passkeyReservation(ctx, given.Credential)
	if err != nil {
		return uuid.Nil, signer{}, err
	}
	var key account.Passkey
	var who signer
	id, err := c.owner(ctx, r.stream, func(a *account.Account) (found bool) {
		key, found = a.Passkey(given.Credential)
		who = signerOf(a)
		return found
	})
	if err == nil && id == uuid.Nil {
		err = passkeys.ErrInvalid
	}
	if err != nil {
		return uuid.Nil, signer{}, err
	}
	counter, err := c.party.Answered(kept, given, id, passkeys.Credential{
		ID: key.Credential, PublicKey: key.PublicKey, Counter: key.Counter, Synced: key.Synced,
	})
	if err != nil {
		return uuid.Nil, signer{}, err
	}
	return id, who, c.usePasskey(ctx, id, key, counter)
}

// usePasskey notes that a passkey gave a right signature. One whose counter has
// been before is refused, and its account told.
// Errors: passkeys.ErrInvalid, also for one that was removed meanwhile.
func (c *Commands) usePasskey(ctx context.Context, id uuid.UUID, key account.Passkey, counter uint32) error {
	var refused bool
	_, err := change(WithActor(ctx, id.String()), c.core, account.Stream(id), account.New, func(a *account.Account) (events []event.Data, err error) {
		if events, refused, err = a.UsePasskey(key.ID, counter); err != nil {
			err = passkeys.ErrInvalid.Because(err)
		}
		return events, err
	})
	if err == nil && refused {
		c.tell(ctx, id, "A passkey may have been copied", fmt.Sprintf("Somebody tried to sign in to your account with the passkey %q, and its counter says that there are two of it. That sign-in was refused. If this goes on, please remove that passkey.", key.Name), bySignIn)
		err = passkeys.ErrInvalid
	}
	return err
}
