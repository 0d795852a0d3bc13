package kafka

import (
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/uuid"
)

// Q2: Watermill's own suite against brokers in this process, once one message
// at a time, in order, and once with a window.
func TestPubSub(t *testing.T) {
	t.Parallel()
	pubsub(t, urlOf(cluster(t)), true)
}

// pubsub runs the suite. Two of its features are left out:
// NewSubscriberReceivesOldMessages is for subscribers without a group, and
// restarts of the broker have tests of their own.
func pubsub(t *testing.T, url string, short bool) {
	t.Run("in order", func(t *testing.T) {
		t.Parallel()
		suite(t, url, 1, tests.Features{
			ConsumerGroups: true, GuaranteedOrder: true, Persistent: true, ForceShort: short,
		})
	})
	t.Run("window", func(t *testing.T) { // whoever takes many at once is given more before the first is acknowledged
		t.Parallel()
		suite(t, url, 100, tests.Features{
			ConsumerGroups: true, Persistent: true, ForceShort: short,
		})
	})
}

func suite(t *testing.T, url string, window int, features tests.Features) {
	own := uuid.NewString()
	dropTopics(t, url, own)
	features.GenerateTopicFunc = func(test tests.TestContext) string { return own + "-" + string(test.TestID) }
	make := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		c := open(t, url, func(cfg *Config) { cfg.Timeout, cfg.MetadataAge = patience, 2*time.Second })
		s, err := c.NewSubscriber(SubscriberConfig{
			Group: group, Window: window, CommitEvery: 100 * time.Millisecond, NackFirst: time.Millisecond, NackLongest: 10 * time.Millisecond,
			Heartbeat: 200 * time.Millisecond, Session: 10 * time.Second, Rebalance: 10 * time.Second, Rejoin: 50 * time.Millisecond,
			Fetch: FetchConfig{Wait: 100 * time.Millisecond},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return keyed{publisher(t, c, PublisherConfig{})}, s
	}
	tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) {
		return make(t, own+t.Name()) // a group for each test: a member more makes all of a group begin anew
	}, make)
}

// keyed gives messages of one payload one key: the suite asks for their order.
type keyed struct{ message.Publisher }

func (k keyed) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		m.Metadata.Set(KeyMetadata, string(m.Payload))
	}
	return k.Publisher.Publish(topic, messages...)
}
