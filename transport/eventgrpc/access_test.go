package eventgrpc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math"
	"math/big"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/transport/eventgrpc"
)

// door is a server that wants keys: by the name of a user, the scopes of the
// key, whose text is "key of <user>".
type door struct {
	*kit
	roots *x509.CertPool

	mu    sync.Mutex
	keys  map[string][]string
	error error // instead of any answer
}

// authenticate answers as commands does.
func (d *door) authenticate(_ context.Context, user, password string) (commands.Actor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	scopes, known := d.keys[user]
	switch {
	case d.error != nil:
		return commands.Actor{}, d.error
	case !known || password != "key of "+user:
		return commands.Actor{}, commands.ErrKeyInvalid
	case scopes == nil:
		return commands.Actor{}, commands.ErrKeyRevoked
	}
	return commands.Actor{Scopes: scopes}, nil
}

// set gives a user's key other scopes; nil: it is revoked.
func (d *door) set(user string, scopes []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[user], d.error = scopes, err
}

func startDoor(t *testing.T) *door {
	t.Helper()
	certificate := selfSigned(t)
	d := &door{roots: x509.NewCertPool(), keys: map[string][]string{
		"both": {apikey.EventsRead, apikey.EventsWrite}, "reader": {apikey.EventsRead}, "writer": {apikey.EventsWrite},
		"other": {apikey.EventsPersonal, apikey.Moderation, apikey.Admin}, "revoked": nil,
	}}
	d.roots.AddCert(certificate.Leaf)
	d.kit = startOn(t, t.TempDir(), time.Now, func(cfg *eventgrpc.Config) {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		cfg.Authenticate, cfg.Recheck = d.authenticate, 5*time.Millisecond
	})
	return d
}

// selfSigned is a certificate for 127.0.0.1.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// as is an official client that comes with a user's name and a password.
func (d *door) as(user, password string) *esdb.Client {
	d.Helper()
	config, err := esdb.ParseConnectionString("esdb://" + url.UserPassword(user, password).String() + "@" + d.address)
	if err != nil {
		d.Fatal(err)
	}
	return d.connect(config)
}

func (d *door) connect(config *esdb.Configuration) *esdb.Client {
	d.Helper()
	config.RootCAs, config.Logger = d.roots, esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = c.Close() })
	return c
}

// everything asks for everything once, and gives the error of each. Streams
// that it writes are the caller's own.
func (d *door) everything(c *esdb.Client, own string) map[string]error {
	opts := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}
	_, read := d.drain(c.ReadStream(d.ctx, "order-1", esdb.ReadStreamOptions{}, math.MaxUint64))
	_, all := d.drain(c.ReadAll(d.ctx, esdb.ReadAllOptions{}, 10))
	_, appended := c.AppendToStream(d.ctx, "order-"+own, opts, proposed(1)...)
	_, meta := c.SetStreamMetadata(d.ctx, "order-"+own, opts, esdb.StreamMetadata{})
	_, deleted := c.DeleteStream(d.ctx, "order-"+own, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
	_, gone := c.TombstoneStream(d.ctx, "bill-"+own, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	sub, subscribed := c.SubscribeToAll(d.ctx, esdb.SubscribeToAllOptions{From: esdb.Start{}})
	if subscribed == nil {
		_ = sub.Close()
	}
	return map[string]error{
		"read": read, "read all": all, "subscribe": subscribed,
		"append": appended, "metadata": meta, "delete": deleted, "tombstone": gone,
	}
}

func writes(call string) bool {
	return call == "append" || call == "metadata" || call == "delete" || call == "tombstone"
}

// Q4: beyond loopback a key reads with events:read and writes with
// events:write; official clients are told what they lack in their own words.
func TestKeys(t *testing.T) {
	t.Parallel()
	d := startDoor(t)
	d.append(d.as("both", "key of both"), "order-1", 3)
	for _, test := range []struct {
		user, password string
		read, write    esdb.ErrorCode // -1: done
	}{
		{"both", "key of both", -1, -1},
		{"reader", "key of reader", -1, esdb.ErrorCodeAccessDenied},
		{"writer", "key of writer", esdb.ErrorCodeAccessDenied, -1},
		{"other", "key of other", esdb.ErrorCodeAccessDenied, esdb.ErrorCodeAccessDenied},
		{"both", "key of reader", esdb.ErrorCodeUnauthenticated, esdb.ErrorCodeUnauthenticated},
		{"nobody", "key of nobody", esdb.ErrorCodeUnauthenticated, esdb.ErrorCodeUnauthenticated},
		{"revoked", "key of revoked", esdb.ErrorCodeUnauthenticated, esdb.ErrorCodeUnauthenticated},
	} {
		for call, err := range d.everything(d.as(test.user, test.password), test.user) {
			want := test.read
			if writes(call) {
				want = test.write
			}
			if want >= 0 {
				d.code(err, want)
			} else if err != nil {
				t.Errorf("%s may %s: %v", test.user, call, err)
			}
		}
	}
	config, err := esdb.ParseConnectionString("esdb://" + d.address)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range d.everything(d.connect(config), "none") {
		d.code(err, esdb.ErrorCodeUnauthenticated)
	}
}

// raw is the protocol over TLS, with whatever authorization a caller sends.
func (d *door) raw(authorization ...string) (streams.StreamsClient, *grpc.ClientConn, context.Context) {
	d.Helper()
	conn, err := grpc.NewClient(d.address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: d.roots, MinVersion: tls.VersionTLS12})))
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = conn.Close() })
	ctx := d.ctx
	for _, a := range authorization {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", a)
	}
	return streams.NewStreamsClient(conn), conn, ctx
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Q4: what is no name and password is nobody's, however it is sent; nothing is
// taken for another's.
func TestMalformedCredentials(t *testing.T) {
	t.Parallel()
	d := startDoor(t)
	good := basic("both", "key of both")
	for _, sent := range [][]string{
		nil, {""}, {"Basic"}, {"Basic !"}, {"Bearer key of both"}, {good[len("Basic "):]}, {"Basic " + base64.StdEncoding.EncodeToString([]byte("both"))},
		{good, good}, {basic("", "")}, {basic("both", "")}, {basic("both:key of both", "")},
	} {
		client, _, ctx := d.raw(sent...)
		_, err := client.Delete(ctx, &streams.DeleteReq{})
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%q: %v", sent, err)
		}
	}
	client, _, ctx := d.raw("basic" + good[len("Basic"):])
	if _, err := client.Delete(ctx, &streams.DeleteReq{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("the scheme has any case: %v", err)
	}
}

// Q4: a refusal for want of a scope carries the trailer by which clients know
// it; what clients ask before they have a key is open.
func TestRefusedTrailersAndOpenServices(t *testing.T) {
	t.Parallel()
	d := startDoor(t)
	client, _, ctx := d.raw(basic("reader", "key of reader"))
	var trailer metadata.MD
	_, err := client.Tombstone(ctx, &streams.TombstoneReq{}, grpc.Trailer(&trailer))
	if got := trailer.Get("exception"); status.Code(err) != codes.PermissionDenied || len(got) != 1 || got[0] != "access-denied" {
		t.Errorf("%v %v", err, trailer)
	}
	_, conn, ctx := d.raw()
	info, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{})
	if err != nil || len(info.GetMembers()) != 1 {
		t.Errorf("%v %v", info, err)
	}
}

// Q4: a subscription and a batch that wait end soon after their key is revoked,
// or loses the scope; so does a call when nobody can be asked.
func TestRevokedInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scopes []string
		err    error
		code   codes.Code
	}{
		"revoked":     {nil, nil, codes.Unauthenticated},
		"other scope": {[]string{apikey.Admin}, nil, codes.PermissionDenied},
		"nobody asks": {apikey.Scopes, fault.ErrUnavailable, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDoor(t)
			official, err := d.as("both", "key of both").SubscribeToAll(d.ctx, esdb.SubscribeToAllOptions{From: esdb.Start{}})
			if err != nil {
				t.Fatal(err)
			}
			client, _, ctx := d.raw(basic("both", "key of both"))
			reading, err := client.Read(ctx, subscribe())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := reading.Recv(); err != nil { // the confirmation
				t.Fatal(err)
			}
			batch, err := client.BatchAppend(ctx)
			if err != nil {
				t.Fatal(err)
			}
			append1, err := client.Append(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := append1.Send(appendTo("order-late")); err != nil {
				t.Fatal(err)
			}
			d.set("both", test.scopes, test.err)
			for err == nil {
				_, err = reading.Recv()
			}
			if status.Code(err) != test.code {
				t.Errorf("the subscription ended with %v", err)
			}
			if _, err := batch.Recv(); status.Code(err) != test.code {
				t.Errorf("the batches ended with %v", err)
			}
			for dropped := false; !dropped; {
				dropped = official.Recv().SubscriptionDropped != nil
			}
			if _, err := append1.CloseAndRecv(); status.Code(err) != test.code {
				t.Errorf("the append that was under way ended with %v", err)
			}
			for _, err := range d.store.Stream(d.ctx, "order-late", 0, event.Forward) {
				t.Errorf("it was appended: %v", err)
			}
		})
	}
}

// subscribe asks for everything, for ever.
func subscribe() *streams.ReadReq {
	return &streams.ReadReq{Options: &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}},
		}},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		CountOption:  &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}},
	}}
}

// appendTo begins an append to a stream.
func appendTo(stream string) *streams.AppendReq {
	return &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: &streams.AppendReq_Options{
		StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
		ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}},
	}}}
}

// Q4: without TLS, or without trust in the certificate, nobody gets in; and
// keys over a connection in the clear are a mistake that is found at start.
func TestKeysNeedTLS(t *testing.T) {
	t.Parallel()
	d := startDoor(t)
	if _, err := d.kit.raw().Delete(d.ctx, &streams.DeleteReq{}); status.Code(err) != codes.Unavailable {
		t.Errorf("in the clear: %v", err)
	}
	conn, err := grpc.NewClient(d.address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := streams.NewStreamsClient(conn).Delete(d.ctx, &streams.DeleteReq{}); status.Code(err) != codes.Unavailable {
		t.Errorf("an unknown certificate: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("keys in the clear are taken")
		}
	}()
	eventgrpc.New(eventgrpc.Config{Store: d.store, Authenticate: d.authenticate})
}
