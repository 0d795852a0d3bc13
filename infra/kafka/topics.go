package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// maxMessageBytes is how long a topic that is made lets a batch be: Kafka's
// own default, said aloud because an event of 512 KiB must fit whatever the
// brokers' default is.
const maxMessageBytes = 1 << 20

// EnsureTopics makes those topics that are not there, with the partitions and
// copies of Config, and waits until each has leaders. Any number of processes
// may do so at once; a topic that is there stays as it is.
// Errors: of the brokers, and that a topic has no leaders within
// Config.Timeout. Whoever can wait calls it again.
func (c *Client) EnsureTopics(ctx context.Context, topics ...string) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	var missing []kafka.TopicConfig
	for _, topic := range topics {
		_, err := c.leaders(ctx, topic)
		switch {
		case err == nil:
		case errors.Is(err, kafka.UnknownTopicOrPartition):
			missing = append(missing, kafka.TopicConfig{
				Topic: topic, NumPartitions: c.cfg.Partitions, ReplicationFactor: c.cfg.Replication,
				ConfigEntries: []kafka.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: fmt.Sprint(maxMessageBytes)}},
			})
		case errors.Is(err, kafka.LeaderNotAvailable):
		default:
			return err
		}
	}
	if len(missing) > 0 {
		if err := c.makeTopics(ctx, missing); err != nil {
			return err
		}
	}
	for _, topic := range topics {
		if err := c.awaitLeaders(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) makeTopics(ctx context.Context, missing []kafka.TopicConfig) error {
	res, err := c.api.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: missing})
	if err != nil {
		return fmt.Errorf("kafka: topics cannot be made: %w", err)
	}
	var errs []error
	for topic, err := range res.Errors {
		if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) { // somebody was faster
			errs = append(errs, fmt.Errorf("kafka: topic %s cannot be made: %w", topic, err))
		}
	}
	return errors.Join(errs...)
}

// awaitLeaders waits until the topic is known, and its leaders know that they
// lead: for a moment after a topic was made they do not.
func (c *Client) awaitLeaders(ctx context.Context, topic string) error {
	for {
		leaders, err := c.leaders(ctx, topic)
		if err == nil {
			parts := make([]*partition, len(leaders))
			for n := range parts {
				parts[n] = &partition{topic: topic, id: n}
			}
			err = c.offsets(ctx, parts, kafka.LastOffset)
		}
		if err == nil || !pause(ctx, c.cfg.RetryFirst) {
			return err
		}
	}
}
