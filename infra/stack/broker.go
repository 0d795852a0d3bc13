package stack

import (
	"context"
	"errors"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/parleyhq/parley/infra/kafka"
)

// Broker is Kafka, as far as the log is relayed to it and read from it.
type Broker struct {
	Publisher message.Publisher
	Ensure    func(ctx context.Context, topics ...string) error // makes topics that are not there
	Prefix    string                                            // of topics
}

func openKafka(ctx context.Context, cfg Config) (*kafka.Client, error) {
	c, err := kafka.Open(kafka.Config{
		URL: cfg.Kafka, ClientID: cfg.Namespace, Partitions: cfg.KafkaPartitions, Replication: cfg.KafkaReplication,
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
	p, err := c.NewPublisher(kafka.PublisherConfig{})
	if err != nil {
		return nil, err
	}
	s.closing(p.Close)
	return &Broker{Publisher: p, Ensure: c.EnsureTopics, Prefix: cfg.Namespace}, nil
}
