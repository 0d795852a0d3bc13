package commands

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands/passkeys"
	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/commands/pictures"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
)

// Commands is everything that can be asked to change. One file for each noun:
//
//	accounts.go       sign up, profile
//	handles.go emailchange.go passwords.go
//	                  what one is known by and gets in with
//	proofs.go         the password before it
//	settings.go       settings, privacy
//	setup.go          the first administrator
//	roles.go          administrators at the operator's word
//	suspension.go     accounts that may only read
//	reports.go reportsubjects.go reportdecisions.go putback.go
//	                  reports, decisions, appeals
//	unmasking.go      who wrote an anonymous post
//	apikeys.go        keys with which programs call
//	images.go         upload, name, remove
//	links.go          links that are signed
//	verification.go   mails that prove an address
//	sessions.go       sign in, sign out, authenticate
//	refresh.go        refresh tokens
//	binding.go        sessions that hold in one browser or network
//	totp.go           second factors
//	oauth.go          sign in by an OpenID provider
//	identities.go     link, unlink
//	passkeys.go       passkeys
//	limits.go         rates, lock-out
//	captchas.go       captchas, and tallies.go what asks for them
//	replays.go        requests that come twice
//	revocation.go     sessions that are over, on all nodes at once
//	schedule.go       posts whose time has come
//	boards.go posts.go comments.go reactions.go
//	postedits.go postrevisions.go postmoderation.go
//	                  edit, publish; restore, redact; lock, pin, move
//	follows.go        follow, block, mute; boards, hashtags and posts too
//	bookmarks.go      posts that one keeps
//	followrequests.go who waits to follow
//	rooms.go messages.go receipts.go
//	notifications.go  tell, read up to
//	imports.go        what was elsewhere before
type Commands struct {
	*core
	deps   Deps
	hasher *passwords.Hasher
	shared *shared
	behind chan struct{} // holds one for each work that goes on after its answer

	pictures  *pictures.Maker
	redirects redirects       // of sign-ins by provider
	party     *passkeys.Party // nil: none for an address like ours
}

// Session modes: sign-ins stand beside each other, the newest ends the others,
// or all share one session.
const (
	SessionMulti  = "multi"
	SessionSingle = "single"
	SessionShared = "shared"
)

// Config bounds and times the commands.
type Config struct {
	States        int           // streams whose state is kept in memory
	Freshness     time.Duration // how old a state that is only looked at may be
	AppendTimeout time.Duration // of one append

	EmailClaimTTL   time.Duration // an address never verified holds its claim that long
	ClaimTakeover   time.Duration // a claim its account does not name may be taken over after that
	VerificationTTL time.Duration // of mail links and codes
	ResetTTL        time.Duration // of links that set a password
	BaseURL         string        // what links in mails begin with

	VerificationDigits int // of a mail's code

	Accounts                 account.Limits
	PasswordMin, PasswordMax int            // characters
	PasswordCost             passwords.Cost // of one hash
	HashParallel             int            // passwords hashed at once; 0: one a processor
	HashWait                 time.Duration  // how long one waits for a turn to hash

	SessionMode  string        // SessionMulti, SessionSingle or SessionShared
	RefreshTTL   time.Duration // of a refresh token, from its issue
	RefreshGrace time.Duration // how long a used one leads to the same successor
	Binding      string        // BindNone, BindAgent, BindNetwork or BindBoth
	RecentSignIn time.Duration // what a stolen session must not do needs a sign-in that new

	TOTPIssuer    string        // what authenticator apps show
	TOTPTTL       time.Duration // of a secret that no code has confirmed
	RecoveryCodes int           // made with a second factor

	PasskeyOrigins []string      // of other pages that may ask for passkeys of BaseURL's
	PasskeyTTL     time.Duration // of a challenge

	MaxRefresh     time.Duration // an access token older than that is renewed by the way; 0: none is
	ReplayWindow   time.Duration // how far a guarded timestamp may be off
	OAuthTTL       time.Duration // how long a sign-in by provider may take
	OAuthCodeTTL   time.Duration // of the code that a page exchanges for a session
	OAuthRedirects []string      // pages to which such a sign-in returns, besides our own

	Captcha     CaptchaRules
	Limits      LimitRules
	Revocation  string        // RevokeBlacklist, RevokeWhitelist or RevokeBoth; where nodes share
	SharedSlow  time.Duration // nobody waits longer for a shared store
	SharedPause time.Duration // nobody asks one that did not answer for so long

	Reactions []string // kinds that posts, comments and messages take
	Forum     ForumRules
	Chat      ChatRules
	Images    ImageRules
	LinkTTL   time.Duration // of signed links

	Now   func() time.Time // UTC, milliseconds
	NewID func() uuid.UUID // version 7
}

// Keyring makes the keys that events are sealed with.
type Keyring interface {
	EnsureAccount(ctx context.Context, account uuid.UUID) error
	EnsurePseudonym(ctx context.Context, pseudonym, account uuid.UUID) error
	// System is a key of 32 bytes that never changes: "names", "refresh", …
	System(ctx context.Context, name string) ([]byte, error)
}

// Deps are the ports that commands use.
type Deps struct {
	Store   event.Store
	Codec   *event.Codec
	Keyring Keyring
	Mail    Mailer
	Blobs   Blobs // files of pictures
	Tokens  *Tokens
	Log     *slog.Logger

	Providers  Providers  // nil: nobody signs in by one
	SetupToken SetupToken // nil: no set-up link
	Limits     Limits     // nil: nothing is limited
	Tallies    Tallies    // nil: no failure counts where nodes share nothing
	Shared     Shared     // nil: this process is alone
	Ephemeral  Ephemeral  // captchas, nonces, challenges of passkeys, sign-ins by provider; needed where they are
	Painter    Painter    // of captchas; likewise
}

// Mail is one letter: text alone, one recipient.
type Mail struct {
	To, Subject, Text string
}

// Mailer delivers letters, or takes them durably for delivery.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// maxQuietTTL is how long access tokens may live without a warning.
const maxQuietTTL = 24 * time.Hour

// New makes the commands. Run must run while they are used.
func New(cfg Config, deps Deps) (*Commands, error) {
	core, err := newCore(cfg, deps.Store, deps.Codec, deps.Log)
	if err != nil {
		return nil, err
	}
	if deps.Tokens != nil && deps.Tokens.TTL() > maxQuietTTL {
		deps.Log.Warn("access tokens live for longer than a day: a stolen one is good for as long", "ttl", deps.Tokens.TTL())
	}
	pages, err := newRedirects(cfg.BaseURL, cfg.OAuthRedirects)
	if err != nil {
		return nil, err
	}
	party, err := passkeys.New(passkeys.Config{BaseURL: cfg.BaseURL, Origins: cfg.PasskeyOrigins, TTL: cfg.PasskeyTTL})
	if err != nil && !errors.Is(err, passkeys.ErrUnavailable) {
		return nil, err
	}
	return &Commands{
		core: core, redirects: pages, party: party, deps: deps, hasher: passwords.New(cfg.PasswordCost, cfg.HashParallel, cfg.HashWait),
		shared: newShared(cfg, deps), behind: make(chan struct{}, maxBehind), pictures: pictures.New(cfg.Images.Limits),
	}, nil
}

// Run keeps what the commands look at current, until ctx ends.
func (c *Commands) Run(ctx context.Context) error {
	defer c.runShared(ctx)()
	return c.run(ctx)
}

// Close refuses new commands and waits for those under way, at most until ctx
// ends.
func (c *Commands) Close(ctx context.Context) { c.close(ctx) }

// Defaults are the documented ones.
func Defaults() Config {
	return Config{
		States:          100_000,
		Freshness:       2 * time.Second,
		AppendTimeout:   10 * time.Second,
		EmailClaimTTL:   7 * 24 * time.Hour,
		ClaimTakeover:   10 * time.Minute,
		VerificationTTL: 15 * time.Minute,
		ResetTTL:        10 * time.Minute,
		BaseURL:         "http://127.0.0.1:8080",
		Accounts:        account.DefaultLimits(),
		PasswordMin:     8,
		PasswordMax:     128,
		PasswordCost:    passwords.DefaultCost(),
		HashWait:        5 * time.Second,
		SessionMode:     SessionMulti,
		Binding:         BindNone,
		RefreshTTL:      480 * time.Hour,
		RefreshGrace:    10 * time.Second,
		ReplayWindow:    5 * time.Minute,
		RecentSignIn:    10 * time.Minute,
		TOTPIssuer:      "Parley",
		TOTPTTL:         15 * time.Minute,
		RecoveryCodes:   10,
		OAuthTTL:        10 * time.Minute,
		OAuthCodeTTL:    time.Minute,
		PasskeyTTL:      5 * time.Minute,
		Captcha: CaptchaRules{
			Policy: CaptchaAdaptive, TTL: 5 * time.Minute, Length: 8, Failures: 3, Memory: 15 * time.Minute,
		},
		Limits:      DefaultLimits(),
		Revocation:  RevokeBlacklist,
		SharedSlow:  time.Second,
		SharedPause: time.Second,
		Reactions:   []string{"like", "love", "laugh", "sad", "happy", "angry"},
		Forum:       DefaultForum(),
		Chat:        ChatRules{RoomMembers: 50, MessageMax: 8000, MessageImages: 10, ResendMemory: 200},
		Images:      DefaultImages(),
		LinkTTL:     15 * time.Minute,
		Now:         func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) },
		NewID:       func() uuid.UUID { return uuid.Must(uuid.NewV7()) },

		VerificationDigits: 6,
	}
}
