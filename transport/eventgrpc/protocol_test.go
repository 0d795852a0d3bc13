package eventgrpc_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// readAll asks for the first events of the log.
func readAll(count uint64) *streams.ReadReq {
	return &streams.ReadReq{Options: &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}},
		}},
		CountOption:  &streams.ReadReq_Options_Count{Count: count},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_String_{String_: &shared.Empty{}}},
	}}
}

func (k *kit) read(raw streams.StreamsClient, req *streams.ReadReq) ([]*streams.ReadResp, error) {
	call, err := raw.Read(k.ctx, req)
	if err != nil {
		return nil, err
	}
	var out []*streams.ReadResp
	for {
		m, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, m)
	}
}

func system(typ string) map[string]string {
	return map[string]string{"type": typ, "content-type": "application/json"}
}

func stringID() *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}}
}

// batch is a chunk of n events that expects nothing.
func batch(stream string, n int, final bool) *streams.BatchAppendReq {
	b := &streams.BatchAppendReq{
		CorrelationId: stringID(), IsFinal: final,
		Options: &streams.BatchAppendReq_Options{
			StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
			ExpectedStreamPosition: &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}},
			DeadlineOption:         &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(30 * time.Second)},
		},
	}
	for range n {
		b.ProposedMessages = append(b.ProposedMessages, &streams.BatchAppendReq_ProposedMessage{Id: stringID(), Metadata: system("thing"), Data: []byte(`{}`)})
	}
	return b
}

// Q4: batches on one long-lived call: chunks, both deadlines, what is expected
// and who asked are echoed, and errors leave the call open.
func TestBatchAppend(t *testing.T) {
	t.Parallel()
	k := start(t)
	c := k.client()
	k.append(c, "order-dead", 1)
	if _, err := c.TombstoneStream(k.ctx, "order-dead", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	call, err := k.raw().BatchAppend(k.ctx)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(chunks ...*streams.BatchAppendReq) *streams.BatchAppendResp {
		t.Helper()
		for _, b := range chunks {
			if err := call.Send(b); err != nil {
				t.Fatal(err)
			}
		}
		answer, err := call.Recv()
		if err != nil {
			t.Fatal(err)
		}
		first := chunks[0]
		if !proto.Equal(answer.GetCorrelationId(), first.GetCorrelationId()) || !proto.Equal(answer.GetStreamIdentifier(), first.GetOptions().GetStreamIdentifier()) {
			t.Errorf("the answer is to %v, not to %v", answer, first)
		}
		return answer
	}
	one, two, three := batch("order-1", 2, false), batch("order-1", 2, false), batch("order-1", 1, true)
	two.CorrelationId, three.CorrelationId = one.CorrelationId, one.CorrelationId
	two.Options, three.Options = nil, nil
	if a := ask(one, two, three); a.GetSuccess().GetCurrentRevision() != 4 || a.GetSuccess().GetPosition().GetCommitPosition() != 7 || a.GetAny() == nil {
		t.Errorf("chunks: %v", a)
	}
	older := batch("order-1", 1, true)
	older.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline_21_10_0{Deadline_21_10_0: timestamppb.New(time.Now().Add(time.Minute))}
	older.Options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: 4}
	if a := ask(older); a.GetSuccess().GetCurrentRevision() != 5 || a.GetStreamPosition() != 4 {
		t.Errorf("older deadline: %v", a)
	}
	if a := ask(older); a.GetSuccess().GetCurrentRevision() != 5 {
		t.Errorf("the same again: %v", a)
	}

	wrong := batch("order-1", 1, true)
	wrong.Options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}}
	late := batch("order-2", 1, true)
	late.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(-time.Second)}
	large := batch("order-2", 1, true)
	large.ProposedMessages[0].Data = make([]byte, 600<<10)
	noOptions := batch("order-2", 1, true)
	noOptions.Options = nil
	noType := batch("order-2", 1, true)
	noType.ProposedMessages[0].Metadata = nil
	noExpectation := batch("order-2", 1, true)
	noExpectation.Options.ExpectedStreamPosition = nil
	for name, test := range map[string]struct {
		chunk *streams.BatchAppendReq
		code  codes.Code
		want  proto.Message
	}{
		"wrong":    {wrong, codes.FailedPrecondition, &shared.WrongExpectedVersion{}},
		"deleted":  {batch("order-dead", 1, true), codes.FailedPrecondition, &shared.StreamDeleted{}},
		"denied":   {batch("account-1", 1, true), codes.PermissionDenied, &shared.AccessDenied{}},
		"late":     {late, codes.DeadlineExceeded, &shared.Timeout{}},
		"large":    {large, codes.InvalidArgument, &shared.MaximumAppendSizeExceeded{}},
		"nothing":  {noOptions, codes.InvalidArgument, &shared.BadRequest{}},
		"no type":  {noType, codes.InvalidArgument, &shared.BadRequest{}},
		"no place": {noExpectation, codes.InvalidArgument, &shared.BadRequest{}},
		"no name":  {batch("", 1, true), codes.InvalidArgument, &shared.BadRequest{}},
	} {
		a := ask(test.chunk)
		if codes.Code(a.GetError().GetCode()) != test.code || len(a.GetError().GetDetails()) != 1 || !a.GetError().GetDetails()[0].MessageIs(test.want) {
			t.Errorf("%s: %v", name, a)
		}
	}
	wrong.CorrelationId = stringID()
	detail, err := ask(wrong).GetError().GetDetails()[0].UnmarshalNew()
	if w, ok := detail.(*shared.WrongExpectedVersion); err != nil || !ok || w.GetCurrentStreamRevision() != 5 || w.GetExpectedNoStream() == nil {
		t.Errorf("detail %v %v", detail, err)
	}
	if err := call.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := call.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the call ended with %v", err)
	}
}

// Q4: batches of one stream keep their order though nobody waits for answers.
func TestBatchesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	k := start(t)
	call, err := k.raw().BatchAppend(k.ctx)
	if err != nil {
		t.Fatal(err)
	}
	const batches = 300
	go func() {
		for i := range batches {
			b := batch(fmt.Sprintf("order-%d", i%3), 1, true)
			b.ProposedMessages[0].Data = fmt.Appendf(nil, `%d`, i)
			if call.Send(b) != nil {
				return
			}
		}
		_ = call.CloseSend()
	}()
	for i := range batches {
		if a, err := call.Recv(); err != nil || a.GetSuccess() == nil {
			t.Fatalf("answer %d: %v %v", i, a, err)
		}
	}
	for s := range 3 {
		want := s
		for r, err := range k.store.Stream(k.ctx, fmt.Sprintf("order-%d", s), 0, false) {
			if err != nil || string(r.Data) != fmt.Sprint(want) {
				t.Fatalf("order-%d@%d holds %s, want %d (%v)", s, r.Revision, r.Data, want, err)
			}
			want += 3
		}
	}
}

// Q4, invariant 12: batches that are begun and never ended have a bound.
func TestBatchesHaveABound(t *testing.T) {
	t.Parallel()
	k := start(t)
	call, err := k.raw().BatchAppend(k.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if call.Send(batch("order-1", 1, false)) != nil {
			break
		}
	}
	if _, err := call.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("ended with %v", err)
	}
}

// Q4: bad reads are refused with what is wrong with them.
func TestBadReads(t *testing.T) {
	t.Parallel()
	k := start(t)
	k.append(k.client(), "order-1", 1)
	raw := k.raw()
	expression := func(e *streams.ReadReq_Options_FilterOptions_Expression) *streams.ReadReq_Options_Filter {
		return &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_EventType{EventType: e},
		}}
	}
	for name, change := range map[string]func(*streams.ReadReq_Options){
		"no stream": func(o *streams.ReadReq_Options) { o.StreamOption = nil },
		"no place":  func(o *streams.ReadReq_Options) { o.GetAll().AllOption = nil },
		"no count":  func(o *streams.ReadReq_Options) { o.CountOption = nil },
		"no filter": func(o *streams.ReadReq_Options) { o.FilterOption = nil },
		"empty name": func(o *streams.ReadReq_Options) {
			o.StreamOption = &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{}}
		},
		"no revision": func(o *streams.ReadReq_Options) {
			o.StreamOption = &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("order-1")}}}
		},
		"a backward subscription": func(o *streams.ReadReq_Options) {
			o.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
			o.ReadDirection = streams.ReadReq_Options_Backwards
		},
		"an empty filter": func(o *streams.ReadReq_Options) { o.FilterOption = expression(nil) },
		"no expression": func(o *streams.ReadReq_Options) {
			o.FilterOption = expression(&streams.ReadReq_Options_FilterOptions_Expression{Regex: "("})
		},
		"an endless expression": func(o *streams.ReadReq_Options) {
			o.FilterOption = expression(&streams.ReadReq_Options_FilterOptions_Expression{Regex: "(?!x)(((.*)*)*)*(((.*)*)*)*(((.*)*)*)*y$"})
		},
		"a long expression": func(o *streams.ReadReq_Options) {
			o.FilterOption = expression(&streams.ReadReq_Options_FilterOptions_Expression{Regex: strings.Repeat("x", 1<<17)})
		},
	} {
		req := readAll(10)
		change(req.Options)
		if got, err := k.read(raw, req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	if got, err := k.read(raw, readAll(10)); err != nil || len(got) != 1 || got[0].GetEvent().GetEvent().GetId().GetString_() == "" {
		t.Errorf("a good one: %v %v", got, err)
	}
	if _, err := k.read(raw, &streams.ReadReq{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an empty request: %v", err)
	}
}

// Q4: bad appends are refused with what is wrong with them and write nothing.
func TestBadAppends(t *testing.T) {
	t.Parallel()
	k := start(t)
	raw := k.raw()
	options := func() *streams.AppendReq {
		return &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: &streams.AppendReq_Options{
			StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte("order-1")},
			ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}},
		}}}
	}
	message := func(change func(*streams.AppendReq_ProposedMessage)) *streams.AppendReq {
		m := &streams.AppendReq_ProposedMessage{Id: stringID(), Metadata: system("thing"), Data: []byte("{}")}
		change(m)
		return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: m}}
	}
	named := func(stream string) *streams.AppendReq {
		o := options()
		o.GetOptions().StreamIdentifier.StreamName = []byte(stream)
		return o
	}
	unexpecting := options()
	unexpecting.GetOptions().ExpectedStreamRevision = nil
	good := message(func(*streams.AppendReq_ProposedMessage) {})
	for name, messages := range map[string][]*streams.AppendReq{
		"nothing":          {},
		"no options":       {good},
		"options twice":    {options(), options()},
		"no expectation":   {unexpecting, good},
		"no name":          {named(""), good},
		"no category":      {named("-x"), good},
		"long name":        {named(strings.Repeat("x", 5000)), good},
		"double metadata":  {named("$$$$x"), good},
		"metadata of none": {named("$$"), good},
		"no id":            {options(), message(func(m *streams.AppendReq_ProposedMessage) { m.Id = nil })},
		"nil id": {options(), message(func(m *streams.AppendReq_ProposedMessage) {
			m.Id = &shared.UUID{Value: &shared.UUID_String_{String_: uuid.Nil.String()}}
		})},
		"bad id": {options(), message(func(m *streams.AppendReq_ProposedMessage) {
			m.Id = &shared.UUID{Value: &shared.UUID_String_{String_: "x"}}
		})},
		"no type":         {options(), message(func(m *streams.AppendReq_ProposedMessage) { delete(m.Metadata, "type") })},
		"no content type": {options(), message(func(m *streams.AppendReq_ProposedMessage) { delete(m.Metadata, "content-type") })},
		"a tombstone":     {options(), message(func(m *streams.AppendReq_ProposedMessage) { m.Metadata["type"] = "$streamDeleted" })},
		"too large":       {options(), message(func(m *streams.AppendReq_ProposedMessage) { m.CustomMetadata = make([]byte, 600<<10) })},
	} {
		call, err := raw.Append(k.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			if call.Send(m) != nil {
				break // refused before its end
			}
		}
		if answer, err := call.CloseAndRecv(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v %v", name, answer, err)
		}
	}
	if head, err := k.store.Head(k.ctx); err != nil || head != 0 {
		t.Errorf("bad appends wrote %d events, %v", head, err)
	}
}

// Q4: what there is, is told; what is not, is unimplemented; a client that
// discovers its node finds it.
func TestFeaturesAndGossip(t *testing.T) {
	t.Parallel()
	k := start(t)
	features, err := serverfeatures.NewServerFeaturesClient(k.conn()).GetSupportedMethods(k.ctx, &shared.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, m := range features.GetMethods() {
		found = found || m.GetServiceName() == "event_store.client.streams.streams" && m.GetMethodName() == "batchappend"
	}
	if !found || strings.Count(features.GetEventStoreServerVersion(), ".") != 2 {
		t.Errorf("%v", features)
	}
	info, err := gossip.NewGossipClient(k.conn()).Read(k.ctx, &shared.Empty{})
	if err != nil || len(info.GetMembers()) != 1 {
		t.Fatalf("%v %v", info, err)
	}
	m := info.GetMembers()[0]
	if at := net.JoinHostPort(m.GetHttpEndPoint().GetAddress(), fmt.Sprint(m.GetHttpEndPoint().GetPort())); at != k.address || !m.GetIsAlive() {
		t.Errorf("gossip names %s, want %s", at, k.address)
	}
	config, err := esdb.ParseConnectionString("esdb+discover://" + k.address + "?tls=false")
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	k.append(c, "order-1", 1)
	err = c.CreatePersistentSubscription(k.ctx, "order-1", "group", esdb.PersistentStreamSubscriptionOptions{})
	k.code(err, esdb.ErrorCodeUnsupportedFeature)
	read, err := persistent.NewPersistentSubscriptionsClient(k.conn()).Read(k.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read.Recv(); status.Code(err) != codes.Unimplemented {
		t.Errorf("a persistent subscription ends with %v", err)
	}
}
