package eventgrpc_test

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Q4: a read is answered when its request has ended, not before: clients that
// are told to stop talking take the answer for lost.
func TestReadWaitsForItsEnd(t *testing.T) {
	t.Parallel()
	k := start(t)
	read := &streams.ReadReq{Options: &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}},
		}},
		CountOption:  &streams.ReadReq_Options_Count{Count: 1},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
	}}
	call, err := k.conn().NewStream(k.ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, streams.Streams_Read_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := call.SendMsg(read); err != nil {
			t.Fatal(err)
		}
	}
	if err := call.RecvMsg(&streams.ReadResp{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a request of two messages: %v", err)
	}
}
