package eventgrpc

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
)

// protocolVersion is the release of EventStoreDB whose protocol is spoken;
// clients read three numbers from it.
const protocolVersion = "24.2.0"

// node answers what clients ask before they ask for streams.
type node struct {
	serverfeatures.UnimplementedServerFeaturesServer
	gossip.UnimplementedGossipServer
	instance uuid.UUID
	now      func() time.Time
}

// GetSupportedMethods lists what there is; clients look names up in lower case.
func (n *node) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	m := &serverfeatures.SupportedMethods{EventStoreServerVersion: protocolVersion}
	for _, s := range []struct {
		name    string
		methods []string
	}{
		{"event_store.client.streams.streams", []string{"append", "batchappend", "delete", "read", "tombstone"}},
		{"event_store.client.server_features.serverfeatures", []string{"getsupportedmethods"}},
		{"event_store.client.gossip.gossip", []string{"read"}},
	} {
		for _, method := range s.methods {
			m.Methods = append(m.Methods, &serverfeatures.SupportedMethod{ServiceName: s.name, MethodName: method})
		}
	}
	return m, nil
}

// Read is the gossip of a cluster of one: the node that the caller reached,
// under the address that it reached.
func (n *node) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	p, ok := peer.FromContext(ctx)
	if !ok || p.LocalAddr == nil {
		return nil, &refusal{code: codes.Unavailable, text: "this connection has no address to tell"}
	}
	host, port, err := net.SplitHostPort(p.LocalAddr.String())
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 32)
	if err != nil {
		return nil, err
	}
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		InstanceId:   idMessage(n.instance, false),
		TimeStamp:    n.now().UnixMilli() * 10_000,
		State:        gossip.MemberInfo_Leader,
		IsAlive:      true,
		HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(number)},
	}}}, nil
}
