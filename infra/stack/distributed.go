package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/elastic"
	"github.com/parleyhq/parley/infra/eventstore"
	"github.com/parleyhq/parley/infra/files"
	"github.com/parleyhq/parley/infra/kafka"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/memory"
	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/redis"
	"github.com/parleyhq/parley/readmodels"
)

// servers are the connections of one process of the distributed stack.
type servers struct {
	log      *eventstore.Store
	postgres *postgres.Postgres
	kafka    *kafka.Client
	redis    *redis.Client
	search   *elastic.Engine
}

// Distributed connects to the servers, each again and again until it answers,
// and makes in them what is not there yet. Errors are those that no waiting
// mends: keys that are missing or wrong, URLs that are none.
func Distributed(ctx context.Context, cfg Config) (_ *Stack, err error) {
	master, err := files.Key(cfg.MasterKeyFile, nil)
	if err != nil {
		return nil, err
	}
	s := &Stack{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.SigningKeys, err = files.SigningKeys(cfg.SigningKeyFile, cfg.SigningOverlap, nil); err != nil {
		return nil, err
	}
	var on servers
	all, together := errgroup.WithContext(ctx)
	connect(together, all, s, cfg, "eventstore", &on.log, func(ctx context.Context) (*eventstore.Store, error) {
		return eventstore.Open(ctx, eventstore.Options{
			URL: cfg.EventStore, ConnectTimeout: cfg.ConnectTimeout, AppendTimeout: cfg.AppendTimeout, ReadTimeout: cfg.CallTimeout,
			BackoffMin: cfg.RetryFirst, BackoffMax: cfg.RetryLongest, Log: cfg.Log,
		})
	})
	connect(together, all, s, cfg, "postgres", &on.postgres, func(ctx context.Context) (*postgres.Postgres, error) {
		return postgres.Open(ctx, postgres.Options{
			URL: cfg.Postgres, Prefix: cfg.Namespace, PoolMax: cfg.PoolMax, PoolIdle: cfg.PoolIdle, PoolLeak: cfg.PoolLeak,
			ConnectTimeout: cfg.ConnectTimeout, CallTimeout: cfg.CallTimeout,
			// Processes get into each other's way more often than calls break.
			Retries: 3 * cfg.CallRetries, RetryFirst: cfg.RetryFirst / 2, RetryLongest: cfg.RetryLongest,
			LeaseTTL: cfg.LeaseTTL, GenerationKeep: cfg.GenerationKeep, DropWait: cfg.DropWait, Log: cfg.Log,
		})
	})
	connect(together, all, s, cfg, "redis", &on.redis, func(ctx context.Context) (*redis.Client, error) {
		return redis.Open(ctx, redis.Options{
			URL: cfg.Redis, Prefix: cfg.Namespace + ":", PoolMax: cfg.PoolMax, PoolIdle: cfg.PoolMax,
			ConnectTimeout: cfg.ConnectTimeout, CallTimeout: cfg.CallTimeout, Retries: cfg.CallRetries, Log: cfg.Log,
		})
	})
	connect(together, all, s, cfg, "kafka", &on.kafka, func(ctx context.Context) (*kafka.Client, error) { return openKafka(ctx, cfg) })
	connect(together, all, s, cfg, "elasticsearch", &on.search, func(ctx context.Context) (*elastic.Engine, error) {
		e, err := elastic.New(elastic.Config{
			URLs: strings.Split(cfg.Elasticsearch, ","), Prefix: strings.ReplaceAll(cfg.Namespace, "_", "-"), Timeout: cfg.CallTimeout,
			Shards: cfg.IndexShards, Replicas: cfg.IndexReplicas,
			Retries: cfg.CallRetries, RetryMin: cfg.RetryFirst, RetryMax: cfg.RetryLongest,
		})
		if err != nil {
			return nil, &final{err}
		}
		return e, e.Ping(ctx)
	})
	if err := all.Wait(); err != nil {
		return nil, err
	}
	return s, s.build(ctx, cfg, on, master)
}

// engine is a connection to a server.
type engine interface{ Close() error }

// connect opens one of several engines and puts it into its place.
func connect[E engine](ctx context.Context, all *errgroup.Group, s *Stack, cfg Config, name string, place *E, open func(context.Context) (E, error)) {
	all.Go(func() error {
		e, err := await(ctx, cfg, name, open)
		if err != nil {
			return err
		}
		*place = e
		s.closing(e.Close)
		return nil
	})
}

// build makes the engines' parts, once all servers answer.
func (s *Stack) build(ctx context.Context, cfg Config, on servers, master []byte) error {
	ring, err := keyring.Over(ctx, on.postgres.Keys(), master)
	if err != nil {
		return fmt.Errorf("with the master key of %s: %w", cfg.MasterKeyFile, err)
	}
	s.Store, s.Keyring, s.Codec = on.log, ring, event.NewCodec(cfg.Catalogue, ring)
	s.State, s.Leases, s.Announcements = on.postgres.State(), on.postgres.Leases(), on.postgres.Announcements()
	s.Generations = func(family string) readmodels.Generations { return on.postgres.Generations(family) }
	s.Search, s.Nodes = on.search, &Nodes{on.redis.Bus(), on.redis.Routes()}
	s.Limits, s.Shared, s.Ephemeral = memory.NewLimits(maxLimits, cfg.Now), on.redis.Shared(), on.redis.Ephemeral()
	if s.Broker, err = s.newBroker(cfg, on.kafka); err != nil {
		return err
	}
	s.check("eventstore", true, func(ctx context.Context) error {
		_, err := on.log.Head(ctx)
		return err
	})
	s.check("postgres", true, on.postgres.Ping)
	s.check("redis", false, on.redis.Ping)
	s.check("elasticsearch", false, on.search.Ping)
	return s.openOutward(ctx, cfg)
}
