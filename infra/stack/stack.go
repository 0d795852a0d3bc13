package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/files"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
)

// Stack is the engines of one process.
type Stack struct {
	Store       event.Store
	Codec       *event.Codec
	Keyring     commands.Keyring
	Generations readmodels.Generations
	State       readmodels.DB // what cannot be rebuilt: leases, checkpoints of processes
	Mail        commands.Mailer
	SetupToken  commands.SetupToken
	SigningKeys []commands.SigningKey // of access tokens; the first one signs

	closers []func() error
}

// Config is what the embedded engines are told.
type Config struct {
	Data           string // folder
	MasterKeyFile  string // empty: made in the folder
	SigningKeyFile string // of access tokens; empty: made in the folder by NewSigningKey
	SigningKeyName string // its name there: one for each algorithm, so that a change of algorithm finds its own
	NewSigningKey  func() ([]byte, error)
	SigningOverlap time.Duration // how long the signing key before it is accepted
	MailFrom       string
	Now            func() time.Time
	NewID          func() uuid.UUID
	Log            *slog.Logger
}

// Embedded opens everything in one folder, which is made if absent. Errors are
// one sentence that names the folder and what is wrong with it.
func Embedded(ctx context.Context, cfg Config) (_ *Stack, err error) {
	if err := claim(cfg.Data); err != nil {
		return nil, err
	}
	s := &Stack{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	in := func(name string) string { return filepath.Join(cfg.Data, name) }

	log, err := pebble.Open(in("log"), pebble.Options{Logger: cfg.Log})
	if err != nil {
		return nil, err
	}
	s.Store = log
	s.closers = append(s.closers, log.Close)

	ring, err := openRing(in("keys.db"), cfg.MasterKeyFile, in("master.key"))
	if err != nil {
		return nil, err
	}
	s.Keyring = ring
	s.closers = append(s.closers, ring.Close)

	catalogue, err := domain.Catalogue()
	if err != nil {
		return nil, err
	}
	s.Codec = event.NewCodec(catalogue, ring)

	generations, err := sqlite.OpenGenerations(in("tables"))
	if err != nil {
		return nil, err
	}
	s.Generations = generations
	s.closers = append(s.closers, generations.Close)

	state, err := sqlite.OpenState(ctx, in("state.db"))
	if err != nil {
		return nil, err
	}
	s.State = state
	s.closers = append(s.closers, state.Close)

	if s.Mail, err = files.NewMail(in("mail"), cfg.MailFrom, cfg.Now, cfg.NewID); err != nil {
		return nil, err
	}
	s.SetupToken = files.NewSetupToken(in("setup-token"))
	signingFile, generate := cfg.SigningKeyFile, (func() ([]byte, error))(nil)
	if signingFile == "" {
		signingFile, generate = in(cfg.SigningKeyName), cfg.NewSigningKey
	}
	s.SigningKeys, err = files.SigningKeys(signingFile, cfg.SigningOverlap, generate)
	return s, err
}

// openRing opens the keyring at path with the master key of a given file, or of
// own. That one is made with the keyring: another key would open nothing of a
// keyring that is there.
func openRing(path, given, own string) (*keyring.Ring, error) {
	file, generate := given, (func() ([]byte, error))(nil)
	if given == "" {
		file = own
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			generate = keyring.NewMasterKey
		}
	}
	master, err := files.Key(file, generate)
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Open(path, master)
	if err != nil {
		return nil, fmt.Errorf("with the master key of %s: %w", file, err)
	}
	return ring, nil
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
