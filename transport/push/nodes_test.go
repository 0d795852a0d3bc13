package push

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/redis"
)

// together is a world whose nodes know each other through a Redis.
func together(t *testing.T) (*world, *miniredis.Miniredis, *redis.Client) {
	t.Helper()
	server := miniredis.RunT(t)
	client, err := redis.Open(t.Context(), redis.Options{
		URL: "redis://" + server.Addr(), Prefix: "p:", PoolMax: 16, PoolIdle: 4,
		ConnectTimeout: patience, CallTimeout: patience, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	w := newWorld(t)
	w.deps = func(d *Deps) { d.Bus, d.Routes = client.Bus(), client.Routes() }
	return w, server, client
}

func called(name string, adjust ...func(*Config)) func(*Config) {
	return func(c *Config) {
		c.Node = name
		for _, f := range adjust {
			f(c)
		}
	}
}

// listening waits until so many nodes hear each other.
func listening(w *world, server *miniredis.Miniredis, nodes int) {
	w.t.Helper()
	w.eventually("nodes that hear each other", func() bool {
		return server.PubSubNumSub("p:" + typingChannel)["p:"+typingChannel] == nodes
	})
}

// C8, N7: who types is told on every node, once, and not to themselves.
func TestTypingOnAllNodes(t *testing.T) {
	t.Parallel()
	w, server, _ := together(t)
	n1, n2 := w.node(called("n1")), w.node(called("n2"))
	listening(w, server, 2)
	ada, bob, eve := actor(), actor(), actor()
	room, other := w.room(true, ada.Account, bob.Account, eve.Account), w.room(true, eve.Account)
	typer, again := n1.dial(ada), n2.dial(ada)
	near, far, stranger := n1.dial(bob), n2.dial(eve), n2.dial(eve)
	topic := "room:" + room.String()
	for _, c := range []*client{typer, again, near, far} {
		c.subscribe(topic, nil)
	}
	stranger.subscribe("room:"+other.String(), nil)
	if f := typer.ask("typing", map[string]any{"room": room}); f.OK == nil || !*f.OK {
		t.Fatal(f.raw)
	}
	for _, c := range []*client{near, far} {
		f := c.next()
		who, _ := f.Data["account"].(map[string]any)
		if f.Type != "typing" || f.Topic != topic || who["id"] != ada.Account.String() || f.Data["until"] == nil {
			t.Errorf("%s", f.raw)
		}
	}
	w.sends(bob.Account, room, "over")
	w.sends(eve.Account, other, "over")
	for _, c := range []*client{typer, again, near, far, stranger} { // nothing else came before that
		if f := c.next(); f.Type != "chat.message_sent.v1" {
			t.Errorf("%s", f.raw)
		}
	}
}

// S5: the end of a session closes its sockets on every node by the bus alone,
// before the log has said so.
func TestRevocationsCloseSocketsOnAllNodes(t *testing.T) {
	t.Parallel()
	w, server, shared := together(t)
	n1, n2 := w.node(called("n1")), w.node(called("n2"))
	listening(w, server, 2)
	ada := actor()
	second, third := ada, ada
	second.Session, third.Session = newID(), newID()
	bob := actor()
	a1, a2, b2, c1, c2, other := n1.dial(ada), n2.dial(ada), n2.dial(second), n1.dial(third), n2.dial(third), n2.dial(bob)
	revoke := func(r commands.Revocation) {
		t.Helper()
		if err := shared.Shared().Revoke(t.Context(), r, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	revoke(commands.Revocation{Account: ada.Account, Session: ada.Session})
	for _, c := range []*client{a1, a2} {
		if code := c.code(); code != CloseSessionEnded {
			t.Errorf("code %d", code)
		}
	}
	w.fake.mu.Lock()
	w.fake.over[second.Session] = true
	w.fake.mu.Unlock()
	revoke(commands.Revocation{Account: ada.Account, Epoch: 1, Keep: third.Session})
	if code := b2.code(); code != CloseSessionEnded {
		t.Errorf("code %d", code)
	}
	for _, c := range []*client{c1, c2, other} {
		if f := c.ask("ping", nil); f.OK == nil || !*f.OK {
			t.Error("a session that goes on was closed")
		}
	}
}

// routesOf lists where an account is connected.
func routesOf(t *testing.T, c *redis.Client, account uuid.UUID) (nodes []string) {
	t.Helper()
	if err := c.Routes().Of(t.Context(), account, time.Hour, func(node string, _ uuid.UUID, _ time.Time) { nodes = append(nodes, node) }); err != nil {
		t.Fatal(err)
	}
	return nodes
}

// N7: sockets of an account count over all nodes; those that closed, and those
// of nodes that stopped, do not.
func TestSocketsOfAllNodes(t *testing.T) {
	t.Parallel()
	w, _, shared := together(t)
	few := func(c *Config) { c.PerAccount = 3 }
	n1, n2 := w.node(called("n1", few)), w.node(called("n2", few))
	ada, bob := actor(), actor()
	first := n1.dial(ada)
	n2.dial(ada)
	n2.dial(ada)
	for _, n := range []*node{n1, n2} {
		if code := n.open(ada).code(); code != CloseTooMany {
			t.Errorf("a fourth socket: %d", code)
		}
	}
	n1.dial(bob)
	_ = first.ws.Close()
	w.eventually("the closed one to leave", func() bool { return len(routesOf(t, shared, ada.Account)) == 2 })
	n1.dial(ada)
	if code := n2.open(ada).code(); code != CloseTooMany {
		t.Errorf("a fourth socket: %d", code)
	}
	n2.stop()
	if nodes := routesOf(t, shared, ada.Account); len(nodes) != 1 || nodes[0] != "n1" {
		t.Errorf("after a node stopped: %q", nodes)
	}
	n1.dial(ada)
}

// N7: heartbeats keep the table, also after it was emptied.
func TestRoutesAreKept(t *testing.T) {
	t.Parallel()
	w, server, shared := together(t)
	n := w.node(called("n1", func(c *Config) { c.RouteEvery = 5 * time.Millisecond }))
	ada := actor()
	n.dial(ada)
	for range 3 {
		server.FlushAll()
		w.eventually("the socket in the table", func() bool { return len(routesOf(t, shared, ada.Account)) == 1 })
	}
}

// N7: without Redis every node serves its own clients; what it says to others
// comes again when Redis does.
func TestNodesWithoutRedis(t *testing.T) {
	t.Parallel()
	w, server, shared := together(t)
	quick := func(c *Config) { c.RouteEvery, c.PerAccount = 5*time.Millisecond, 2 }
	n1, n2 := w.node(called("n1", quick)), w.node(called("n2", quick))
	listening(w, server, 2)
	server.Close()
	ada, bob := actor(), actor()
	room := w.room(true, ada.Account, bob.Account)
	typer, near, far := n1.dial(ada), n1.dial(bob), n2.dial(bob)
	for _, c := range []*client{typer, near, far} {
		c.subscribe("room:"+room.String(), nil)
	}
	if f := typer.ask("typing", map[string]any{"room": room}); f.OK == nil || !*f.OK {
		t.Fatal(f.raw)
	}
	if f := near.next(); f.Type != "typing" {
		t.Errorf("%s", f.raw)
	}
	n1.dial(ada)
	if code := n1.open(ada).code(); code != CloseTooMany {
		t.Errorf("a third socket of one node: %d", code)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	listening(w, server, 2)
	w.eventually("the sockets in the table", func() bool { return len(routesOf(t, shared, ada.Account)) == 2 })
	w.eventually("the other node to hear", func() bool {
		raw, err := json.Marshal(typed{Node: "n1", Room: room, Account: ada.Account, Data: json.RawMessage(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		return shared.Bus().Publish(context.Background(), typingChannel, raw) == nil
	})
	if f := far.next(); f.Type != "typing" {
		t.Errorf("%s", f.raw)
	}
}

// N7: what nodes say that cannot be read hurts nobody.
func TestNonsenseOnTheBus(t *testing.T) {
	t.Parallel()
	w, server, shared := together(t)
	n := w.node(called("n1"))
	listening(w, server, 1)
	ada := actor()
	c := n.dial(ada)
	for _, channel := range []string{typingChannel, commands.RevokedChannel, "other"} {
		for _, m := range []string{"", "{", "null", "[]", `{"account":"x"}`, `{"account":"` + ada.Account.String() + `"}`} {
			if err := shared.Bus().Publish(t.Context(), channel, []byte(m)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := shared.Shared().Revoke(t.Context(), commands.Revocation{Account: ada.Account, Session: ada.Session}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if code := c.code(); code != CloseSessionEnded {
		t.Errorf("code %d", code)
	}
}
