package readmodels

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

// Numbers of followers and posts stand with the account, so that no list
// counts. epoch and kept_session say which sessions were ended together.
var accountSchema = []string{
	`CREATE TABLE IF NOT EXISTS account (
		id text PRIMARY KEY, handle text NOT NULL, email text NOT NULL, email_claim text NOT NULL, email_verified bigint NOT NULL,
		display_name text NOT NULL, bio text NOT NULL, signature text NOT NULL, links text NOT NULL,
		avatar text NOT NULL, banner text NOT NULL, roles text NOT NULL, created_at bigint NOT NULL, version text NOT NULL,
		followers bigint NOT NULL, followees bigint NOT NULL, posts bigint NOT NULL,
		epoch bigint NOT NULL, kept_session text NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS account_handle ON account (handle)`,
}

// Account is an account as its viewer sees it.
type Account struct {
	Summary
	Banner    uuid.UUID // of an image; uuid.Nil: none
	Signature string
	Bio       string
	Links     []account.Link
	CreatedAt time.Time
	Version   string // id of the newest event that changed it

	Followers, Following, Posts int

	Viewer AccountViewer
	// Own is there for the account itself alone.
	Own *OwnAccount
	// Hidden says that the viewer blocks it, or that its profile is not for the
	// viewer: the summary is all there is.
	Hidden bool
	// FollowsHidden says that whom it follows and who follows it is not for the
	// viewer; the counts are 0.
	FollowsHidden bool
}

// AccountViewer is what stands between the viewer and an account.
type AccountViewer struct {
	Following, FollowedBy, Requested, Blocking, Muting bool
}

// OwnAccount is what an account is told about itself.
type OwnAccount struct {
	Email         string // empty: lost
	EmailVerified bool
	Roles         []string
	Settings      account.Settings
}

// PutAccount adds an account.
func PutAccount(ctx context.Context, b Batch, id uuid.UUID, d account.Registered, at time.Time, version uuid.UUID) error {
	roles, err := json.Marshal(d.Roles)
	if err != nil {
		return err
	}
	if err := putSettings(ctx, b, id); err != nil {
		return err
	}
	return b.Exec(ctx, `INSERT INTO account (id, handle, email, email_claim, email_verified, display_name, bio, signature, links,
		avatar, banner, roles, created_at, version, followers, followees, posts, epoch, kept_session)
		VALUES (?, ?, ?, ?, 0, ?, '', '', '[]', '', '', ?, ?, ?, 0, 0, 0, 0, '')`,
		id.String(), d.Handle, d.Email, d.EmailClaim, d.DisplayName, string(roles), millis(at), version.String())
}

// SetEmail says which address is the account's own and was verified.
func SetEmail(ctx context.Context, b Batch, id uuid.UUID, d account.EmailVerified, version uuid.UUID) error {
	return b.Exec(ctx, `UPDATE account SET email = ?, email_claim = ?, email_verified = 1, version = ? WHERE id = ?`,
		d.Email, d.Claim, version.String(), id.String())
}

// DropClaim takes away the address that the account lost.
func DropClaim(ctx context.Context, b Batch, id uuid.UUID, claim string, version uuid.UUID) error {
	return b.Exec(ctx, `UPDATE account SET email = '', email_claim = '', email_verified = 0, version = ? WHERE id = ? AND email_claim = ?`,
		version.String(), id.String(), claim)
}

// SetHandle says which handle is the account's own.
func SetHandle(ctx context.Context, b Batch, id uuid.UUID, handle string, version uuid.UUID) error {
	return b.Exec(ctx, `UPDATE account SET handle = ?, version = ? WHERE id = ?`, handle, version.String(), id.String())
}

// SetProfile changes what d holds.
func SetProfile(ctx context.Context, b Batch, id uuid.UUID, d account.ProfileChanged, version uuid.UUID) error {
	set := func(column string, value any) error {
		return b.Exec(ctx, `UPDATE account SET `+column+` = ? WHERE id = ?`, value, id.String())
	}
	errs := []error{set("version", version.String())}
	for column, text := range map[string]*string{"display_name": d.DisplayName, "bio": d.Bio, "signature": d.Signature} {
		if text != nil {
			errs = append(errs, set(column, *text))
		}
	}
	for column, image := range map[string]*uuid.UUID{"avatar": d.Avatar, "banner": d.Banner} {
		if image != nil {
			errs = append(errs, set(column, textID(*image)))
		}
	}
	if d.Links != nil {
		links, err := json.Marshal(*d.Links)
		errs = append(errs, err, set("links", string(links)))
	}
	return errors.Join(errs...)
}

// AddRole gives an account a role.
func AddRole(ctx context.Context, b Batch, id uuid.UUID, role string, version uuid.UUID) error {
	return setRoles(ctx, b, id, version, func(roles []string) []string { return append(roles, role) })
}

// DropRole takes it back.
func DropRole(ctx context.Context, b Batch, id uuid.UUID, role string, version uuid.UUID) error {
	return setRoles(ctx, b, id, version, func(roles []string) []string {
		return slices.DeleteFunc(roles, func(r string) bool { return r == role })
	})
}

func setRoles(ctx context.Context, b Batch, id uuid.UUID, version uuid.UUID, change func([]string) []string) error {
	raw, found, err := first(ctx, b, scanText, `SELECT roles FROM account WHERE id = ?`, id.String())
	if err != nil || !found {
		return err
	}
	var roles []string
	if err := json.Unmarshal([]byte(raw), &roles); err != nil {
		return err
	}
	all, err := json.Marshal(change(roles))
	if err != nil {
		return err
	}
	return b.Exec(ctx, `UPDATE account SET roles = ?, version = ? WHERE id = ?`, string(all), version.String(), id.String())
}

// CountPosts adds to the number of an account's posts. Anonymous posts are
// never counted here.
func CountPosts(ctx context.Context, b Batch, id uuid.UUID, by int) error {
	return b.Exec(ctx, `UPDATE account SET posts = posts + ? WHERE id = ?`, by, id.String())
}

// AccountByID is an account as viewer sees it. Errors: fault.ErrNotFound, also
// for one that blocks the viewer.
func AccountByID(ctx context.Context, r Reader, viewer, id uuid.UUID) (Account, error) {
	return oneAccount(ctx, r, viewer, `account.id = ?`, id.String())
}

// AccountByHandle is AccountByID by the folded handle.
func AccountByHandle(ctx context.Context, r Reader, viewer uuid.UUID, handle string) (Account, error) {
	return oneAccount(ctx, r, viewer, `account.handle = ?`, handle)
}

// AccountsByID are those of some accounts that viewer may see, in no order:
// what search found. Whom the viewer blocks is left out as well.
func AccountsByID(ctx context.Context, r Reader, viewer uuid.UUID, ids []uuid.UUID) ([]Account, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]any, len(ids), len(ids)+1)
	for i, id := range ids {
		keys[i] = id.String()
	}
	return accounts(ctx, r, viewer, `account.id IN (`+marks(len(ids))+`)
		AND NOT EXISTS (SELECT 1 FROM block WHERE blocker = ? AND blocked = account.id)`, append(keys, textID(viewer))...)
}

func oneAccount(ctx context.Context, r Reader, viewer uuid.UUID, where, key string) (Account, error) {
	a, found, err := one(accounts(ctx, r, viewer, where, key))
	if err == nil && !found {
		err = fault.ErrNotFound
	}
	return a, err
}

// accounts are those of a condition that do not block the viewer.
func accounts(ctx context.Context, r Reader, viewer uuid.UUID, where string, keys ...any) ([]Account, error) {
	me := textID(viewer)
	args := append([]any{me, me, me, me, me, me, me, me, me}, keys...)
	return collect(ctx, r, scanAccount(viewer), `SELECT `+summaryColumns+`, banner, signature, bio, links, created_at, version,
		followers - (SELECT count(*) FROM follow WHERE follower IN `+acrossBlocks+` AND followee = account.id),
		followees - (SELECT count(*) FROM follow WHERE follower = account.id AND followee IN `+acrossBlocks+`),
		posts, email, email_verified, roles, `+settingsColumns+`,
		(SELECT count(*) FROM follow WHERE follower = ? AND followee = account.id),
		(SELECT count(*) FROM follow WHERE follower = account.id AND followee = ?),
		(SELECT count(*) FROM follow_request WHERE follower = ? AND followee = account.id),
		(SELECT count(*) FROM block WHERE blocker = ? AND blocked = account.id),
		(SELECT count(*) FROM mute WHERE muter = ? AND muted = account.id)
		FROM account JOIN account_settings ON account_settings.account = account.id WHERE `+where+` AND NOT EXISTS (SELECT 1 FROM block WHERE blocker = account.id AND blocked = ?)`,
		append(args, me)...)
}

// reduced is the account as it lets others see it.
func (a Account) reduced(p account.Privacy) Account {
	if a.Viewer.Blocking || !p.Profile.Admits(a.Viewer.Following) {
		return Account{Summary: a.Summary, CreatedAt: a.CreatedAt, Version: a.Version, Viewer: a.Viewer, Hidden: true, FollowsHidden: true}
	}
	if !p.Follows.Admits(a.Viewer.Following) {
		a.Followers, a.Following, a.FollowsHidden = 0, 0, true
	}
	return a
}

func scanAccount(viewer uuid.UUID) func(Rows) (Account, error) {
	return func(rows Rows) (Account, error) {
		var s summaryRow
		var a Account
		var own OwnAccount
		var banner, links, roles string
		var settings settingsRow
		var created, verified, following, followedBy, requested, blocking, muting int64
		into := append(s.into(), &banner, &a.Signature, &a.Bio, &links, &created, &a.Version,
			&a.Followers, &a.Following, &a.Posts, &own.Email, &verified, &roles)
		err := rows.Scan(append(append(into, settings.into()...), &following, &followedBy, &requested, &blocking, &muting)...)
		if err != nil {
			return Account{}, err
		}
		if err := json.Unmarshal([]byte(links), &a.Links); err != nil {
			return Account{}, err
		}
		if err := json.Unmarshal([]byte(roles), &own.Roles); err != nil {
			return Account{}, err
		}
		a.Summary, a.Banner, a.CreatedAt = s.summary(), idOf(banner), fromMillis(created)
		a.Viewer = AccountViewer{
			Following: following > 0, FollowedBy: followedBy > 0, Requested: requested > 0, Blocking: blocking > 0, Muting: muting > 0,
		}
		if a.ID == viewer {
			own.EmailVerified = verified > 0
			own.Settings = settings.settings()
			a.Own = &own
			return a, nil
		}
		return a.reduced(settings.Privacy), nil
	}
}
