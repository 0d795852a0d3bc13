package commands

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Commands is everything that can be asked to change. One file for each noun:
//
//	accounts.go       sign up, set up, verify, profile
//	sessions.go       sign in, refresh, sign out, authenticate
//	boards.go posts.go comments.go reactions.go
//	follows.go        follow, block, mute; boards and hashtags too
//	rooms.go messages.go receipts.go
//	notifications.go  tell, read up to
type Commands struct {
	*core
	deps Deps
}

// Config bounds and times the commands.
type Config struct {
	States        int           // streams whose state is kept in memory
	Freshness     time.Duration // how old a state that is only looked at may be
	AppendTimeout time.Duration // of one append

	EmailClaimTTL   time.Duration // an address never verified holds its claim that long
	ClaimTakeover   time.Duration // a claim its account does not name may be taken over after that
	VerificationTTL time.Duration // of mail links and codes

	Reactions []string // kinds that posts, comments and messages take
	Chat      ChatRules

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
	Log     *slog.Logger
}

// Mail is one letter: text alone, one recipient.
type Mail struct {
	To, Subject, Text string
}

// Mailer delivers letters, or takes them durably for delivery.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// New makes the commands. Run must run while they are used.
func New(cfg Config, deps Deps) (*Commands, error) {
	core, err := newCore(cfg, deps.Store, deps.Codec, deps.Log)
	if err != nil {
		return nil, err
	}
	return &Commands{core: core, deps: deps}, nil
}

// Run keeps what the commands look at current, until ctx ends.
func (c *Commands) Run(ctx context.Context) error { return c.run(ctx) }

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
		Reactions:       []string{"like", "love", "laugh", "sad", "happy", "angry"},
		Chat:            ChatRules{RoomMembers: 50, MessageMax: 8000, MessageImages: 10, ResendMemory: 200},
		Now:             func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) },
		NewID:           func() uuid.UUID { return uuid.Must(uuid.NewV7()) },
	}
}
