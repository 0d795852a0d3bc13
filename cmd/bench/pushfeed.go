package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	driver "github.com/segmentio/kafka-go"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/kafka"
	"github.com/parleyhq/parley/infra/relay"
	"github.com/parleyhq/parley/transport/push/pushbench"
)

// fedByKafka is fan-out by a push node of a cluster: messages are appended to
// the log, relayed to Kafka, and read from there by the node.
func (p Plan) fedByKafka(sockets, backlog int) Pair {
	sockets = open(sockets)
	what, aim := fmt.Sprintf("fan-out through Kafka to %d sockets", sockets), "≥ 0.7"
	if backlog > 1 {
		what += fmt.Sprintf(", backlog of %d", backlog)
	}
	return p.Servers.on(Pair{
		What: what, Unit: "deliveries/s", Floor: "a bare kafka-go reader, one write a delivery", Aim: aim,
		Open: ready(
			func(ctx context.Context, d time.Duration) (perSecond float64, err error) {
				r, err := p.road(ctx)
				if err != nil {
					return 0, err
				}
				defer func() { err = errors.Join(err, r.close()) }()
				return r.fanOut(ctx, sockets, backlog, d)
			},
			func(ctx context.Context, d time.Duration) (float64, error) {
				return p.fanOutBare(ctx, sockets, backlog, d)
			}),
	}, "kafka")
}

// fanOut relays the road's log while a push node reads what is relayed.
func (r *road) fanOut(ctx context.Context, sockets, backlog int, d time.Duration) (perSecond float64, err error) {
	cfg, closeState, err := r.relay(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeState()) }()
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- relay.New(cfg).Run(running) }()
	defer func() { end(); err = errors.Join(err, <-ended) }()
	feed := r.client.NewFeed(kafka.FeedConfig{
		Store: r.log, Epoch: r.epoch, Decode: relay.Decode, Encode: relay.NewEncoder(r.catalogue, r.prefix).Encode,
		Topics: func(f event.Filter) []string { return relay.Topics(r.catalogue, r.prefix, f) },
	})
	return pushbench.FanOutFed(ctx, r.log, r.epoch, feed, sockets, backlog, d)
}

// fanOutBare writes messages of the same size to Kafka, and what a bare reader
// brings to the sockets.
func (p Plan) fanOutBare(ctx context.Context, sockets, backlog int, d time.Duration) (perSecond float64, err error) {
	brokers, err := p.Servers.brokers()
	if err != nil {
		return 0, err
	}
	client, err := kafka.Open(kafka.Config{URL: p.Servers.Kafka, Partitions: 1, Timeout: patience})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	topic := namespace()
	if err := client.EnsureTopics(ctx, topic); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, dropTopics(context.WithoutCancel(ctx), brokers, topic)) }()
	transport := &driver.Transport{}
	defer transport.CloseIdleConnections()
	w := &driver.Writer{
		Addr: driver.TCP(brokers...), Topic: topic, Transport: transport, RequiredAcks: driver.RequireAll, BatchSize: backlog, BatchTimeout: 10 * time.Millisecond,
	}
	reader := driver.NewReader(driver.ReaderConfig{Brokers: brokers, Topic: topic, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 100 * time.Millisecond})
	defer func() { err = errors.Join(err, w.Close(), reader.Close()) }()
	return pushbench.FanOutFloorThrough(ctx, sockets, backlog, d, pushbench.Through{
		Write: func(ctx context.Context, messages [][]byte) error {
			all := make([]driver.Message, len(messages))
			for i, m := range messages {
				all[i].Key, all[i].Value = []byte(uuid.Nil.String()), m
			}
			return w.WriteMessages(ctx, all...)
		},
		Read: func(ctx context.Context) ([]byte, error) {
			m, err := reader.ReadMessage(ctx)
			if errors.Is(err, io.EOF) && ctx.Err() != nil {
				err = ctx.Err()
			}
			return m.Value, err
		},
	})
}
