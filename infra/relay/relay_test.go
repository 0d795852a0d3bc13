package relay

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// Q2: every event arrives, each as it stands in the log, each key in order;
// what is appended later likewise. A relay that ends well repeats nothing.
func TestEveryEventArrives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(300)
	r := w.run(nil)
	w.relayed(r)
	w.say(100)
	w.relayed(r)
	if lag, err := r.Lag(context.Background()); err != nil || lag != 0 || !r.Leading() || r.Trouble() != nil {
		t.Errorf("lag %d, %v, leading %t, %v", lag, err, r.Leading(), r.Trouble())
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.say(10)
	other := New(Config{Store: w.store, Catalogue: w.catalogue, State: w.state}) // one that stands by
	if lag, err := other.Lag(context.Background()); err != nil || lag != 10 {
		t.Errorf("who stands by sees a lag of %d, %v", lag, err)
	}
	w.relayed(w.run(nil))
	if n := w.complete(w.read(411)); n != 0 {
		t.Errorf("%d events came twice", n)
	}
}

// Q2, invariant 6: a relay that dies between publishing and its checkpoint
// repeats, and loses nothing.
func TestKilledBeforeCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(200)
	for range 3 {
		ctx, kill := context.WithCancel(context.Background())
		c := w.client()
		p, err := c.NewPublisher(kafkaPublisher)
		if err != nil {
			t.Fatal(err)
		}
		d := &dying{Publisher: p, then: func() error { kill(); return errKilled }}
		d.after.Store(5)
		r := New(Config{
			Store: w.store, Catalogue: w.catalogue, Publisher: d, Ensure: c.EnsureTopics, State: unwritable{w.state}, Prefix: w.prefix, Batch: 20,
			RetryFirst: time.Millisecond, LastSave: time.Millisecond,
		})
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}
		_ = p.Close()
		kill()
	}
	w.relayed(w.run(nil))
	if n := w.complete(w.read(201)); n == 0 {
		t.Error("nothing came twice: nobody was killed")
	}
}

// unwritable is a state database whose checkpoints never take.
type unwritable struct{ readmodels.DB }

func (u unwritable) Batch(ctx context.Context, f func(readmodels.Batch) error) error {
	return u.DB.Batch(ctx, func(b readmodels.Batch) error { return f(noCheckpoint{b}) })
}

type noCheckpoint struct{ readmodels.Batch }

func (b noCheckpoint) Exec(ctx context.Context, sql string, args ...any) error {
	if strings.HasPrefix(sql, "INSERT") {
		return errKilled
	}
	return b.Batch.Exec(ctx, sql, args...)
}

// Q2, invariant 6: publishes that fail halfway, in some partitions and not in
// others, are repeated in order.
func TestPublishFailsHalfway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := 0
	fault := w.brokers.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{1, 2}, Err: kerr.NotEnoughReplicas, Count: 12,
		When: func(kmsg.Request) bool { n++; return n%3 == 0 },
	})
	w.say(400)
	w.relayed(w.run(func(cfg *Config) { cfg.Batch = 30 }))
	if fault.Hits() == 0 {
		t.Error("nothing failed")
	}
	if w.complete(w.read(401)) == 0 {
		t.Error("nothing came twice: the failed batches were not repeated")
	}
}

// O3, O5: brokers that are away for a while are named; afterwards everything
// goes on.
func TestBrokersAwayForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.run(nil)
	w.relayed(r)
	fault := w.brokers.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.KafkaStorageError, Count: -1})
	w.say(100)
	w.eventually("the trouble to be said", func() bool { return r.Trouble() != nil && strings.Contains(r.Trouble().Error(), "kafka") })
	if lag, err := r.Lag(context.Background()); err != nil || lag == 0 {
		t.Errorf("lag %d, %v", lag, err)
	}
	fault.Remove()
	w.relayed(r)
	if r.Trouble() != nil {
		t.Error(r.Trouble())
	}
	w.complete(w.read(101))
}

// Q2, O2: of two relays one works; when it is paused so long that the other
// takes over, both publish for a while, and still nothing is missed and each
// key keeps its order.
func TestPausedLeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &seats{}
	gate, reached := make(chan struct{}), make(chan struct{})
	c := w.client()
	p, err := c.NewPublisher(kafkaPublisher)
	if err != nil {
		t.Fatal(err)
	}
	d := &dying{Publisher: p, then: func() error {
		select {
		case reached <- struct{}{}:
			<-gate
		default:
		}
		return nil
	}}
	d.after.Store(3)
	w.say(200)
	first := w.run(func(cfg *Config) { cfg.Leases, cfg.Publisher, cfg.Batch = s, d, 20 })
	<-reached // it has published and hangs
	s.take(nil)
	second := w.run(func(cfg *Config) { cfg.Leases = s })
	w.relayed(second)
	w.say(50)
	close(gate)
	w.eventually("the first to notice", func() bool { return !first.Leading() })
	w.relayed(second)
	if err := errors.Join(first.stop(), second.stop()); err != nil {
		t.Fatal(err)
	}
	_ = p.Close()
	if n := w.complete(w.read(251)); n == 0 {
		t.Error("nothing came twice: the first was not paused")
	}
	if position, err := second.checkpoint.load(context.Background(), w.epoch); err != nil || position != 251 {
		t.Errorf("the checkpoint is %d, %v", position, err)
	}
}

// Q2, Q6: an event of ours that this release does not know stops the relay
// with its name, after all that is before it, and is never passed over.
func TestUnknownType(t *testing.T) {
	t.Parallel()
	for _, e := range []struct {
		stream string
		event  event.Event
		says   string
	}{
		{"inbox-" + uuid.NewString(), event.Event{Type: "inbox.later.v9", Data: []byte(`{}`)}, "inbox.later.v9"},
		{"parley_later-1", event.Event{Type: "parley_later.v1", Data: []byte(`{}`)}, "parley_later.v1"},
		{"follow-a.b", event.Event{Type: "follow.started.v1", Data: []byte(`{"follower":7}`)}, "follow.started.v1"},
	} {
		w := newWorld(t)
		w.say(20)
		w.put(e.stream, e.event)
		w.say(5)
		c := w.client()
		p, err := c.NewPublisher(kafkaPublisher)
		if err != nil {
			t.Fatal(err)
		}
		r := New(Config{Store: w.store, Catalogue: w.catalogue, Publisher: p, Ensure: c.EnsureTopics, State: w.state, Prefix: w.prefix})
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := r.Run(ctx); err == nil || !strings.Contains(err.Error(), e.says) {
			t.Errorf("%s: %v", e.says, err)
		}
		cancel()
		_ = p.Close()
		if all := w.read(21); len(all) != 21 {
			t.Errorf("%s: %d events were relayed, 21 are before it", e.says, len(all))
		}
		if position, err := r.checkpoint.load(context.Background(), w.epoch); err != nil || position != 21 {
			t.Errorf("%s: the checkpoint is %d, %v", e.says, position, err)
		}
	}
}

// Q2: a log with a new epoch is relayed from its beginning, under that name.
func TestNewEpoch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(20)
	r := w.run(nil)
	w.relayed(r)
	old := w.epoch
	w.begin()
	w.say(10)
	w.relayed(r)
	all := w.read(21 + 32)
	w.complete(all)
	before := 0
	for _, a := range all {
		if a.epoch == old {
			before++
		}
	}
	if before != 21 {
		t.Errorf("%d events of the old epoch", before)
	}
}
