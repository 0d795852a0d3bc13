package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/session"
	"github.com/parleyhq/parley/infra/memory"
)

// ticket is a new one, as nobody in particular.
func (n *node) ticket() string {
	n.w.t.Helper()
	word, _, err := n.tickets.Issue(context.Background(), actor())
	if err != nil {
		n.w.t.Fatal(err)
	}
	return word
}

func proto(word string) http.Header {
	return http.Header{"Sec-Websocket-Protocol": {Subprotocol + ", ticket." + word}}
}

// N4: what refuses a handshake.
func TestHandshake(t *testing.T) {
	t.Parallel()
	n := newWorld(t).node(func(c *Config) { c.Origins = []string{"https://friend.example"} })
	for origin, status := range map[string]int{
		"": 101, n.http.URL: 101, "https://friend.example": 101, "https://FRIEND.example": 101,
		"https://evil.example": 403, "null": 403, "https://friend.example.evil": 403, "file://": 403, "ftp://" + strings.TrimPrefix(n.http.URL, "http://"): 403,
	} {
		h := proto(n.ticket())
		if origin != "" {
			h.Set("Origin", origin)
		}
		_, res, err := n.handshake(h, "")
		if res == nil || res.StatusCode != status {
			t.Errorf("origin %q: %v %v", origin, res, err)
		}
	}
	for _, h := range []http.Header{nil, {"Sec-Websocket-Protocol": {"ticket." + n.ticket()}}, {"Sec-Websocket-Protocol": {"parley.v2.json"}}} {
		if _, res, _ := n.handshake(h, ""); res == nil || res.StatusCode != 400 {
			t.Errorf("subprotocol %v: %v", h, res)
		}
	}
	res, err := n.http.Client().Get(n.http.URL + "/v1/push")
	if err != nil || res.StatusCode != 400 {
		t.Errorf("no websocket: %v %v", res, err)
	}
	_ = res.Body.Close()
}

// N4: which tickets become a socket that is closed.
func TestTicketOfHandshake(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var clock sync.Mutex
	n := newWorld(t).node(func(c *Config) {
		c.Now = func() time.Time {
			clock.Lock()
			defer clock.Unlock()
			return now
		}
	})
	used := n.ticket()
	if c, _, err := n.handshake(http.Header{"Sec-Websocket-Protocol": {Subprotocol}}, "?ticket="+used); err != nil || c.next().Hello == nil {
		t.Errorf("?ticket=: %v", err)
	}
	old := n.ticket()
	clock.Lock()
	now = now.Add(time.Minute)
	clock.Unlock()
	for name, h := range map[string]http.Header{
		"used": proto(used), "old": proto(old), "made up": proto("x"), "empty": proto(""), "missing": {"Sec-Websocket-Protocol": {Subprotocol}},
	} {
		c, res, err := n.handshake(h, "")
		if err != nil {
			t.Errorf("%s: %v %v", name, res, err)
			continue
		}
		if code := c.code(); code != CloseBadTicket {
			t.Errorf("%s: %d", name, code)
		}
	}
	if c, _, err := n.handshake(http.Header{"Sec-Websocket-Protocol": {Subprotocol}}, "?token=good"); err != nil || c.code() != CloseBadTicket {
		t.Errorf("?token= without the setting: %v", err)
	}
}

// N4: the carriers that a setting allows.
func TestTokenCarriers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	carriers := func(c *Config) { c.QueryTokens, c.FirstMessage = true, true }
	n, hasty := w.node(carriers), w.node(func(c *Config) { carriers(c); c.SignIn = 100 * time.Millisecond })
	who := actor()
	w.fake.tokens["good"] = who
	bare := http.Header{"Sec-Websocket-Protocol": {Subprotocol}}
	on := func(n *node, query string) *client {
		c, _, err := n.handshake(bare, query)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	open := func(query string) *client { return on(n, query) }
	if f := open("?token=good").next(); f.Hello == nil || f.Hello.Session != who.Session.String() {
		t.Errorf("?token=: %s", f.raw)
	}
	if code := open("?token=bad").code(); code != CloseBadTicket {
		t.Errorf("a bad ?token=: %d", code)
	}
	c := open("")
	c.write(`{"id":"1","do":"auth","token":"good"}`)
	if f := c.next(); f.Hello == nil {
		t.Errorf("first message: %s", f.raw)
	}
	if f := c.ask("ping", nil); !*f.OK {
		t.Errorf("after it: %s", f.raw)
	}
	for _, first := range []string{`{"id":"1","do":"auth","token":"bad"}`, `{"id":"1","do":"ping"}`, `[]`} {
		c := open("")
		c.write(first)
		if code := c.code(); code != CloseBadTicket {
			t.Errorf("first message %q: %d", first, code)
		}
	}
	if code := on(hasty, "").code(); code != CloseBadTicket {
		t.Errorf("no first message: %d", code)
	}
}

// N5, N6: every bad frame, and that it hurts nobody.
func TestBadFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	alice := actor()
	room := w.room(true, alice.Account)
	witness := n.dial(alice)
	witness.subscribe("room:"+room.String(), nil)

	s := n.dial(alice)
	for raw, want := range badRequests(room) {
		s.write(raw)
		f := s.next()
		re := "null"
		if f.Re != nil {
			re = *f.Re
		}
		if f.OK == nil || *f.OK || re+" "+f.Error != want || f.Message == "" {
			t.Errorf("%s: %s, want %s", raw, f.raw, want)
		}
	}
	for _, raw := range []string{
		`[]`, `null`, `"x"`, `7`, ``, `{`, `{"id":"1","do":"ping"}{}`, `{"id":"1","do":"ping"} x`, "{\"id\":\"\xff\"}",
		`{"id":"1","do":"` + strings.Repeat("x", 64<<10) + `"}`,
	} {
		s := n.dial(alice)
		s.write(raw)
		if code := s.code(); code != CloseProtocol {
			t.Errorf("%.20q: %d", raw, code)
		}
	}
	unmasked := n.dial(alice)
	if _, err := unmasked.ws.NetConn().Write([]byte{0x81, 0x02, '{', '}'}); err != nil {
		t.Fatal(err)
	}
	if code := unmasked.code(); code != CloseProtocol {
		t.Errorf("unmasked: %d", code)
	}
	fits := `{"id":"1","do":"ping","pad":"` + strings.Repeat("x", 64<<10-31) + `"}`
	if len(fits) != 64<<10 {
		t.Fatal(len(fits))
	}
	s.write(fits)
	if f := s.next(); !*f.OK {
		t.Error(f.raw)
	}
	w.sends(alice.Account, room, "still here")
	if f := witness.next(); f.N != 2 {
		t.Errorf("the witness: %s", f.raw)
	}
}

// badRequests are frames that are objects, with the id and slug of what they
// are answered.
func badRequests(room uuid.UUID) map[string]string {
	return map[string]string{
		`{}`:                      "null request.invalid",
		`{"id":null,"do":"ping"}`: "null request.invalid",
		`{"id":7,"do":"ping"}`:    "null request.invalid",
		`{"id":"","do":"ping"}`:   "null request.invalid",
		`{"do":"ping"}`:           "null request.invalid",
		`{"id":"` + strings.Repeat("x", 129) + `","do":"ping"}`: "null request.invalid",
		`{"id":"1"}`:                                                                           "1 request.unknown",
		`{"id":"1","do":"dance"}`:                                                              "1 request.unknown",
		`{"id":"1","do":7}`:                                                                    "1 request.invalid",
		`{"id":"1","do":"subscribe"}`:                                                          "1 topic.not_found",
		`{"id":"1","do":"subscribe","topic":{}}`:                                               "1 request.invalid",
		`{"id":"1","do":"subscribe","topic":"inbox","after":-1}`:                               "1 request.invalid",
		`{"id":"1","do":"subscribe","topic":"inbox","after":1.5}`:                              "1 request.invalid",
		`{"id":"1","do":"subscribe","topic":"inbox","after":"1"}`:                              "1 request.invalid",
		`{"id":"1","do":"subscribe","topic":"inbox","position":"x"}`:                           "1 position.invalid",
		`{"id":"1","do":"subscribe","topic":"inbox","after":1e99}`:                             "1 request.invalid",
		`{"id":"1","do":"unsubscribe","topic":"no"}`:                                           "1 topic.not_found",
		`{"id":"1","do":"send","text":"x"}`:                                                    "1 request.invalid",
		`{"id":"1","do":"send","room":"x","text":"x"}`:                                         "1 request.invalid",
		`{"id":"1","do":"send","room":"` + newID().String() + `","text":"x"}`:                  "1 not_found",
		`{"id":"1","do":"send","room":"` + room.String() + `","text":""}`:                      "1 request.invalid",
		`{"id":"1","do":"send","room":"` + room.String() + `","text":"a\u0000"}`:               "1 text.invalid",
		`{"id":"1","do":"send","room":"` + room.String() + `","text":"a\ud800"}`:               "1 text.invalid",
		`{"id":"1","do":"send","room":"` + room.String() + `","text":"\ud83d\ud83d\ude00"}`:    "1 text.invalid",
		`{"id":"1","do":"send","room":"` + room.String() + `","text":"x","clientId":"\udc00"}`: "1 text.invalid",
		`{"id":"1","do":"ping","do":"typing"}`:                                                 "1 json.duplicate_key",
		`{"id":"\ud800","do":"ping"}`:                                                          "null request.invalid",
		`{"id":"1","do":"read","topic":"inbox"}`:                                               "1 request.invalid",
		`{"id":"1","do":"typing","room":"` + newID().String() + `"}`:                           "1 not_found",
		`{"id":"1","do":"typing"}`:                                                             "1 request.invalid",
		`{"id":"1","do":"read","topic":"feed","number":1}`:                                     "1 request.invalid",
		`{"id":"1","do":"read","room":"` + newID().String() + `","number":1}`:                  "1 not_found",
		`{"id":"1","do":"auth"}`:                                                               "1 request.invalid",
		`{"id":"1","do":"auth","token":"no"}`:                                                  "1 auth.invalid",
	}
}

// N6: frames over the rate are refused one by one; a flood closes the socket.
func TestRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const rate = 10
	n := w.node(func(c *Config) { c.Rate = rate })
	began := time.Now()
	s := n.dial(actor())
	for i := range 200 {
		s.write(fmt.Sprintf(`{"id":"%d","do":"ping"}`, i))
	}
	refused := 0
	for range 200 {
		if f := s.next(); f.refused("limit.exceeded") && f.Re != nil {
			refused++
		}
	}
	if most := rate * (1 + time.Since(began).Seconds()); refused > 200-rate || float64(200-refused) > most {
		t.Errorf("%d of 200 refused, %.1f may pass", refused, most)
	}
	go func() {
		for s.ws.WriteMessage(websocket.TextMessage, []byte(`{"id":"1","do":"ping"}`)) == nil {
		}
	}()
	if code := s.code(); code != CloseProtocol {
		t.Errorf("flood: %d", code)
	}
	_ = s.ws.Close()
}

// N6: who does not read is closed with a code that says come back, which they
// get however late they read on, and nobody else waits for that.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(func(c *Config) { c.QueueFrames, c.SocketBuffers, c.Write = 64, 4096, time.Hour })
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	slow, fast := n.dial(alice), n.dial(bob)
	slow.narrow()
	slow.subscribe("room:"+room.String(), nil)
	fast.subscribe("room:"+room.String(), nil)
	text := strings.Repeat("long ", 1500)
	closed := func() bool { return len(n.hub.of(alice.Account)) == 0 || n.hub.of(alice.Account)[0].leaving() }
	sent := uint64(0)
	for !closed() {
		sent = w.sends(bob.Account, room, text)
		if f := fast.next(); f.N != sent {
			t.Fatalf("the fast one: %s", f.raw[:100])
		}
		if sent > 5000 {
			t.Fatal("the slow one is never closed")
		}
	}
	late := time.Now().Add(linger)
	w.eventually("late reading", func() bool { return time.Now().After(late) })
	if code := slow.code(); code != CloseTooSlow {
		t.Errorf("the slow one: %d", code)
	}
	w.eventually("the slow one to be gone", func() bool { return len(n.hub.of(alice.Account)) == 0 })
	back := n.dial(alice)
	back.subscribe("room:"+room.String(), map[string]any{"after": 1})
	for want := uint64(2); want <= sent; want++ {
		if f := back.next(); f.N != want {
			t.Fatalf("back again: want %d: %.100s", want, f.raw)
		}
	}
}

// N6: who does not answer pings is closed.
func TestNoPong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pings50 := func(c *Config) { c.Ping = 50 * time.Millisecond }
	n, hasty := w.node(pings50), w.node(func(c *Config) { pings50(c); c.Pong = 50 * time.Millisecond })
	alive, dead := n.dial(actor()), hasty.open(actor())
	dead.ws.SetPingHandler(func(string) error { return nil })
	pings := 0
	alive.ws.SetPingHandler(func(s string) error {
		if pings++; pings == 5 {
			return errors.New("enough")
		}
		return alive.ws.WriteControl(websocket.PongMessage, []byte(s), time.Now().Add(patience))
	})
	done := make(chan error, 1)
	go func() {
		_, err := alive.read()
		done <- err
	}()
	if code := dead.code(); code != CloseNoPong {
		t.Errorf("dead: %d", code)
	}
	if err := <-done; pings != 5 {
		t.Errorf("alive: %d pings, %v", pings, err)
	}
}

// N4: expiry and revocation close the socket; refresh in band keeps it.
func TestEndOfSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var now atomic.Pointer[time.Time] // stands still, so that nothing here is a race against a token
	began := time.Now()
	now.Store(&began)
	n := w.node(func(c *Config) { c.Now = func() time.Time { return *now.Load() } })
	who := actor()
	brief := who
	brief.Expires = began.Add(20 * time.Millisecond)
	lapses, kept := n.dial(brief), n.dial(brief)
	w.fake.mu.Lock()
	w.fake.tokens["fresh"], w.fake.tokens["other"] = who, actor()
	w.fake.mu.Unlock()
	if f := kept.ask("auth", map[string]any{"token": "other"}); !f.refused("auth.invalid") {
		t.Error(f.raw)
	}
	if f := kept.ask("auth", map[string]any{"token": "fresh"}); !*f.OK {
		t.Error(f.raw)
	}
	if f := lapses.ask("ping", nil); !*f.OK {
		t.Error(f.raw)
	}
	now.Store(&brief.Expires)
	for range 3 {
		if code := n.open(brief).code(); code != CloseTokenExpired {
			t.Errorf("expired when it comes: %d", code)
		}
	}
	if code := lapses.code(); code != CloseTokenExpired {
		t.Errorf("expired: %d", code)
	}
	if f := kept.ask("ping", nil); !*f.OK {
		t.Error(f.raw)
	}
	other := who
	other.Session = newID()
	stays := n.dial(other)
	w.append(session.Stream(who.Session), session.Ended{Account: who.Account, Reason: session.SignedOut})
	if code := kept.code(); code != CloseSessionEnded {
		t.Errorf("session ended: %d", code)
	}
	if f := stays.ask("ping", nil); !*f.OK {
		t.Error(f.raw)
	}
	keep := who
	keep.Session = newID()
	keeps := n.dial(keep)
	w.fake.mu.Lock()
	w.fake.over[other.Session] = true
	w.fake.mu.Unlock()
	w.append(account.Stream(who.Account), account.SessionsEnded{Epoch: 1, Keep: keep.Session})
	if code := stays.code(); code != CloseSessionEnded {
		t.Errorf("all ended: %d", code)
	}
	if f := keeps.ask("ping", nil); !*f.OK {
		t.Error(f.raw)
	}
	if code := n.open(other).code(); code != CloseSessionEnded {
		t.Errorf("a ticket of an ended session: %d", code)
	}
}

// N6: sockets of an account and topics of a socket are bounded.
func TestBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(func(c *Config) { c.PerAccount, c.PerSocket = 3, 2 })
	who := actor()
	var open []*client
	for range 3 {
		open = append(open, n.dial(who))
	}
	if code := n.open(who).code(); code != CloseTooMany {
		t.Errorf("one more: %d", code)
	}
	_ = open[0].ws.Close()
	w.eventually("one to leave", func() bool { return n.Sockets() == 2 })
	s := n.dial(who)
	s.subscribe("inbox", nil)
	s.subscribe("feed", nil)
	if f := s.ask("subscribe", map[string]any{"topic": "board:" + newID().String()}); !f.refused("push.too_many_topics") {
		t.Error(f.raw)
	}
	s.subscribe("inbox", nil)
	s.ask("unsubscribe", map[string]any{"topic": "feed"})
	s.subscribe("board:"+newID().String(), nil)
}

// N6: a node that stops says so to everybody.
func TestGoingAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	var all []*client
	for range 20 {
		all = append(all, n.dial(actor()))
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		n.stop()
	}()
	for _, c := range all {
		if code := c.code(); code != CloseGoingAway {
			t.Errorf("%d", code)
		}
		_ = c.ws.Close()
	}
	<-stopped
}

// N4: tickets are used once, forgotten in time, and bounded.
func TestTickets(t *testing.T) {
	t.Parallel()
	now := time.Now()
	kept := memory.NewEphemeral(1000, func() time.Time { return now })
	k := NewTickets(time.Minute, kept)
	ctx := context.Background()
	who := actor()
	first, ttl, err := k.Issue(ctx, who)
	if err != nil || ttl != time.Minute || len(first) != 43 {
		t.Fatal(first, ttl, err)
	}
	if a, ok, _ := k.Redeem(ctx, first); !ok || a.Session != who.Session {
		t.Fatal(a, ok)
	}
	if _, ok, _ := k.Redeem(ctx, first); ok {
		t.Fatal("used twice")
	}
	var words []string
	for range maxTicketsAccount + 1 {
		word, _, _ := k.Issue(ctx, who)
		words = append(words, word)
	}
	if _, ok, _ := k.Redeem(ctx, words[0]); ok {
		t.Fatal("the oldest did not give way")
	}
	if _, ok, _ := k.Redeem(ctx, words[1]); !ok {
		t.Fatal("the second oldest is gone")
	}
	now = now.Add(time.Minute)
	if _, ok, _ := k.Redeem(ctx, words[2]); ok {
		t.Fatal("too old")
	}
	if _, _, err := k.Issue(ctx, commands.Actor{}); err != nil || kept.Len() != 1 {
		t.Fatal("old ones are kept", kept.Len(), err)
	}
}

// N3: the same over TLS, where a socket has no descriptor of its own.
func TestTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	secure := httptest.NewTLSServer(n.Server)
	t.Cleanup(secure.Close)
	alice := actor()
	room := w.room(true, alice.Account)
	word, _, err := n.tickets.Issue(context.Background(), alice)
	if err != nil {
		t.Fatal(err)
	}
	dialer := websocket.Dialer{TLSClientConfig: secure.Client().Transport.(*http.Transport).TLSClientConfig}
	ws, _, err := dialer.Dial("wss"+strings.TrimPrefix(secure.URL, "https")+"/v1/push", http.Header{"Sec-Websocket-Protocol": {Subprotocol, "ticket." + word}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	s := &client{t: t, ws: ws}
	s.next()
	s.subscribe("room:"+room.String(), nil)
	const messages = 200
	go func() {
		for range messages {
			w.append(chat.Stream(room), chat.MessageSent{Sender: alice.Account, Text: "x"})
		}
	}()
	for want := uint64(2); want <= messages+1; want++ {
		if f := s.next(); f.N != want {
			t.Fatalf("want %d: %s", want, f.raw)
		}
	}
	s.write("[]")
	if code := s.code(); code != CloseProtocol {
		t.Errorf("%d", code)
	}
}

// N5: a bug in a command ends its socket alone.
func TestPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	n.deps.Rooms = nil
	other, s := n.dial(actor()), n.dial(actor())
	s.write(`{"id":"1","do":"send","room":"` + newID().String() + `","text":"x"}`)
	if code := s.code(); code != CloseGoingAway {
		t.Errorf("%d", code)
	}
	if f := other.ask("ping", nil); !*f.OK {
		t.Error(f.raw)
	}
}
