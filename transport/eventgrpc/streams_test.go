package eventgrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

var forwards = esdb.ReadStreamOptions{From: esdb.Start{}}
var backwards = esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}

// Q4: what is appended comes back, with all that clients look at.
func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	es := proposed(3)
	es[1].ContentType, es[1].Data, es[1].Metadata = esdb.ContentTypeBinary, []byte{0, 1, 255}, nil
	before := time.Now().Add(-time.Second)
	result, err := c.AppendToStream(k.ctx, "order-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, es...)
	if err != nil {
		t.Fatal(err)
	}
	if result.NextExpectedVersion != 2 || result.CommitPosition == 0 {
		t.Errorf("result %+v", result)
	}
	got, err := k.drain(c.ReadStream(k.ctx, "order-1", forwards, math.MaxUint64))
	if err != nil || len(got) != 3 {
		t.Fatalf("%d events: %v", len(got), err)
	}
	for i, e := range got {
		if e.EventID != es[i].EventID || e.EventType != "thing-happened" || e.EventNumber != uint64(i) || e.StreamID != "order-1" ||
			!bytes.Equal(e.Data, es[i].Data) || !bytes.Equal(e.UserMetadata, es[i].Metadata) {
			t.Errorf("event %d: %+v", i, e)
		}
		if e.CreatedDate.Before(before) || e.CreatedDate.After(time.Now().Add(time.Second)) {
			t.Errorf("event %d was created at %v", i, e.CreatedDate)
		}
	}
	if got[0].ContentType != "application/json" || got[1].ContentType != "application/octet-stream" {
		t.Errorf("content types %s, %s", got[0].ContentType, got[1].ContentType)
	}
	if got[2].Position.Commit != result.CommitPosition || got[2].Position.Prepare != result.PreparePosition {
		t.Errorf("position %+v, appended at %+v", got[2].Position, result)
	}
}

// Q4: every place to begin at and both directions.
func TestReadStream(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	k.append(c, "order-1", 5)
	k.append(c, "order-2", 2)
	at := func(r uint64, d esdb.Direction) esdb.ReadStreamOptions {
		return esdb.ReadStreamOptions{From: esdb.Revision(r), Direction: d}
	}
	for name, test := range map[string]struct {
		options esdb.ReadStreamOptions
		count   uint64
		want    []uint64
	}{
		"all":                 {forwards, math.MaxUint64, []uint64{0, 1, 2, 3, 4}},
		"two":                 {forwards, 2, []uint64{0, 1}},
		"none":                {forwards, 0, []uint64{}},
		"from 3":              {at(3, esdb.Forwards), 10, []uint64{3, 4}},
		"from past the end":   {at(9, esdb.Forwards), 10, []uint64{}},
		"from the greatest":   {at(math.MaxUint64, esdb.Forwards), 10, []uint64{}},
		"from the end":        {esdb.ReadStreamOptions{From: esdb.End{}}, 10, []uint64{}},
		"back":                {backwards, math.MaxUint64, []uint64{4, 3, 2, 1, 0}},
		"the last":            {backwards, 1, []uint64{4}},
		"back from 2":         {at(2, esdb.Backwards), 2, []uint64{2, 1}},
		"back from 9":         {at(9, esdb.Backwards), 2, []uint64{4, 3}},
		"back from the start": {esdb.ReadStreamOptions{From: esdb.Start{}, Direction: esdb.Backwards}, 10, []uint64{0}},
	} {
		if diff := cmp.Diff(test.want, k.revisions(c, "order-1", test.options, test.count)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	_, err := k.drain(c.ReadStream(k.ctx, "order-3", forwards, 1))
	k.code(err, esdb.ErrorCodeResourceNotFound)
	_, err = k.drain(c.ReadStream(k.ctx, "order-3", backwards, 1))
	k.code(err, esdb.ErrorCodeResourceNotFound)
}

// Q4: the whole log, both ways, from any position. Forwards a position is the
// first event, backwards what is before it.
func TestReadAll(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	for i := range 70 {
		k.append(c, fmt.Sprintf("order-%d", i%3), 1)
	}
	read := func(from esdb.AllPosition, d esdb.Direction, count uint64) []uint64 {
		es, err := k.drain(c.ReadAll(k.ctx, esdb.ReadAllOptions{From: from, Direction: d}, count))
		if err != nil {
			t.Fatal(err)
		}
		out := []uint64{}
		for _, e := range es {
			out = append(out, e.Position.Commit)
		}
		return out
	}
	span := func(from, to, step int) []uint64 {
		out := []uint64{}
		for p := from; p != to+step; p += step {
			out = append(out, uint64(p))
		}
		return out
	}
	at := func(p uint64) esdb.AllPosition { return esdb.Position{Commit: p, Prepare: p} }
	for name, test := range map[string]struct{ got, want []uint64 }{
		"all":                   {read(esdb.Start{}, esdb.Forwards, math.MaxUint64), span(1, 70, 1)},
		"three":                 {read(esdb.Start{}, esdb.Forwards, 3), span(1, 3, 1)},
		"from 5":                {read(at(5), esdb.Forwards, 3), span(5, 7, 1)},
		"from 0":                {read(at(0), esdb.Forwards, 3), span(1, 3, 1)},
		"from the end":          {read(esdb.End{}, esdb.Forwards, 3), []uint64{}},
		"from past the end":     {read(at(1000), esdb.Forwards, 3), []uint64{}},
		"back":                  {read(esdb.End{}, esdb.Backwards, math.MaxUint64), span(70, 1, -1)},
		"the last":              {read(esdb.End{}, esdb.Backwards, 1), span(70, 70, -1)},
		"back before 5":         {read(at(5), esdb.Backwards, 2), span(4, 3, -1)},
		"back before the first": {read(at(1), esdb.Backwards, 2), []uint64{}},
		"back from the start":   {read(esdb.Start{}, esdb.Backwards, 2), []uint64{}},
		"back from far":         {read(at(math.MaxUint64), esdb.Backwards, 2), span(70, 69, -1)},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Q4, invariant 3: one winner for each expected revision; the same ids again
// are a success.
func TestExpectedRevisions(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	appendAt := func(e esdb.ExpectedRevision, es ...esdb.EventData) (*esdb.WriteResult, error) {
		return c.AppendToStream(k.ctx, "order-1", esdb.AppendToStreamOptions{ExpectedRevision: e}, es...)
	}
	_, err := appendAt(esdb.StreamExists{}, proposed(1)...)
	k.code(err, esdb.ErrorCodeWrongExpectedVersion)
	_, err = appendAt(esdb.Revision(0), proposed(1)...)
	k.code(err, esdb.ErrorCodeWrongExpectedVersion)
	first := proposed(2)
	one, err := appendAt(esdb.NoStream{}, first...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = appendAt(esdb.NoStream{}, proposed(1)...)
	k.code(err, esdb.ErrorCodeWrongExpectedVersion)
	if want := "expecting 'no_stream' but got '1'"; err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
		t.Errorf("%v does not say %q", err, want)
	}
	if _, err := appendAt(esdb.Revision(1), proposed(1)...); err != nil {
		t.Fatal(err)
	}
	if _, err := appendAt(esdb.StreamExists{}, proposed(1)...); err != nil {
		t.Fatal(err)
	}
	again, err := appendAt(esdb.NoStream{}, first...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, again); diff != "" {
		t.Errorf("repeated (-want +got):\n%s", diff)
	}
	_, err = appendAt(esdb.Revision(math.MaxUint64-1), proposed(1)...) // -2, which is "any", as a number
	k.code(err, esdb.ErrorCodeUnknown)
	if got := k.revisions(c, "order-1", forwards, 10); len(got) != 4 {
		t.Errorf("revisions %v", got)
	}
}

// Q4: an append of nothing checks what is expected and changes nothing.
func TestAppendNothing(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	appendAt := func(e esdb.ExpectedRevision) error {
		_, err := c.AppendToStream(k.ctx, "order-1", esdb.AppendToStreamOptions{ExpectedRevision: e})
		return err
	}
	if err := appendAt(esdb.NoStream{}); err != nil {
		t.Error(err)
	}
	k.code(appendAt(esdb.StreamExists{}), esdb.ErrorCodeWrongExpectedVersion)
	k.append(c, "order-1", 1)
	if err := appendAt(esdb.Revision(0)); err != nil {
		t.Error(err)
	}
	k.code(appendAt(esdb.NoStream{}), esdb.ErrorCodeWrongExpectedVersion)
	if head, err := k.store.Head(k.ctx); err != nil || head != 1 {
		t.Errorf("head %d %v", head, err)
	}
}

// Q4, invariant 12: 512 KiB are taken, a byte more is not, and many large ones
// can be read.
func TestLargeEvents(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	large := func(size int) esdb.EventData {
		return esdb.EventData{EventID: uuid.New(), EventType: "large", ContentType: esdb.ContentTypeBinary, Data: bytes.Repeat([]byte{7}, size)}
	}
	var es []esdb.EventData
	for range 12 {
		es = append(es, large(event.MaxSize))
	}
	if _, err := c.AppendToStream(k.ctx, "order-1", esdb.AppendToStreamOptions{}, es...); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AppendToStream(k.ctx, "order-1", esdb.AppendToStreamOptions{}, large(event.MaxSize+1)); err == nil {
		t.Error("an event of 512 KiB and a byte was taken")
	}
	for name, read := range map[string]func() (*esdb.ReadStream, error){
		"stream": func() (*esdb.ReadStream, error) { return c.ReadStream(k.ctx, "order-1", forwards, 100) },
		"back":   func() (*esdb.ReadStream, error) { return c.ReadStream(k.ctx, "order-1", backwards, 100) },
		"all": func() (*esdb.ReadStream, error) {
			return c.ReadAll(k.ctx, esdb.ReadAllOptions{From: esdb.Start{}}, 100)
		},
		"all back": func() (*esdb.ReadStream, error) {
			return c.ReadAll(k.ctx, esdb.ReadAllOptions{From: esdb.End{}, Direction: esdb.Backwards}, 100)
		},
	} {
		got, err := k.drain(read())
		if err != nil || len(got) != 12 || len(got[11].Data) != event.MaxSize {
			t.Errorf("%s: %d events, %v", name, len(got), err)
		}
	}
}

// Q4: our own categories are read-only, with their metadata; others are open.
func TestOwnCategoriesAreReadOnly(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	if _, err := k.store.Append(k.ctx, "account-1", event.NoStream, []event.Event{{ID: uuid.New(), Type: "account.made.v1", Data: []byte(`{}`)}}); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"account-1", "account-2", "account", "post-9", "$$account-1", "$$post-1", "$all"} {
		_, err := c.AppendToStream(k.ctx, stream, esdb.AppendToStreamOptions{}, proposed(1)...)
		k.code(err, esdb.ErrorCodeAccessDenied)
	}
	meta := esdb.StreamMetadata{}
	meta.SetMaxCount(1)
	_, err := c.SetStreamMetadata(k.ctx, "account-1", esdb.AppendToStreamOptions{}, meta)
	k.code(err, esdb.ErrorCodeAccessDenied)
	_, err = c.DeleteStream(k.ctx, "account-1", esdb.DeleteStreamOptions{})
	k.code(err, esdb.ErrorCodeAccessDenied)
	_, err = c.TombstoneStream(k.ctx, "account-1", esdb.TombstoneStreamOptions{})
	k.code(err, esdb.ErrorCodeAccessDenied)
	if got := k.revisions(c, "account-1", forwards, 10); len(got) != 1 {
		t.Errorf("account-1 has %v", got)
	}
	many := proposed(500)
	for i := range many {
		many[i].Data = bytes.Repeat([]byte(" "), 10_000)
	}
	_, err = c.AppendToStream(k.ctx, "account-1", esdb.AppendToStreamOptions{}, many...) // refused while it is sent
	k.code(err, esdb.ErrorCodeAccessDenied)
	k.append(c, "accounts-1", 1)
	k.append(c, uuid.NewString(), 1)
	if head, err := k.store.Head(k.ctx); err != nil || head != 3 {
		t.Errorf("head %d %v", head, err)
	}
}

// Q4: a cancelled call ends, and the server with it; what it left is whole.
func TestCancelledContexts(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	k.append(c, "order-1", 1)
	ctx, cancel := context.WithCancel(k.ctx)
	sub, err := c.SubscribeToStream(ctx, "order-1", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	if e := sub.Recv(); e.EventAppeared == nil {
		t.Fatalf("%+v", e)
	}
	cancel()
	for {
		if e := sub.Recv(); e.SubscriptionDropped != nil {
			break
		}
	}
	if _, err := c.AppendToStream(ctx, "order-1", esdb.AppendToStreamOptions{}, proposed(1)...); err == nil {
		t.Error("an append with a cancelled context succeeded")
	}
	if _, err := k.drain(c.ReadStream(ctx, "order-1", forwards, 10)); err == nil {
		t.Error("a read with a cancelled context succeeded")
	}
	if got := k.revisions(k.client(), "order-1", forwards, 10); len(got) != 1 {
		t.Errorf("revisions %v", got)
	}
}
