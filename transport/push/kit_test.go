package push

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/memory"
	"github.com/parleyhq/parley/infra/pebble"
)

// patience is how long a starved machine may take for one step.
const patience = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// oneKey seals everything with the same key.
type oneKey struct{ aead cipher.AEAD }

func newOneKey(t testing.TB) oneKey {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return oneKey{aead}
}

func (k oneKey) SealingKey(context.Context, event.Owner) (string, cipher.AEAD, error) {
	return "k", k.aead, nil
}

func (k oneKey) OpeningKey(context.Context, string) (cipher.AEAD, error) { return k.aead, nil }

// world is a log with commands on it, and what stands for the rest of the
// program: sessions, tables, pictures. Nodes of it come and go.
type world struct {
	t     testing.TB
	store event.Store
	codec *event.Codec
	cmds  *commands.Commands
	epoch uuid.UUID
	fake  *fake
	deps  func(*Deps) // nil, or what its nodes have besides
}

// fake is sessions and tables as a test sets them.
type fake struct {
	mu        sync.Mutex
	tokens    map[string]commands.Actor
	over      map[uuid.UUID]bool // sessions
	hidden    map[uuid.UUID]bool // posts and boards
	authors   map[uuid.UUID]uuid.UUID
	blocks    map[uuid.UUID][]uuid.UUID
	follows   map[uuid.UUID]Follows
	awaitFail bool
	reached   uint64 // by the tables; 0: everything
}

func newWorld(t testing.TB) *world {
	t.Helper()
	log, err := pebble.Open("log", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: log, codec: event.NewCodec(catalogue, newOneKey(t)), epoch: uuid.Must(uuid.NewV7())}
	w.fake = &fake{
		tokens: map[string]commands.Actor{}, over: map[uuid.UUID]bool{}, hidden: map[uuid.UUID]bool{},
		authors: map[uuid.UUID]uuid.UUID{}, blocks: map[uuid.UUID][]uuid.UUID{}, follows: map[uuid.UUID]Follows{},
	}
	w.cmds, err = commands.New(commands.Defaults(), commands.Deps{Store: log, Codec: w.codec, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.cmds.Run(ctx)
	}()
	t.Cleanup(func() {
		w.cmds.Close(context.Background())
		stop()
		<-done
	})
	return w
}

func (f *fake) Authenticate(_ context.Context, token string) (commands.Actor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.tokens[token]
	if !ok {
		return a, commands.ErrTokenInvalid
	}
	if f.over[a.Session] {
		return a, commands.ErrTokenRevoked
	}
	return a, nil
}

func (f *fake) CheckSession(_ context.Context, a commands.Actor) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over[a.Session] {
		return commands.ErrTokenRevoked
	}
	return nil
}

func (f *fake) Await(ctx context.Context, position uint64) error {
	f.mu.Lock()
	fail, late := f.awaitFail, f.reached > 0 && position > f.reached
	f.mu.Unlock()
	if late {
		<-ctx.Done()
	}
	if fail {
		return errors.New("the tables are away")
	}
	return ctx.Err()
}

func (f *fake) Post(_ context.Context, _, post uuid.UUID) (uuid.UUID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hidden[post] {
		return uuid.Nil, fault.ErrNotFound
	}
	return f.authors[post], nil
}

func (f *fake) Board(_ context.Context, _, board uuid.UUID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hidden[board] {
		return fault.ErrNotFound
	}
	return nil
}

func (f *fake) Blocks(_ context.Context, viewer uuid.UUID) (_, _ []uuid.UUID, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.blocks[viewer], nil, nil
}

func (f *fake) Follows(_ context.Context, viewer uuid.UUID) (Follows, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.follows[viewer], nil
}

func (f *fake) Summary(_ context.Context, id uuid.UUID) (any, error) {
	return map[string]any{"id": id, "handle": "h_" + id.String()[30:], "displayName": "Someone", "avatar": nil}, nil
}

func (f *fake) Images(_ context.Context, ids []uuid.UUID, _ bool) ([]any, error) {
	all := make([]any, len(ids))
	for i, id := range ids {
		all[i] = map[string]any{"id": id, "url": "/i/" + id.String(), "thumbnails": []any{}}
	}
	return all, nil
}

// node is one server on a world.
type node struct {
	*Server
	w       *world
	tickets *Tickets
	http    *httptest.Server
	stop    func()
}

// node starts a server; it stops with the test, or before by stop.
func (w *world) node(adjust func(*Config)) *node {
	w.t.Helper()
	cfg := Defaults()
	cfg.Rate, cfg.PositionWait = 100_000, patience
	// No test meets these by chance.
	cfg.SignIn, cfg.Ping, cfg.Pong, cfg.Write, cfg.Shutdown = patience, time.Hour, patience, patience, patience
	if adjust != nil {
		adjust(&cfg)
	}
	n := &node{w: w, tickets: NewTickets(time.Minute, memory.NewEphemeral(1000, cfg.Now))}
	deps := Deps{
		Store: w.store, Codec: w.codec, Positions: event.NewPositions(w.epoch), Tickets: n.tickets,
		Sessions: w.fake, Resources: w.fake, Rooms: w.cmds, Inboxes: w.cmds, Posts: w.cmds, Forum: w.fake,
		HTML: func(s string) string { return "<p>" + s + "</p>" },
		Log:  slog.New(slog.NewTextHandler(testWriter{w.t}, nil)),
		Refuse: func(rw http.ResponseWriter, _ *http.Request, err error) {
			status := map[fault.Kind]int{fault.Forbidden: 403, fault.Malformed: 400, fault.Unavailable: 503}[fault.As(err).Kind]
			http.Error(rw, fault.As(err).Slug, status)
		},
	}
	if w.deps != nil {
		w.deps(&deps)
	}
	n.Server = New(cfg, deps)
	n.http = httptest.NewServer(n.Server)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the server ended: %v", err)
		}
		n.http.Close()
	})
	w.t.Cleanup(n.stop)
	w.eventually("the node to serve", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.phase == serving
	})
	return n
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", b)
	return len(b), nil
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// append writes an event of ours straight into the log.
func (w *world) append(stream string, data event.Data) event.Result {
	w.t.Helper()
	id := newID()
	typ, raw, err := w.codec.Encode(context.Background(), stream, id, data)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := w.store.Append(context.Background(), stream, event.Any, []event.Event{{
		ID: id, Type: typ, Time: time.Now().UTC().Truncate(time.Millisecond), ContentType: event.ContentJSON, Data: raw, Metadata: []byte("{}"),
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// room makes a group; its creation is number 1.
func (w *world) room(history bool, members ...uuid.UUID) uuid.UUID {
	w.t.Helper()
	room := newID()
	w.append(chat.Stream(room), chat.RoomCreated{Kind: chat.Group, By: members[0], Name: "room", Members: members, History: history})
	return room
}

func (w *world) sends(by, room uuid.UUID, text string) uint64 {
	w.t.Helper()
	m, err := w.cmds.SendMessage(context.Background(), commands.Actor{Account: by}, commands.SendMessage{Room: room, Text: text})
	if err != nil {
		w.t.Fatal(err)
	}
	return m.Number
}

func actor() commands.Actor {
	return commands.Actor{Account: newID(), Session: newID(), Expires: time.Now().Add(time.Hour)}
}

// frame is any frame of the server.
type frame struct {
	Hello     *greeting
	Re        *string
	OK        *bool
	Error     string
	Message   string
	Topic     string
	N         uint64
	Number    uint64
	Recovered *bool
	Position  string
	Type      string
	Data      map[string]any
	Reset     bool
	From      uint64
	Ended     bool
	raw       string
}

func (f frame) refused(slug string) bool { return f.OK != nil && !*f.OK && f.Error == slug }

// client is one socket of a test, read by the test itself.
type client struct {
	t     testing.TB
	ws    *websocket.Conn
	asked int
	early []frame
	epoch string
}

// dial opens a socket and reads its hello.
func (n *node) dial(a commands.Actor) *client {
	n.w.t.Helper()
	c := n.open(a)
	if f := c.next(); f.Hello == nil || f.Hello.Session != a.Session.String() {
		n.w.t.Fatalf("no hello: %s", f.raw)
	} else {
		c.epoch = f.Hello.Epoch
	}
	return c
}

func (n *node) open(a commands.Actor) *client {
	n.w.t.Helper()
	word, _, err := n.tickets.Issue(context.Background(), a)
	if err != nil {
		n.w.t.Fatal(err)
	}
	c, _, err := n.handshake(http.Header{"Sec-Websocket-Protocol": {Subprotocol + ", ticket." + word}}, "")
	if err != nil {
		n.w.t.Fatal(err)
	}
	return c
}

func (n *node) handshake(h http.Header, query string) (*client, *http.Response, error) {
	ws, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(n.http.URL, "http")+"/v1/push"+query, h)
	if err != nil {
		return nil, res, err
	}
	n.w.t.Cleanup(func() { _ = ws.Close() })
	return &client{t: n.w.t, ws: ws}, res, nil
}

// narrow keeps what the kernel holds for a client small, so that one who does
// not read is soon known for it.
func (c *client) narrow() {
	c.t.Helper()
	if err := c.ws.NetConn().(*net.TCPConn).SetReadBuffer(4096); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() (frame, error) {
	_ = c.ws.SetReadDeadline(time.Now().Add(patience))
	_, raw, err := c.ws.ReadMessage()
	f := frame{raw: string(raw)}
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	return f, err
}

func (c *client) next() frame {
	c.t.Helper()
	if len(c.early) > 0 {
		f := c.early[0]
		c.early = c.early[1:]
		return f
	}
	f, err := c.read()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return f
}

func (c *client) write(s string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(s)); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// ask sends a command and waits for its answer.
func (c *client) ask(do string, fields map[string]any) frame {
	c.t.Helper()
	c.asked++
	id := fmt.Sprint(c.asked)
	m := map[string]any{"id": id, "do": do}
	for k, v := range fields {
		m[k] = v
	}
	raw, _ := json.Marshal(m)
	c.write(string(raw))
	for {
		f, err := c.read()
		if err != nil {
			c.t.Fatalf("%s: %v", raw, err)
		}
		if f.Re != nil && *f.Re == id {
			return f
		}
		c.early = append(c.early, f)
	}
}

func (c *client) subscribe(topic string, fields map[string]any) frame {
	c.t.Helper()
	m := map[string]any{"topic": topic}
	for k, v := range fields {
		m[k] = v
	}
	f := c.ask("subscribe", m)
	if f.OK == nil || !*f.OK {
		c.t.Fatalf("subscribe %s: %s", topic, f.raw)
	}
	return f
}

// code reads until the server closes.
func (c *client) code() CloseCode {
	c.t.Helper()
	for {
		_, err := c.read()
		var ce *websocket.CloseError
		if errors.As(err, &ce) {
			return CloseCode(ce.Code)
		}
		if err != nil {
			c.t.Fatalf("no close frame: %v", err)
		}
	}
}
