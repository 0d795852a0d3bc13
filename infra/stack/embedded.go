package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/bleve"
	"github.com/parleyhq/parley/infra/files"
	"github.com/parleyhq/parley/infra/kafka"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/memory"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// Bounds of what is kept in memory.
const (
	maxLimits    = 200_000 // buckets and locks
	maxEphemeral = 200_000 // tickets and the like
)

// Embedded opens everything in one folder, which is made if absent. Errors are
// one sentence that names the folder and what is wrong with it.
func Embedded(ctx context.Context, cfg Config) (_ *Stack, err error) {
	if err := claim(cfg.Data); err != nil {
		return nil, err
	}
	s := &Stack{Leases: projections.Alone{}}
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
	s.closing(log.Close)

	ring, err := openRing(in("keys.db"), cfg.MasterKeyFile, in("master.key"))
	if err != nil {
		return nil, err
	}
	s.Keyring = ring
	s.closing(ring.Close)

	s.Codec = event.NewCodec(cfg.Catalogue, ring)

	generations, err := sqlite.OpenGenerations(in("tables"))
	if err != nil {
		return nil, err
	}
	s.Generations = func(string) readmodels.Generations { return generations }
	s.closing(generations.Close)

	index, err := bleve.Open(in("search"), cfg.Log)
	if err != nil {
		return nil, err
	}
	s.Search = index
	s.closing(index.Close)

	state, err := sqlite.OpenState(ctx, in("state.db"))
	if err != nil {
		return nil, err
	}
	s.State = state
	s.closing(state.Close)

	s.check("log", true, func(ctx context.Context) error {
		_, err := log.Head(ctx)
		return err
	})
	if err := s.openOutward(ctx, cfg); err != nil {
		return nil, err
	}
	s.SetupToken = files.NewSetupToken(in("setup-token"))
	s.Limits, s.Ephemeral = memory.NewLimits(maxLimits, cfg.Now), memory.NewEphemeral(maxEphemeral, cfg.Now)
	if cfg.Kafka != "" {
		c, err := await(ctx, cfg, "kafka", func(ctx context.Context) (*kafka.Client, error) { return openKafka(ctx, cfg) })
		if err != nil {
			return nil, err
		}
		s.closing(c.Close)
		if s.Broker, err = s.newBroker(cfg, c); err != nil {
			return nil, err
		}
	}
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
