package eventgrpc_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// next is the next event of a subscription.
func (k *kit) next(s *esdb.Subscription) *esdb.RecordedEvent {
	k.Helper()
	for {
		e := s.Recv()
		if e.SubscriptionDropped != nil {
			k.Fatalf("dropped: %v", e.SubscriptionDropped.Error)
		}
		if e.EventAppeared != nil {
			return e.EventAppeared.OriginalEvent()
		}
	}
}

// Q4, invariant 7: a subscription to a stream shows every event after where it
// begins once, in order, wherever that is, while writers race.
func TestStreamSubscriptionsWhileWritersRace(t *testing.T) {
	t.Parallel()
	k := start(t)
	const events = 200
	var writers sync.WaitGroup
	for w := range 4 {
		c := k.client()
		writers.Go(func() {
			for range events / 4 {
				if _, err := c.AppendToStream(k.ctx, "order-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, proposed(1)...); err != nil {
					t.Error(err)
				}
				if _, err := c.AppendToStream(k.ctx, fmt.Sprintf("order-1%d", w), esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, proposed(1)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var readers sync.WaitGroup
	for r := range 4 {
		c := k.client()
		readers.Go(func() {
			var from esdb.StreamPosition = esdb.Start{}
			want := uint64(0)
			for step := uint64(7 + 13*r); want < events; { // resumes again and again
				s, err := c.SubscribeToStream(k.ctx, "order-1", esdb.SubscribeToStreamOptions{From: from})
				if err != nil {
					t.Error(err)
					return
				}
				for end := min(want+step, events); want < end; want++ {
					if e := k.next(s); e.EventNumber != want || e.StreamID != "order-1" {
						t.Errorf("got %s@%d, want %d", e.StreamID, e.EventNumber, want)
						return
					}
				}
				_ = s.Close()
				from = esdb.Revision(want - 1)
			}
		})
	}
	writers.Wait()
	readers.Wait()
}

// Q4, invariant 7: the same of the whole log.
func TestAllSubscriptionsWhileWritersRace(t *testing.T) {
	t.Parallel()
	k := start(t)
	const events = 200
	var writers sync.WaitGroup
	for w := range 4 {
		c := k.client()
		writers.Go(func() {
			for i := range events / 4 {
				stream := fmt.Sprintf("order-%d.%d", w, i%3)
				if _, err := c.AppendToStream(k.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, proposed(1)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	c := k.client()
	seen := uint64(0)
	for seen < events {
		s, err := c.SubscribeToAll(k.ctx, esdb.SubscribeToAllOptions{From: esdb.Position{Commit: seen, Prepare: seen}})
		if err != nil {
			t.Fatal(err)
		}
		for range min(17, events-seen) {
			e := k.next(s)
			if seen++; e.Position.Commit != seen {
				t.Fatalf("position %d, want %d", e.Position.Commit, seen)
			}
		}
		_ = s.Close()
	}
	writers.Wait()
}

// Q4: a subscription says when it has caught up, shows what comes then, and
// from the end nothing older.
func TestLiveSubscriptions(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	k.append(c, "order-1", 2)
	subs := map[string]*esdb.Subscription{}
	for name, o := range map[string]esdb.SubscribeToStreamOptions{
		"start": {From: esdb.Start{}}, "end": {From: esdb.End{}}, "after 0": {From: esdb.Revision(0)}, "far": {From: esdb.Revision(math.MaxUint64)},
	} {
		s, err := c.SubscribeToStream(k.ctx, "order-1", o)
		if err != nil {
			t.Fatal(err)
		}
		subs[name] = s
	}
	early, err := c.SubscribeToStream(k.ctx, "order-2", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.SubscribeToAll(k.ctx, esdb.SubscribeToAllOptions{From: esdb.End{}})
	if err != nil {
		t.Fatal(err)
	}
	live := func(s *esdb.Subscription, before int) {
		t.Helper()
		for range before {
			if e := s.Recv(); e.EventAppeared == nil {
				t.Fatalf("got %+v, want an event", e)
			}
		}
		if e := s.Recv(); e.CaughtUp == nil {
			t.Fatalf("got %+v, want caught up", e)
		}
	}
	live(subs["start"], 2)
	live(subs["end"], 0)
	live(subs["after 0"], 1)
	live(subs["far"], 0)
	live(early, 0)
	live(all, 0)
	k.append(c, "order-1", 1)
	k.append(c, "order-2", 1)
	for name, want := range map[string]uint64{"start": 2, "end": 2, "after 0": 2} {
		if e := k.next(subs[name]); e.EventNumber != want {
			t.Errorf("%s: %d", name, e.EventNumber)
		}
	}
	if e := k.next(early); e.StreamID != "order-2" || e.EventNumber != 0 {
		t.Errorf("%+v", e)
	}
	if e := k.next(all); e.Position.Commit != 3 {
		t.Errorf("%+v", e)
	}
	if _, err := c.TombstoneStream(k.ctx, "order-2", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	if e := early.Recv(); e.SubscriptionDropped == nil || status.Code(e.SubscriptionDropped.Error) != codes.FailedPrecondition {
		t.Errorf("after the tombstone: %+v", e)
	}
}

// Q4: a subscription that begins on a deleted stream shows what comes later.
func TestSubscribeToADeletedStream(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	k.append(c, "order-1", 2)
	if _, err := c.DeleteStream(k.ctx, "order-1", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	s, err := c.SubscribeToStream(k.ctx, "order-1", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	if e := s.Recv(); e.CaughtUp == nil {
		t.Fatalf("%+v", e)
	}
	k.append(c, "order-1", 1)
	if e := k.next(s); e.EventNumber != 2 {
		t.Errorf("revision %d", e.EventNumber)
	}
}

// Q4: filters by type and by stream, by prefix and by expression, also one
// that looks ahead; checkpoints tell how far a subscription has looked.
func TestFilters(t *testing.T) {
	t.Parallel()
	k := start(t)
	c, raw := k.client(), k.raw()
	for i := range 100 {
		e := proposed(1)
		e[0].EventType = fmt.Sprintf("type-%d", i%10)
		if _, err := c.AppendToStream(k.ctx, fmt.Sprintf("order%d-x", i%4), esdb.AppendToStreamOptions{}, e...); err != nil {
			t.Fatal(err)
		}
	}
	var meta esdb.StreamMetadata
	if _, err := c.SetStreamMetadata(k.ctx, "order1-x", esdb.AppendToStreamOptions{}, meta); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		filter *esdb.SubscriptionFilter
		want   int
	}{
		"types":         {&esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: []string{"type-1", "type-3"}}, 20},
		"type":          {&esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: "^type-[12]$"}, 20},
		"streams":       {&esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"order1-"}}, 25},
		"stream":        {&esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Regex: `^\$\$order`}, 1},
		"Python's":      {&esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: `^(?!(\$.+$|PersistentConfig\d+$|Result$))`}, 100},
		"no system":     {esdb.ExcludeSystemEventsFilter(), 100},
		"none but last": {&esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: []string{"$metadata"}}, 1},
	} {
		s, err := c.SubscribeToAll(k.ctx, esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: test.filter, MaxSearchWindow: 10, CheckpointInterval: 2})
		if err != nil {
			t.Fatal(err)
		}
		events, checkpoints := 0, []uint64{}
		for live := false; !live; {
			e := s.Recv()
			switch {
			case e.EventAppeared != nil:
				events++
			case e.CheckPointReached != nil:
				checkpoints = append(checkpoints, e.CheckPointReached.Commit)
			case e.CaughtUp != nil:
				live = true
			default:
				t.Fatalf("%s: %+v", name, e)
			}
		}
		_ = s.Close()
		if diff := cmp.Diff([]uint64{20, 40, 60, 80, 100, 101}, checkpoints); diff != "" || events != test.want {
			t.Errorf("%s: %d events, want %d; checkpoints %s", name, events, test.want, diff)
		}
	}
	for _, backwards := range []bool{false, true} {
		req := readAll(10)
		if backwards {
			req.Options.ReadDirection = streams.ReadReq_Options_Backwards
			req.GetOptions().GetAll().AllOption = &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
		}
		req.Options.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_EventType{EventType: &streams.ReadReq_Options_FilterOptions_Expression{Regex: "(?!x)type-7"}},
		}}
		if got, err := k.read(raw, req); err != nil || len(got) != 10 || got[0].GetEvent().GetEvent().GetMetadata()["type"] != "type-7" {
			t.Errorf("backwards %v: %d answers, %v", backwards, len(got), err)
		}
	}
}

// Q4: subscriptions end when the server stops, with a status that asks the
// client to come back; and with the connection.
func TestStopEndsSubscriptions(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	s, err := c.SubscribeToAll(k.ctx, esdb.SubscribeToAllOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	batches, err := k.raw().BatchAppend(k.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := batches.Send(batch("order-1", 1, true)); err != nil {
		t.Fatal(err)
	}
	if _, err := batches.Recv(); err != nil {
		t.Fatal(err)
	}
	gone, err := k.client().SubscribeToAll(k.ctx, esdb.SubscribeToAllOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close() // the connection goes with the subscription at work
	began := time.Now()
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took >= patience {
		t.Errorf("stopping took %s: something was cut off", took)
	}
	for {
		e := s.Recv()
		if e.SubscriptionDropped != nil {
			if status.Code(e.SubscriptionDropped.Error) != codes.Unavailable {
				t.Errorf("dropped: %v", e.SubscriptionDropped.Error)
			}
			break
		}
	}
	if _, err := batches.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("batches ended with %v", err)
	}
}

// Q4, invariant 12: a client that does not read costs nothing but its place:
// it is told that it fell behind, gets everything, and is live again.
func TestSlowSubscriber(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	for name, subscribe := range map[string]func() (*esdb.Subscription, error){
		"stream": func() (*esdb.Subscription, error) {
			return c.SubscribeToStream(k.ctx, "order-stream", esdb.SubscribeToStreamOptions{From: esdb.End{}})
		},
		"all": func() (*esdb.Subscription, error) {
			return c.SubscribeToAll(k.ctx, esdb.SubscribeToAllOptions{From: esdb.End{}})
		},
	} {
		s, err := subscribe()
		if err != nil {
			t.Fatal(err)
		}
		if e := s.Recv(); e.CaughtUp == nil {
			t.Fatalf("%s: %+v", name, e)
		}
		const events = 6000
		for range events / 1000 {
			es := proposed(1000)
			for i := range es {
				es[i].Data, es[i].ContentType = make([]byte, 2000), esdb.ContentTypeBinary
			}
			if _, err := c.AppendToStream(k.ctx, "order-"+name, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, es...); err != nil {
				t.Fatal(err)
			}
		}
		fell, live := false, false
		for next := uint64(0); !live; {
			switch e := s.Recv(); {
			case e.FellBehind != nil:
				fell = true
			case e.CaughtUp != nil:
				live = next == events
			case e.EventAppeared != nil:
				if got := e.EventAppeared.OriginalEvent().EventNumber; got != next {
					t.Fatalf("%s: revision %d, want %d", name, got, next)
				}
				next++
			default:
				t.Fatalf("%s: %+v", name, e)
			}
		}
		if !fell {
			t.Errorf("%s: nobody said that it fell behind", name)
		}
		_ = s.Close()
	}
}

// Q4: a connection that is cut takes its calls with it and nothing else.
func TestCutConnection(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	k.append(c, "order-1", 1)
	var conns []net.Conn
	dial := grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		conns = append(conns, conn)
		return conn, err
	})
	conn, err := grpc.NewClient("passthrough:///"+k.address, grpc.WithTransportCredentials(insecure.NewCredentials()), dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	req := readAll(1)
	req.Options.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	cut := streams.NewStreamsClient(conn)
	sub, err := cut.Read(k.ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := sub.Recv(); err != nil || m.GetConfirmation() == nil {
		t.Fatalf("%v %v", m, err)
	}
	appending, err := cut.Append(k.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := appending.Send(&streams.AppendReq{Content: &streams.AppendReq_Options_{Options: &streams.AppendReq_Options{
		StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte("order-1")},
		ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}},
	}}}); err != nil {
		t.Fatal(err)
	}
	_ = conns[0].Close()
	for err = nil; err == nil; {
		_, err = sub.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("the subscription ended with %v", err)
	}
	k.append(c, "order-1", 1)
	if got := k.revisions(c, "order-1", forwards, 10); len(got) != 2 {
		t.Errorf("revisions %v: half an append is there", got)
	}
}
