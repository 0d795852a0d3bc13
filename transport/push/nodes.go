package push

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
)

// typingChannel is where nodes tell each other who types.
const typingChannel = "typing"

// typed is a message of it.
type typed struct {
	Node    string          `json:"node"` // that has told its own sockets
	Room    uuid.UUID       `json:"room"`
	Account uuid.UUID       `json:"account"` // which is not told
	Data    json.RawMessage `json:"data"`
}

// neighbours is what the nodes of a community tell each other about sockets.
// Nothing here is needed: without it each node serves its own clients, typing
// stays on its node, and ended sessions are seen in the log.
type neighbours struct {
	s     *Server
	until atomic.Int64 // Unix nanoseconds: nobody is asked before, after no answer
	away  atomic.Bool
}

// ask runs f unless there was no answer a moment ago. ok: it was answered.
func (n *neighbours) ask(f func(context.Context) error) (ok bool) {
	if time.Now().UnixNano() < n.until.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(n.s.life), n.s.cfg.PositionWait)
	defer cancel()
	if err := f(ctx); err != nil {
		n.until.Store(time.Now().Add(retry).UnixNano())
		if n.away.CompareAndSwap(false, true) {
			n.s.log.Warn("other nodes cannot be told of sockets and typing", "error", err)
		}
		return false
	}
	if n.away.CompareAndSwap(true, false) {
		n.s.log.Info("other nodes can be told of sockets and typing again")
	}
	return true
}

// typing tells the other nodes.
func (n *neighbours) typing(room, account uuid.UUID, data any) {
	if n.s.deps.Bus == nil {
		return
	}
	raw, err := marshal(data)
	if err == nil {
		raw, err = json.Marshal(typed{n.s.cfg.Node, room, account, raw})
	}
	if err != nil {
		n.s.log.Error("typing cannot be written", "error", err)
		return
	}
	n.ask(func(ctx context.Context) error { return n.s.deps.Bus.Publish(ctx, typingChannel, raw) })
}

// listen hears the other nodes until ctx ends.
func (n *neighbours) listen(ctx context.Context) {
	if n.s.deps.Bus == nil {
		return
	}
	for {
		err := n.s.deps.Bus.Listen(ctx, []string{typingChannel, commands.RevokedChannel}, func(channel string, message []byte) {
			n.hear(ctx, channel, message)
		})
		if ctx.Err() != nil {
			return
		}
		n.s.log.Warn("other nodes are not heard", "error", err)
		if !pause(ctx, retry) {
			return
		}
	}
}

func (n *neighbours) hear(ctx context.Context, channel string, message []byte) {
	switch channel {
	case typingChannel:
		var t typed
		if err := json.Unmarshal(message, &t); err != nil {
			n.s.log.Warn("typing on another node cannot be read", "error", err)
		} else if t.Node != n.s.cfg.Node {
			n.s.tellTyping(t.Room, t.Account, t.Data)
		}
	case commands.RevokedChannel:
		r, err := commands.ReadRevocation(message)
		switch {
		case err != nil:
			n.s.log.Warn("the end of a session cannot be read", "error", err)
		case r.Session != uuid.Nil:
			n.s.hub.sessions(r.Account, CloseSessionEnded, func(session uuid.UUID) bool { return session == r.Session })
		default:
			n.s.routeAccount(commands.WithPosition(ctx, r.Position), r.Account)
		}
	}
}

// enter writes a socket into the table of all nodes. Without an answer it
// counts on its own node alone, and the table gets it with the next heartbeat.
func (n *neighbours) enter(c *conn, account uuid.UUID) (room bool) {
	if n.s.deps.Routes == nil {
		return true
	}
	socket := uuid.New()
	answered := n.ask(func(ctx context.Context) (err error) {
		room, err = n.s.deps.Routes.Enter(ctx, account, n.s.cfg.Node, socket, n.s.cfg.PerAccount, n.s.cfg.RouteTTL)
		return err
	})
	if answered && !room {
		return false
	}
	c.mu.Lock()
	c.socket = socket
	c.mu.Unlock()
	return true
}

// leave takes a socket out of the table.
func (n *neighbours) leave(c *conn) {
	c.mu.Lock()
	socket, account := c.socket, c.actor.Account
	c.socket = uuid.Nil
	c.mu.Unlock()
	if socket == uuid.Nil {
		return
	}
	n.ask(func(ctx context.Context) error { return n.s.deps.Routes.Leave(ctx, account, n.s.cfg.Node, socket) }) // or it expires
}

// beat keeps this node's entries in the table until ctx ends.
func (n *neighbours) beat(ctx context.Context) {
	if n.s.deps.Routes == nil {
		return
	}
	t := time.NewTicker(n.s.cfg.RouteEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			n.touch()
		}
	}
}

func (n *neighbours) touch() {
	before := n.sockets()
	if len(before) == 0 || !n.ask(func(ctx context.Context) error {
		return n.s.deps.Routes.Touch(ctx, n.s.cfg.Node, before, n.s.cfg.RouteTTL)
	}) {
		return
	}
	after := n.sockets()
	for socket, account := range before { // who left meanwhile may have been put back
		if _, there := after[socket]; !there {
			n.ask(func(ctx context.Context) error { return n.s.deps.Routes.Leave(ctx, account, n.s.cfg.Node, socket) })
		}
	}
}

// sockets are those of this node that are in the table, with their accounts.
func (n *neighbours) sockets() map[uuid.UUID]uuid.UUID {
	all := map[uuid.UUID]uuid.UUID{}
	for _, c := range n.s.hub.everyone() {
		c.mu.Lock()
		if c.socket != uuid.Nil {
			all[c.socket] = c.actor.Account
		}
		c.mu.Unlock()
	}
	return all
}
