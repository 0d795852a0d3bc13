package stack

import (
	"context"
	"errors"
	"iter"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/kafka"
	"github.com/parleyhq/parley/infra/relay"
)

// Broker is Kafka, as far as the log is relayed to it and read from it.
type Broker struct {
	Publisher message.Publisher
	Ensure    func(ctx context.Context, topics ...string) error // makes topics that are not there
	Prefix    string                                            // of topics

	client *kafka.Client
}

func openKafka(ctx context.Context, cfg Config) (*kafka.Client, error) {
	c, err := kafka.Open(kafka.Config{
		URL: cfg.Kafka, ClientID: cfg.Namespace, Partitions: cfg.KafkaPartitions, Replication: cfg.KafkaReplication,
		Topics:  relay.Topics(cfg.Catalogue, cfg.Namespace, event.Filter{}),
		Timeout: cfg.CallTimeout, RetryFirst: cfg.RetryFirst, RetryLongest: cfg.RetryLongest, Log: cfg.Log,
	})
	if err != nil {
		return nil, &final{err}
	}
	if err := c.Ping(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (s *Stack) newBroker(cfg Config, c *kafka.Client) (*Broker, error) {
	p, err := c.NewPublisher(kafka.PublisherConfig{Compression: cfg.KafkaCompression})
	if err != nil {
		return nil, err
	}
	s.closing(p.Close)
	s.check("kafka", false, c.Ping)
	return &Broker{Publisher: p, Ensure: c.EnsureTopics, Prefix: cfg.Namespace, client: c}, nil
}

// Tail brings events while they happen.
type Tail interface {
	Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error]
}

// NewFeed is the tail of a log of that epoch as Kafka brings it.
func (b *Broker) NewFeed(store event.Store, c *event.Catalogue, epoch uuid.UUID) Tail {
	return b.client.NewFeed(kafka.FeedConfig{
		Store: store, Epoch: epoch, Decode: relay.Decode, Encode: relay.NewEncoder(c, b.Prefix).Encode,
		Topics: func(f event.Filter) []string { return relay.Topics(c, b.Prefix, f) },
	})
}
