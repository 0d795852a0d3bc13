package push

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

var errFlood = errors.New("push: far more frames than allowed")

// frames of clients are read into buffers that are shared.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// prepare sets what the reader does about control frames.
func (c *conn) prepare() {
	c.heard, c.filled, c.tokens = time.Now(), time.Now(), float64(c.s.cfg.Rate)
	c.ws.SetReadLimit(int64(c.s.cfg.FrameBytes))
	c.ws.SetPingHandler(func(payload string) error {
		if ok, err := c.spend(); !ok {
			return err
		}
		c.alive()
		c.send(controlFrame(opPong, payload))
		return nil
	})
	c.ws.SetPongHandler(func(string) error {
		_, err := c.spend()
		c.alive()
		return err
	})
	c.ws.SetCloseHandler(func(int, string) error { return nil })
}

// serve is the life of a socket: sign in, say hello, read until the end. The
// goroutine that waits for clients does nothing else: whatever needs a deeper
// stack runs aside, so that idle sockets keep small ones.
func (c *conn) serve(actor commands.Actor, known, awaits bool) {
	open := false
	if awaits {
		_ = c.net.SetReadDeadline(time.Now().Add(c.s.cfg.SignIn))
		raw, err := c.frame()
		if err == nil {
			aside(func() { actor, known = c.firstMessage(raw.Bytes()) })
			release(raw)
		}
	}
	aside(func() { open = c.welcome(actor, known) })
	for open && c.readOne() {
	}
	c.rest()
	aside(c.teardown)
}

// aside runs f on a goroutine of its own and waits for it.
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// welcome registers the socket and says hello, or why not.
func (c *conn) welcome(actor commands.Actor, known bool) bool {
	if !known {
		c.close(CloseBadTicket)
		return false
	}
	if code := c.enter(actor); code != 0 {
		c.close(code)
		return false
	}
	c.say(hello{greeting{
		Session: actor.Session.String(), Node: c.s.cfg.Node, Epoch: c.s.deps.Positions.Epoch().String(),
		Heartbeat: max(1, int(c.s.cfg.Ping/time.Second)),
	}})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == 0 {
		c.schedule(time.Now())
	}
	return true
}

// enter registers the socket, then checks its session: in this order no end of
// the session can slip between the two.
func (c *conn) enter(actor commands.Actor) CloseCode {
	c.mu.Lock()
	c.actor = actor
	c.mu.Unlock()
	if !c.s.hub.join(c, actor.Account, c.s.cfg.PerAccount) || !c.s.nodes.enter(c, actor.Account) {
		return CloseTooMany
	}
	ctx, cancel := context.WithTimeout(commands.WithPosition(c.s.life, c.s.position.Load()), c.s.cfg.PositionWait)
	defer cancel()
	return c.check(ctx, actor)
}

// check is the code to close with when the actor's session does not hold, or 0.
func (c *conn) check(ctx context.Context, actor commands.Actor) CloseCode {
	err := c.s.deps.Sessions.CheckSession(ctx, actor)
	switch f := fault.As(err); {
	case err == nil:
		return 0
	case f != nil && f.Slug == "auth.expired":
		return CloseTokenExpired
	case f != nil && (f.Kind == fault.Unauthorized || f.Kind == fault.Forbidden):
		return CloseSessionEnded
	}
	c.s.log.Warn("a session cannot be checked", "error", err)
	return CloseGoingAway
}

// firstMessage reads {"do":"auth"}.
func (c *conn) firstMessage(raw []byte) (commands.Actor, bool) {
	r, err := parseRequest(raw)
	if err != nil || r.Do != "auth" || r.Token == "" {
		return commands.Actor{}, false
	}
	actor, err := c.s.deps.Sessions.Authenticate(commands.WithClient(c.s.life, c.client), r.Token)
	if err != nil {
		return commands.Actor{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == 0 {
		_ = c.net.SetReadDeadline(time.Time{})
	}
	return actor, true
}

// readOne reads and obeys one frame; false at the end.
func (c *conn) readOne() bool {
	raw, err := c.frame()
	if err != nil {
		c.readFailed(err)
		return false
	}
	defer release(raw)
	c.alive()
	ok, err := c.spend()
	if err != nil {
		c.close(CloseProtocol)
		return false
	}
	goOn := false
	aside(func() { goOn = c.obey(raw.Bytes(), ok) })
	return goOn
}

// frame reads one frame, at most Config.FrameBytes.
func (c *conn) frame() (*bytes.Buffer, error) {
	_, r, err := c.ws.NextReader()
	if err != nil {
		return nil, err
	}
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	if _, err := b.ReadFrom(r); err != nil {
		release(b)
		return nil, err
	}
	return b, nil
}

func release(b *bytes.Buffer) {
	if b.Cap() <= 128<<10 {
		buffers.Put(b)
	}
}

// readFailed tells a client that left from one that speaks another protocol.
func (c *conn) readFailed(err error) {
	var left *websocket.CloseError
	var network net.Error
	switch {
	case errors.As(err, &left) && left.Code != websocket.CloseAbnormalClosure:
		c.close(CloseNormal)
	case errors.As(err, &left), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		if !c.leaving() {
			c.broken()
		}
	default:
		c.close(CloseProtocol)
	}
}

// rest reads on after our last word, so that the client gets it before the
// connection goes; closeLocked and finish set the end of that. A client that answers
// it has got it.
func (c *conn) rest() {
	for {
		_, _, err := c.ws.NextReader()
		if err == nil {
			continue
		}
		var answered *websocket.CloseError
		if errors.As(err, &answered) && answered.Code != websocket.CloseAbnormalClosure && c.written() {
			return
		}
		break
	}
	_, _ = io.Copy(io.Discard, c.net)
}

// written says whether nothing is to be written any more.
func (c *conn) written() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == writeDone
}

// teardown leaves nothing behind.
func (c *conn) teardown() {
	_ = c.net.Close()
	c.mu.Lock()
	c.gone = true
	if c.closed == 0 {
		c.closed = CloseGoingAway
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	subs := c.subs
	c.subs, c.replay = nil, nil
	c.wake()
	c.mu.Unlock()
	for _, s := range subs {
		s.topic.detach(s)
	}
	c.s.hub.leave(c)
	c.s.nodes.leave(c)
}

// alive notes that the client was heard.
func (c *conn) alive() {
	c.mu.Lock()
	c.heard = time.Now()
	c.mu.Unlock()
}

// spend takes one frame off what the client may send now. It gives an error
// when the client goes on and on over its rate.
func (c *conn) spend() (bool, error) {
	now := time.Now()
	rate := float64(c.s.cfg.Rate)
	c.tokens = min(rate, c.tokens+rate*now.Sub(c.filled).Seconds())
	c.filled = now
	if c.tokens >= 1 {
		c.tokens--
		c.refused = max(0, c.refused-1)
		return true, nil
	}
	if c.refused++; c.refused > maxRefusals {
		return false, errFlood
	}
	return false, nil
}
