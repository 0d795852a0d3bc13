package eventstore

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

const (
	maxMessage = 17 << 20 // bytes of one message, as the server sends them
	window     = 4 << 20  // bytes on their way to us, for each call and for the connection
)

// connection is a connection to one node.
type connection struct{ *grpc.ClientConn }

// link is the connection of a Store. One to a single server is kept and mends
// itself; one to a cluster is made anew when its node is no longer the leader.
type link struct {
	name    string // for messages: without credentials
	config  *esdb.Configuration
	options []grpc.DialOption
	gossip  time.Duration // how long one node is asked for the cluster

	turn    chan struct{} // holds one token: whoever has it may touch the rest
	current *connection   // nil: to be made
	closed  bool
}

func newLink(opts Options) (*link, error) {
	config, err := esdb.ParseConnectionString(opts.URL)
	if err != nil {
		return nil, fmt.Errorf("the URL of the event store: %w", hideURL(err))
	}
	config.Logger = esdb.NoopLogging()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("the URL of the event store: %w", err)
	}
	l := &link{config: config, name: config.Address, turn: make(chan struct{}, 1), gossip: time.Duration(config.GossipTimeout) * time.Second}
	for _, seed := range config.GossipSeeds {
		if l.name != "" {
			l.name += ","
		}
		l.name += seed.String()
	}
	if l.options, err = dialOptions(config, opts); err != nil {
		return nil, err
	}
	l.turn <- struct{}{}
	return l, nil
}

// hideURL keeps the URL, which may hold a password, out of an error.
func hideURL(err error) error {
	var parse interface{ Unwrap() error }
	if errors.As(err, &parse) {
		return parse.Unwrap()
	}
	return err
}

func dialOptions(config *esdb.Configuration, opts Options) ([]grpc.DialOption, error) {
	options := []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: opts.BackoffMin, Multiplier: 2, Jitter: 0.2, MaxDelay: opts.BackoffMax},
			MinConnectTimeout: opts.ConnectTimeout,
		}),
	}
	if config.KeepAliveInterval >= 0 {
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: config.KeepAliveInterval, Timeout: config.KeepAliveTimeout, PermitWithoutStream: true,
		}))
	}
	if config.DisableTLS {
		return append(options, grpc.WithTransportCredentials(insecure.NewCredentials())), nil
	}
	settings := &tls.Config{InsecureSkipVerify: config.SkipCertificateVerification, RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12}
	if config.UserCertFile != "" {
		certificate, err := tls.LoadX509KeyPair(config.UserCertFile, config.UserKeyFile)
		if err != nil {
			return nil, fmt.Errorf("the client certificate for the event store: %w", err)
		}
		settings.Certificates = []tls.Certificate{certificate}
	}
	options = append(options, grpc.WithTransportCredentials(credentials.NewTLS(settings)))
	if config.Username != "" {
		options = append(options, grpc.WithPerRPCCredentials(basic(config.Username+":"+config.Password)))
	}
	return options, nil
}

// basic are a name and a password for each call. As in the official clients
// they are sent over TLS alone.
type basic string

func (b basic) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(b))}, nil
}

func (basic) RequireTransportSecurity() bool { return true }

// get is the connection, made if there is none.
func (l *link) get(ctx context.Context) (*connection, error) {
	select {
	case <-l.turn:
		defer func() { l.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l.closed {
		return nil, errClosing
	}
	if l.current != nil {
		return l.current, nil
	}
	address := l.config.Address
	if l.cluster() {
		var err error
		if address, err = l.leader(ctx); err != nil {
			return nil, err
		}
	}
	conn, err := grpc.NewClient(address, l.options...)
	if err != nil {
		return nil, err
	}
	l.current = &connection{conn}
	return l.current, nil
}

var errClosing = errors.New("the connection is closed")

func (l *link) cluster() bool { return l.config.DnsDiscover || len(l.config.GossipSeeds) > 0 }

// lost is told of the failures of calls: a cluster may have another leader.
func (l *link) lost(c *connection, err error) {
	if !l.cluster() || c == nil || !(errors.Is(err, errNotLeader) || status.Code(err) == codes.Unavailable) {
		return
	}
	<-l.turn
	defer func() { l.turn <- struct{}{} }()
	if l.current == c {
		l.current = nil
		_ = c.Close()
	}
}

// leader asks the nodes that are known, in any order, who leads.
func (l *link) leader(ctx context.Context) (string, error) {
	seeds := []string{l.config.Address}
	if len(l.config.GossipSeeds) > 0 {
		seeds = seeds[:0]
		for _, s := range l.config.GossipSeeds {
			seeds = append(seeds, s.String())
		}
	}
	rand.Shuffle(len(seeds), func(i, j int) { seeds[i], seeds[j] = seeds[j], seeds[i] })
	var errs []error
	for _, seed := range seeds {
		address, err := l.ask(ctx, seed)
		if err == nil {
			return address, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", seed, err))
	}
	return "", status.Error(codes.Unavailable, errors.Join(errs...).Error())
}

func (l *link) ask(ctx context.Context, seed string) (string, error) {
	conn, err := grpc.NewClient(seed, l.options...)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, l.gossip)
	defer cancel()
	info, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{})
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(info.GetMembers(), func(m *gossip.MemberInfo) bool {
		return m.GetIsAlive() && m.GetState() == gossip.MemberInfo_Leader
	})
	if at < 0 {
		return "", errors.New("the cluster has no leader")
	}
	end := info.GetMembers()[at].GetHttpEndPoint()
	return net.JoinHostPort(end.GetAddress(), strconv.FormatUint(uint64(end.GetPort()), 10)), nil
}

// check makes sure that the server takes batches. Errors: one that does not.
func (l *link) check(ctx context.Context) error {
	c, err := l.get(ctx)
	if err != nil {
		return err
	}
	features, err := serverfeatures.NewServerFeaturesClient(c).GetSupportedMethods(ctx, &shared.Empty{})
	if err != nil {
		l.lost(c, err)
		return err
	}
	for _, m := range features.GetMethods() {
		if m.GetServiceName() == "event_store.client.streams.streams" && m.GetMethodName() == "batchappend" {
			return nil
		}
	}
	return fmt.Errorf("version %s does not take batches; 22.10 is the first that does all that is needed", features.GetEventStoreServerVersion())
}

func (l *link) close() error {
	<-l.turn
	defer func() { l.turn <- struct{}{} }()
	l.closed = true
	if l.current == nil {
		return nil
	}
	err := l.current.Close()
	l.current = nil
	return err
}
