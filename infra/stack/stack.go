package stack

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/oidc"
	"github.com/parleyhq/parley/infra/redis"
	"github.com/parleyhq/parley/infra/smtp"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// Stack is the engines of one process.
type Stack struct {
	Store       event.Store
	Codec       *event.Codec
	Keyring     *keyring.Ring
	Generations func(family string) readmodels.Generations // of one projector in one release
	Search      readmodels.SearchEngine
	State       readmodels.DB // what cannot be rebuilt: leases, checkpoints of processes
	Mail        commands.Mailer
	SetupToken  commands.SetupToken   // nil: administrators are made on the command line
	SigningKeys []commands.SigningKey // of access tokens; the first one signs

	Limits    Limits             // of this process alone
	Shared    commands.Shared    // what all processes share of who asks; nil: this one is alone
	Ephemeral commands.Ephemeral // tickets, captchas, nonces, for all processes

	Blobs     commands.Blobs     // images
	Providers commands.Providers // of identities

	Broker *Broker // nil: no Kafka
	Nodes  *Nodes  // nil: this process is alone

	Leases        projections.Leases
	Announcements projections.Announcements // nil: whoever waits is in this process

	Mailing func(context.Context) error // delivers what waits, until its context ends; nil: Mail needs no help
	Checks  []Check

	mu      sync.Mutex // while engines are being opened
	closers []func() error
}

// Check asks a dependency how it is.
type Check struct {
	Name     string
	Required bool // nothing works without it
	Ping     func(context.Context) error
}

// Limits is what keeps count of who asks.
type Limits interface {
	commands.Limits
	commands.Tallies
}

// Nodes is what processes with sockets tell each other: what may be lost, and
// who is connected where.
type Nodes struct {
	Bus    redis.Bus
	Routes redis.Routes
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

	// URLs of servers; all but Kafka, S3 and SMTP are given together or not at
	// all, and then they take the place of what is embedded.
	EventStore, Postgres, Elasticsearch, Redis, Kafka, S3, SMTP string

	Namespace        string // what topics, schemas, indexes and keys begin with
	KafkaPartitions  int    // of a topic that is made
	KafkaReplication int
	KafkaCompression string
	PoolMax          int // connections of a pool
	PoolIdle         time.Duration
	PoolLeak         time.Duration
	OpenTimeout      time.Duration // how long Open tries to reach a server; 0: until it answers
	ConnectTimeout   time.Duration // of one connection
	CallTimeout      time.Duration // of one call
	AppendTimeout    time.Duration // of one append, lost answers included
	CallRetries      int
	RetryFirst       time.Duration // the first pause before something is tried again, doubled up to …
	RetryLongest     time.Duration
	LeaseTTL         time.Duration // of a leader that is silent
	GenerationKeep   time.Duration // how long read models stay of a release that is gone
	IndexShards      int           // of a search index that is made in Elasticsearch
	IndexReplicas    int
	DropWait         time.Duration // how long a swap waits for readers of the old ones

	Mailing     smtp.OutboxConfig // but for Now, NewID and Log
	MailTimeout time.Duration     // of one delivery
	BlobTimeout time.Duration     // of keeping one file

	Providers       []oidc.Provider   // but for their secrets
	ProviderSecrets map[string]string // files with them, by name; none: a public client
	ProviderCache   time.Duration     // how long what a provider says of itself is kept
	ProviderPause   time.Duration     // how long one that did not answer is left alone

	Catalogue *event.Catalogue // nil: this release's
	Report    Report           // nil: nobody is told
	Now       func() time.Time
	NewID     func() uuid.UUID
	Log       *slog.Logger
}

// Open opens the stack that the configuration asks for.
func Open(ctx context.Context, cfg Config) (*Stack, error) {
	if cfg.Report == nil {
		cfg.Report = func(string, error) {}
	}
	if cfg.Catalogue == nil {
		own, err := domain.Catalogue()
		if err != nil {
			return nil, err
		}
		cfg.Catalogue = own
	}
	if cfg.EventStore != "" {
		return Distributed(ctx, cfg)
	}
	return Embedded(ctx, cfg)
}

// closing adds what Close does, before everything that was added until now.
func (s *Stack) closing(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, f)
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
