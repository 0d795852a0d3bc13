package eventgrpc_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Q4: a deleted stream reads as not found, and goes on after its last revision
// when it is written again, whatever is expected of it.
func TestDelete(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	for name, expected := range map[string]esdb.ExpectedRevision{"any": esdb.Any{}, "none": esdb.NoStream{}, "last": esdb.Revision(2)} {
		stream := "order-" + name
		k.append(c, stream, 3)
		if _, err := c.DeleteStream(k.ctx, stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Revision(2)}); err != nil {
			t.Fatal(err)
		}
		_, err := k.drain(c.ReadStream(k.ctx, stream, forwards, 10))
		k.code(err, esdb.ErrorCodeResourceNotFound)
		_, err = k.drain(c.ReadStream(k.ctx, stream, backwards, 1))
		k.code(err, esdb.ErrorCodeResourceNotFound)
		if _, err := c.DeleteStream(k.ctx, stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Revision(2)}); err != nil {
			t.Errorf("deleted again: %v", err)
		}
		_, err = c.AppendToStream(k.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.StreamExists{}}, proposed(1)...)
		k.code(err, esdb.ErrorCodeStreamDeleted)
		_, err = c.AppendToStream(k.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(1)}, proposed(1)...)
		k.code(err, esdb.ErrorCodeWrongExpectedVersion)
		r, err := c.AppendToStream(k.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: expected}, proposed(2)...)
		if err != nil || r.NextExpectedVersion != 4 {
			t.Fatalf("%s: %+v %v", name, r, err)
		}
		if diff := cmp.Diff([]uint64{3, 4}, k.revisions(c, stream, forwards, 10)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]uint64{4, 3}, k.revisions(c, stream, backwards, 10)); diff != "" {
			t.Error(diff)
		}
		meta, err := c.GetStreamMetadata(k.ctx, stream, esdb.ReadStreamOptions{})
		if err != nil || meta.TruncateBefore() == nil || *meta.TruncateBefore() != 3 {
			t.Errorf("metadata %+v %v", meta, err)
		}
	}
}

// Q4: a tombstone is the end of a stream, also after a restart.
func TestTombstone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := startOn(t, dir, time.Now)
	c := k.client()
	k.append(c, "order-1", 2)
	if _, err := c.TombstoneStream(k.ctx, "order-1", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Revision(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.TombstoneStream(k.ctx, "order-never", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, stream := range []string{"order-1", "order-never"} {
			_, err := k.drain(c.ReadStream(k.ctx, stream, forwards, 10))
			k.code(err, esdb.ErrorCodeStreamDeleted)
			_, err = c.AppendToStream(k.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, proposed(1)...)
			k.code(err, esdb.ErrorCodeStreamDeleted)
			_, err = c.DeleteStream(k.ctx, stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
			k.code(err, esdb.ErrorCodeStreamDeleted)
			_, err = c.TombstoneStream(k.ctx, stream, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
			k.code(err, esdb.ErrorCodeStreamDeleted)
			_, err = c.SetStreamMetadata(k.ctx, stream, esdb.AppendToStreamOptions{}, esdb.StreamMetadata{})
			k.code(err, esdb.ErrorCodeStreamDeleted)
			_, err = c.SubscribeToStream(k.ctx, stream, esdb.SubscribeToStreamOptions{})
			if err == nil {
				t.Error("a subscription to a tombstoned stream")
			}
		}
		if err := k.stop(); err != nil {
			t.Fatal(err)
		}
		k = startOn(t, dir, time.Now)
		c = k.client()
	}
}

// Q4: errors of deletions have the words and trailers that clients read.
func TestDeletionErrors(t *testing.T) {
	t.Parallel()
	k := start(t)
	c, raw := k.client(), k.raw()
	k.append(c, "order-1", 3)
	k.append(c, "order-dead", 1)
	if _, err := c.TombstoneStream(k.ctx, "order-dead", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	del := func(stream string, r uint64) func(grpc.CallOption) error {
		return func(o grpc.CallOption) error {
			_, err := raw.Delete(k.ctx, &streams.DeleteReq{Options: &streams.DeleteReq_Options{
				StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
				ExpectedStreamRevision: &streams.DeleteReq_Options_Revision{Revision: r},
			}}, o)
			return err
		}
	}
	bury := func(o grpc.CallOption) error {
		_, err := raw.Tombstone(k.ctx, &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
			StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte("order-1")},
			ExpectedStreamRevision: &streams.TombstoneReq_Options_NoStream{NoStream: &shared.Empty{}},
		}}, o)
		return err
	}
	delAny := func(stream string) func(grpc.CallOption) error {
		return func(o grpc.CallOption) error {
			_, err := raw.Delete(k.ctx, &streams.DeleteReq{Options: &streams.DeleteReq_Options{
				StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
				ExpectedStreamRevision: &streams.DeleteReq_Options_Any{Any: &shared.Empty{}},
			}}, o)
			return err
		}
	}
	wrong := func(stream, expected, actual string) metadata.MD {
		return metadata.Pairs("exception", "wrong-expected-version", "stream-name", stream, "expected-version", expected, "actual-version", actual)
	}
	for name, test := range map[string]struct {
		call    func(grpc.CallOption) error
		code    codes.Code
		text    string
		trailer metadata.MD
	}{
		"delete": {del("order-1", 7), codes.FailedPrecondition,
			"Delete failed due to WrongExpectedVersion. Stream: order-1, Expected version: 7, Actual version: 2", wrong("order-1", "7", "2")},
		"delete nothing": {delAny("order-9"), codes.FailedPrecondition,
			"Delete failed due to WrongExpectedVersion. Stream: order-9, Expected version: -2, Actual version: -1", wrong("order-9", "-2", "-1")},
		"tombstone": {bury, codes.FailedPrecondition,
			"Tombstone failed due to WrongExpectedVersion. Stream: order-1, Expected version: -1, Actual version: 2", wrong("order-1", "-1", "2")},
		"deleted": {del("order-dead", 0), codes.FailedPrecondition,
			"Event stream 'order-dead' is deleted.", metadata.Pairs("exception", "stream-deleted", "stream-name", "order-dead")},
		"denied": {delAny("$$account-1"), codes.PermissionDenied,
			"Access to stream '$$account-1' is denied: it is read-only here.", metadata.Pairs("exception", "access-denied", "stream-name", "$$account-1")},
		"metadata":   {delAny("$$order-1"), codes.InvalidArgument, "metadata cannot be deleted: write {} to '$$order-1'", nil},
		"no name":    {delAny(""), codes.InvalidArgument, "a stream's name is UTF-8 and not empty", nil},
		"no UTF-8":   {delAny("order-\xff"), codes.InvalidArgument, "a stream's name is UTF-8 and not empty", nil},
		"no options": {func(o grpc.CallOption) error { _, err := raw.Delete(k.ctx, &streams.DeleteReq{}, o); return err }, codes.InvalidArgument, "a stream's name is UTF-8 and not empty", nil},
	} {
		var trailer metadata.MD
		err := test.call(grpc.Trailer(&trailer))
		if st := status.Convert(err); st.Code() != test.code || st.Message() != test.text {
			t.Errorf("%s: %v", name, err)
		}
		delete(trailer, "content-type")
		if len(trailer)+len(test.trailer) > 0 {
			if diff := cmp.Diff(test.trailer, trailer); diff != "" {
				t.Errorf("%s: trailers (-want +got):\n%s", name, diff)
			}
		}
	}
}

// Q4: $maxCount, $maxAge and $tb hide events from readers of the stream, and
// from nobody else.
func TestStreamMetadata(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(time.Now().UnixMilli())
	now := func() time.Time { return time.UnixMilli(clock.Load()) }
	k := startOn(t, t.TempDir(), now)
	c := k.client()
	for range 10 {
		k.append(c, "order-1", 1)
		clock.Add(10_000)
	}
	set := func(change func(*esdb.StreamMetadata)) {
		t.Helper()
		var m esdb.StreamMetadata
		change(&m)
		m.AddCustomProperty("mine", "kept")
		if _, err := c.SetStreamMetadata(k.ctx, "order-1", esdb.AppendToStreamOptions{}, m); err != nil {
			t.Fatal(err)
		}
		got, err := c.GetStreamMetadata(k.ctx, "order-1", esdb.ReadStreamOptions{})
		if err != nil || got.CustomProperty("mine") != "kept" {
			t.Fatalf("metadata %+v %v", got, err)
		}
	}
	want := func(revisions ...uint64) {
		t.Helper()
		if diff := cmp.Diff(revisions, k.revisions(c, "order-1", forwards, 100)); diff != "" {
			t.Errorf("forwards (-want +got):\n%s", diff)
		}
		back := k.revisions(c, "order-1", backwards, 100)
		if len(back) != len(revisions) || back[len(back)-1] != revisions[0] {
			t.Errorf("backwards %v", back)
		}
	}
	set(func(m *esdb.StreamMetadata) { m.SetMaxCount(3) })
	want(7, 8, 9)
	set(func(m *esdb.StreamMetadata) { m.SetTruncateBefore(6) })
	want(6, 7, 8, 9)
	set(func(m *esdb.StreamMetadata) { m.SetMaxAge(25 * time.Second) }) // the last is 10 s old
	want(8, 9)
	set(func(m *esdb.StreamMetadata) { m.SetMaxCount(1); m.SetTruncateBefore(4) })
	want(9)
	set(func(*esdb.StreamMetadata) {})
	want(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	for _, data := range []string{`nonsense`, `{"$tb":-1}`, `{"$maxCount":"x"}`, `[]`, `null`} {
		e := proposed(1)
		e[0].EventType, e[0].Data = "$metadata", []byte(data)
		if _, err := c.AppendToStream(k.ctx, "$$order-1", esdb.AppendToStreamOptions{}, e...); err != nil {
			t.Fatal(err)
		}
		want(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	}
	if got := k.revisions(c, "$$order-1", forwards, 100); len(got) != 1 || got[0] != 9 {
		t.Errorf("metadata show %v, want the newest alone", got)
	}
	es, err := k.drain(c.ReadAll(k.ctx, esdb.ReadAllOptions{From: esdb.Start{}}, 100))
	if err != nil || len(es) != 20 {
		t.Errorf("the whole log shows %d events: %v", len(es), err)
	}
}

// Q4: a server that died between the metadata and the event of a stream that
// is written again leaves it as it was: deleted.
func TestCrashWhileReviving(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := startOn(t, dir, time.Now)
	c := k.client()
	k.append(c, "order-1", 3)
	if _, err := c.DeleteStream(k.ctx, "order-1", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	e := proposed(1)
	e[0].EventType, e[0].Data = "$metadata", []byte(`{"$tb":3}`)
	if _, err := c.AppendToStream(k.ctx, "$$order-1", esdb.AppendToStreamOptions{}, e...); err != nil {
		t.Fatal(err)
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	k = startOn(t, dir, time.Now)
	c = k.client()
	_, err := k.drain(c.ReadStream(k.ctx, "order-1", forwards, 10))
	k.code(err, esdb.ErrorCodeResourceNotFound)
	if _, err := c.AppendToStream(k.ctx, "order-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, proposed(1)...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{3}, k.revisions(c, "order-1", forwards, 10)); diff != "" {
		t.Error(diff)
	}
}

// Q4: nothing follows a tombstone, however many append while it is written,
// and a delete hides what was there and nothing else.
func TestDeletionsRaceAppends(t *testing.T) {
	t.Parallel()
	k := start(t)
	for round := range 5 {
		stream := fmt.Sprintf("order-%d", round)
		c := k.client()
		k.append(c, stream, 1)
		ctx, cancel := context.WithCancel(k.ctx)
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				for ctx.Err() == nil {
					if _, err := c.AppendToStream(ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, proposed(1)...); err != nil {
						return
					}
				}
			})
		}
		if _, err := c.DeleteStream(k.ctx, stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
			t.Error(err)
		}
		if _, err := c.TombstoneStream(k.ctx, stream, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
			t.Error(err)
		}
		writers.Wait()
		cancel()
		var last string
		for r, err := range k.store.Stream(k.ctx, stream, 0, false) {
			if err != nil {
				t.Fatal(err)
			}
			last = r.Type
		}
		if last != "$streamDeleted" {
			t.Errorf("%s ends with %s", stream, last)
		}
	}
}
