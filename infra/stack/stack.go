package stack

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// Stack is the engines of one process.
type Stack struct {
	Store       event.Store
	Codec       *event.Codec
	Keyring     *keyring.Ring
	Generations func(family string) readmodels.Generations // of one projector in one release
	State       readmodels.DB                              // what cannot be rebuilt: leases, checkpoints of processes
	Mail        commands.Mailer
	SetupToken  commands.SetupToken   // nil: administrators are made on the command line
	SigningKeys []commands.SigningKey // of access tokens; the first one signs

	Leases        projections.Leases
	Announcements projections.Announcements // nil: whoever waits is in this process

	closers []func() error
}

// Config is what the engines are told.
type Config struct {
	Data           string // folder
	MasterKeyFile  string // empty: made in the folder
	SigningKeyFile string // of access tokens; empty: made in the folder by NewSigningKey
	SigningKeyName string // its name there: one for each algorithm, so that a change of algorithm finds its own
	NewSigningKey  func() ([]byte, error)
	SigningOverlap time.Duration // how long the signing key before it is accepted
	MailFrom       string

	Namespace    string // what topics, schemas, indexes and keys begin with
	RetryFirst   time.Duration
	RetryLongest time.Duration

	Report Report // nil: nobody is told
	Now    func() time.Time
	NewID  func() uuid.UUID
	Log    *slog.Logger
}

// Open opens the stack that the configuration asks for.
func Open(ctx context.Context, cfg Config) (*Stack, error) {
	if cfg.Report == nil {
		cfg.Report = func(string, error) {}
	}
	return Embedded(ctx, cfg)
}

// Close closes the engines, the last opened first.
func (s *Stack) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}
