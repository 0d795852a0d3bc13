package relaybench

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/infra/relay"
)

// Begin begins an epoch of an empty log.
func Begin(ctx context.Context, store event.Store, epoch uuid.UUID) error {
	_, err := store.Append(ctx, ops.EpochStream, event.NoStream, []event.Event{{
		ID: epoch, Type: "log.epoch_begun.v1", ContentType: event.ContentJSON,
		Data: []byte(`{"reason":"created"}`), Metadata: []byte(`{"actor":"system"}`),
	}})
	return err
}

// perStream is how many events one root has.
const perStream = 100

// Fill appends so many events of ours, with the metadata that commands write:
// readings, whose data are 12 bytes, or messages of chat, about size bytes
// where that is more than what a message has beside its text.
func Fill(ctx context.Context, store event.Store, events, size int) error {
	for from := 0; from < events; from += perStream {
		root, who := uuid.NewString(), uuid.NewString()
		stream, typ, data := event.StreamName("inbox", root), "inbox.read.v1", `{"number":1}`
		if size > len(data) {
			stream, typ = event.StreamName("chat", root), "chat.message_sent.v1"
			data = `{"sender":"` + who + `","text":{"sealed":"personal:` + who + `","value":""}}`
			text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", max(1, (size-len(data))*3/4))))
			data = strings.Replace(data, `"value":""`, `"value":"`+text+`"`, 1)
		}
		batch := make([]event.Event, min(perStream, events-from))
		for i := range batch {
			batch[i] = event.Event{
				ID: uuid.New(), Type: typ, ContentType: event.ContentJSON, Data: []byte(data),
				Metadata: []byte(`{"actor":"` + who + `","correlation":"` + uuid.NewString() + `","trace":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}`),
			}
		}
		if _, err := store.Append(ctx, stream, event.NoStream, batch); err != nil {
			return err
		}
	}
	return nil
}

// Messages are the log as the relay writes it, ready for Write, and the topic
// of all but the epoch's own.
func Messages(ctx context.Context, store event.Store, c *event.Catalogue, epoch uuid.UUID, prefix string) (topic string, all []kafka.Message, err error) {
	e := relay.NewEncoder(c, prefix)
	for rec, err := range store.All(ctx, 0, event.Filter{}) {
		if err != nil {
			return "", nil, err
		}
		if rec.Stream == ops.EpochStream {
			continue
		}
		to, m, err := e.Encode(ctx, epoch, rec)
		if err != nil {
			return "", nil, err
		}
		one := kafka.Message{Value: m.Payload, Headers: []kafka.Header{{Key: "ce_id", Value: []byte(m.UUID)}}}
		for name, value := range m.Metadata {
			one.Headers = append(one.Headers, kafka.Header{Key: name, Value: []byte(value)})
			if name == "ce_partitionkey" {
				one.Key = []byte(value)
			}
		}
		topic, all = to, append(all, one)
	}
	return topic, all, nil
}

// Write writes messages with a bare writer, as large a part at once as the
// relay's largest in its benchmark, and gives messages a second.
func Write(ctx context.Context, brokers []string, topic string, messages []kafka.Message) (perSecond float64, err error) {
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{
		Addr: kafka.TCP(brokers...), Topic: topic, Balancer: kafka.Murmur2Balancer{}, Transport: transport,
		RequiredAcks: kafka.RequireAll, BatchSize: 500, BatchBytes: 1 << 20, BatchTimeout: 10 * time.Millisecond,
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	begun := time.Now()
	for part := range slices.Chunk(messages, 5000) {
		if err := w.WriteMessages(ctx, part...); err != nil {
			return 0, err
		}
	}
	return float64(len(messages)) / time.Since(begun).Seconds(), nil
}

// Relay lets a relay bring the log to Kafka from its checkpoint on, and gives
// events a second. What it takes to lead is not measured.
func Relay(ctx context.Context, cfg relay.Config) (perSecond float64, err error) {
	head, err := cfg.Store.Head(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := relay.New(cfg)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	until := func(done func() bool) error {
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		for !done() {
			select {
			case err := <-ended:
				ended <- err
				return errors.Join(fmt.Errorf("the relay ended at %d of %d", r.Position(), head), err)
			case <-look.C:
			}
		}
		return nil
	}
	err = until(r.Leading)
	from, begun := r.Position(), time.Now()
	if err == nil {
		err = until(func() bool { return r.Position() >= head })
	}
	perSecond = float64(head-from) / time.Since(begun).Seconds()
	cancel()
	return perSecond, errors.Join(err, <-ended)
}
