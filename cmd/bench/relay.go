package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	driver "github.com/segmentio/kafka-go"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/kafka"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/relay"
	"github.com/parleyhq/parley/infra/relay/relaybench"
	"github.com/parleyhq/parley/infra/sqlite"
)

// partitions of the topics that are measured.
const partitions = 4

// road is a log with an epoch, and Kafka.
type road struct {
	closers
	dir       string
	log       *pebble.Log
	epoch     uuid.UUID
	catalogue *event.Catalogue
	client    *kafka.Client
	publisher *kafka.Publisher
	brokers   []string
	prefix    string // of the topics
}

// road opens a new log and Kafka, whose topics go with it.
func (p Plan) road(ctx context.Context) (_ *road, err error) {
	r := &road{epoch: uuid.New(), prefix: namespace()}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.brokers, err = p.Servers.brokers(); err != nil {
		return nil, err
	}
	if r.catalogue, err = domain.Catalogue(); err != nil {
		return nil, err
	}
	var drop func() error
	if r.dir, drop, err = p.folder(); err != nil {
		return nil, err
	}
	r.add(drop)
	if r.log, err = pebble.Open(filepath.Join(r.dir, "log"), pebble.Options{}); err != nil {
		return nil, err
	}
	r.add(r.log.Close)
	if r.client, err = kafka.Open(kafka.Config{URL: p.Servers.Kafka, Partitions: partitions, Timeout: patience}); err != nil {
		return nil, err
	}
	r.add(r.client.Close)
	if r.publisher, err = r.client.NewPublisher(kafka.PublisherConfig{}); err != nil {
		return nil, err
	}
	r.add(r.publisher.Close)
	r.add(func() error { return dropTopics(context.WithoutCancel(ctx), r.brokers, r.prefix) })
	return r, relaybench.Begin(ctx, r.log, r.epoch)
}

// relay is how the road's log is relayed, from its beginning.
func (r *road) relay(ctx context.Context) (cfg relay.Config, closeState func() error, err error) {
	state, err := sqlite.OpenState(ctx, filepath.Join(r.dir, uuid.NewString()+".db"))
	if err != nil {
		return relay.Config{}, nil, err
	}
	return relay.Config{
		Store: r.log, Catalogue: r.catalogue, Publisher: r.publisher, Ensure: r.client.EnsureTopics, State: state, Prefix: r.prefix,
	}, state.Close, nil
}

// relayed brings a whole log to Kafka, beside its messages made ready.
func (p Plan) relayed(size int) Pair {
	return p.Servers.on(Pair{
		What: fmt.Sprintf("relay to Kafka, data of %d B", size), Unit: "events/s", Floor: "kafka-go's writer, messages made ready", Aim: "≥ 0.7",
		Open: func(ctx context.Context) (_ Sides, err error) {
			r, err := p.road(ctx)
			if err != nil {
				return Sides{}, err
			}
			defer func() {
				if err != nil {
					err = errors.Join(err, r.close())
				}
			}()
			if err := relaybench.Fill(ctx, r.log, p.Events, size); err != nil {
				return Sides{}, err
			}
			topic, messages, err := relaybench.Messages(ctx, r.log, r.catalogue, r.epoch, r.prefix)
			if err != nil {
				return Sides{}, err
			}
			return Sides{
				Parley: func(ctx context.Context, _ time.Duration) (perSecond float64, err error) {
					cfg, closeState, err := r.relay(ctx)
					if err != nil {
						return 0, err
					}
					defer func() { err = errors.Join(err, closeState()) }()
					return relaybench.Relay(ctx, cfg)
				},
				Base: func(ctx context.Context, _ time.Duration) (float64, error) {
					return relaybench.Write(ctx, r.brokers, topic, messages)
				},
				Close: r.close,
			}, nil
		},
	}, "kafka")
}

// dropTopics deletes the topics of a prefix.
func dropTopics(ctx context.Context, brokers []string, prefix string) error {
	transport := &driver.Transport{}
	defer transport.CloseIdleConnections()
	c := &driver.Client{Addr: driver.TCP(brokers...), Transport: transport, Timeout: patience}
	all, err := c.Metadata(ctx, &driver.MetadataRequest{})
	if err != nil {
		return err
	}
	var names []string
	for _, t := range all.Topics {
		if strings.HasPrefix(t.Name, prefix) {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	gone, err := c.DeleteTopics(ctx, &driver.DeleteTopicsRequest{Topics: names})
	if err != nil {
		return err
	}
	var errs []error
	for _, err := range gone.Errors {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
