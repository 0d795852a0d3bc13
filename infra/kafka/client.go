package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
)

// ErrClosed is the error of what was closed.
var ErrClosed = errors.New("kafka: closed")

// Config is what a Client needs. Zero values of the settings mean the
// defaults given.
type Config struct {
	URL         string // kafka://host:port,host:port; user:password@ signs in (SASL PLAIN), ?tls=true encrypts
	ClientID    string // as brokers see it; "parley"
	Partitions  int    // of a topic that is made; 12
	Replication int    // copies of a topic that is made; 1

	// Topics are those that the client works with: their leaders alone are asked
	// for, again and again, and no other topic is found. None: all of the cluster.
	Topics []string

	Timeout      time.Duration // of one request; 10 s
	MetadataAge  time.Duration // how long the known leaders may stay unasked; 2 s
	RetryFirst   time.Duration // first pause after a failure, doubled up to RetryLongest; 100 ms
	RetryLongest time.Duration // 30 s
	Log          *slog.Logger  // nothing
}

func (c *Config) fill() {
	c.ClientID = cmp.Or(c.ClientID, "parley")
	c.Partitions = cmp.Or(c.Partitions, 12)
	c.Replication = cmp.Or(c.Replication, 1)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.MetadataAge = cmp.Or(c.MetadataAge, 2*time.Second)
	c.RetryFirst = cmp.Or(c.RetryFirst, 100*time.Millisecond)
	c.RetryLongest = max(c.RetryFirst, cmp.Or(c.RetryLongest, 30*time.Second))
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Client is one cluster. It may be used from any goroutine.
type Client struct {
	cfg       Config
	address   address
	transport *kafka.Transport
	api       *kafka.Client
}

// Open reads the URL; it asks no broker. Errors: what is wrong with the URL.
func Open(cfg Config) (*Client, error) {
	cfg.fill()
	a, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, address: a}
	c.transport = &kafka.Transport{
		ClientID: cfg.ClientID, MetadataTTL: cfg.MetadataAge, MetadataTopics: cfg.Topics, DialTimeout: cfg.Timeout, TLS: a.encryption(), SASL: a.mechanism(),
	}
	c.api = &kafka.Client{Addr: kafka.TCP(a.brokers...), Timeout: cfg.Timeout, Transport: c.transport}
	return c, nil
}

func (a address) mechanism() sasl.Mechanism {
	if a.user == "" {
		return nil
	}
	return plain.Mechanism{Username: a.user, Password: a.password}
}

func (a address) encryption() *tls.Config {
	if !a.tls {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}

// Close ends the connections that nobody uses, and the others when they are
// done with. Publishers, subscribers and feeds are closed before it.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Ping says whether a broker answers.
func (c *Client) Ping(ctx context.Context) error {
	res, err := c.api.ApiVersions(ctx, &kafka.ApiVersionsRequest{})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return fmt.Errorf("kafka: no broker answers: %w", err)
	}
	return nil
}

// leaders are the partitions of a topic and the broker that leads each, in
// order of their numbers. It fails unless each has a leader.
func (c *Client) leaders(ctx context.Context, topic string) ([]int, error) {
	res, err := c.api.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("kafka: the brokers cannot be reached: %w", err)
	}
	for _, t := range res.Topics {
		if t.Name != topic {
			continue
		}
		if t.Error != nil {
			return nil, fmt.Errorf("kafka: topic %s: %w", topic, t.Error)
		}
		leaders := make([]int, len(t.Partitions))
		for _, p := range t.Partitions {
			if p.Error != nil || p.ID >= len(leaders) {
				return nil, fmt.Errorf("kafka: partition %d of topic %s: %w", p.ID, topic, cmp.Or(p.Error, error(kafka.LeaderNotAvailable)))
			}
			leaders[p.ID] = p.Leader.ID
		}
		if len(leaders) > 0 {
			return leaders, nil
		}
	}
	return nil, fmt.Errorf("kafka: topic %s: %w", topic, kafka.UnknownTopicOrPartition)
}

// pause waits d; false when ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
