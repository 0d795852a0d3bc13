package push

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

var (
	errLimited  = fault.New(fault.Limited, "limit.exceeded", "Too many frames; please slow down.").After(time.Second)
	errInternal = fault.New(fault.Internal, "internal", "Something went wrong here; please try again.")
	errOther    = fault.New(fault.Unauthorized, "auth.invalid", "This token is another account's.")
	errReadOnly = fault.New(fault.Malformed, "request.invalid", "Only the inbox and rooms are read up to a number.")
)

// obey does what one frame asks for and answers it. false ends the socket. A
// panic is a bug of ours: it ends this socket and hurts no other.
func (c *conn) obey(raw []byte, allowed bool) (goOn bool) {
	defer func() {
		if p := recover(); p != nil {
			c.s.log.Error("a command over a socket panicked", "panic", p, "stack", string(debug.Stack()))
			c.close(CloseGoingAway)
		}
	}()
	if c.leaving() {
		return false
	}
	r, err := parseRequest(raw)
	if errors.Is(err, errNoObject) {
		c.close(CloseProtocol)
		return false
	}
	if err == nil && !allowed {
		err = errLimited
	}
	if err == nil {
		c.at(true)
		err = c.do(r)
		c.at(false)
	}
	if err != nil {
		c.refuse(r, err)
	}
	return true
}

// at says whether a command is under way, so that nobody takes a busy reader
// for a dead client.
func (c *conn) at(work bool) {
	c.mu.Lock()
	c.working = work
	if !work {
		c.heard = time.Now()
	}
	c.mu.Unlock()
}

// do is the table of commands.
func (c *conn) do(r request) error {
	ctx := c.context()
	switch r.Do {
	case "ping":
		c.say(answer{Re: r.ID, OK: true})
		return nil
	case "subscribe":
		return c.subscribe(ctx, r)
	case "unsubscribe":
		return c.unsubscribe(r)
	case "send":
		return c.sendMessage(ctx, r)
	case "typing":
		return c.typing(ctx, r)
	case "read":
		return c.read(ctx, r)
	case "auth":
		return c.auth(ctx, r)
	}
	return errUnknownDo
}

// refuse answers with what was wrong; what is no fault is ours and logged.
func (c *conn) refuse(r request, err error) {
	f := fault.As(err)
	if f == nil {
		if c.s.life.Err() == nil {
			c.s.log.Error("a command over a socket failed", "do", r.Do, "error", err)
		}
		f = errInternal
	}
	c.say(answer{Re: r.ID, Error: f.Slug, Message: f.Message, Details: f.Details})
}

// context carries who asks to the events.
func (c *conn) context() context.Context {
	a := c.by()
	return commands.WithMeta(c.s.life, event.Meta{Actor: a.Account.String(), Correlation: uuid.NewString()})
}

func (c *conn) by() commands.Actor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actor
}

func (c *conn) sendMessage(ctx context.Context, r request) error {
	if err := need(map[string]bool{"room": r.Room == uuid.Nil}); err != nil {
		return err
	}
	sent, err := c.s.deps.Rooms.SendMessage(ctx, c.by(), commands.SendMessage{
		Room: r.Room, Text: r.Text, Images: r.Images, ReplyTo: r.ReplyTo, ClientID: r.ClientID,
	})
	if err != nil {
		return err
	}
	a := answer{Re: r.ID, OK: true, Number: sent.Number, Position: c.s.deps.Positions.Encode(sent.Position)}
	if sent.ID != uuid.Nil {
		a.ID = sent.ID.String()
	}
	c.say(a)
	return nil
}

// read moves "read up to" of a room, or of the inbox.
func (c *conn) read(ctx context.Context, r request) error {
	if err := need(map[string]bool{"number": r.Number == nil, "room": r.Room == uuid.Nil && r.Topic == ""}); err != nil {
		return err
	}
	var read uint64
	var out commands.Outcome
	var err error
	room := r.Room
	if name, ok := topicNamed(r.Topic, uuid.Nil); ok && name.kind == topicRoom && room == uuid.Nil {
		room = name.id
	}
	switch {
	case room != uuid.Nil:
		read, out, err = c.s.deps.Rooms.ReadRoom(ctx, c.by(), room, *r.Number)
	case r.Topic == "inbox":
		read, out, err = c.s.deps.Inboxes.ReadNotifications(ctx, c.by(), *r.Number)
	default:
		err = errReadOnly
	}
	if err != nil {
		return err
	}
	a := answer{Re: r.ID, OK: true, Number: read}
	if out.Position > 0 {
		a.Position = c.s.deps.Positions.Encode(out.Position)
	}
	c.say(a)
	return nil
}

// typingData says who types, and when that fades.
type typingData struct {
	Account any  `json:"account"`
	Until   Time `json:"until"`
}

// typing tells the others of a room. It may be lost, and is told once a second
// at most.
func (c *conn) typing(ctx context.Context, r request) error {
	if err := need(map[string]bool{"room": r.Room == uuid.Nil}); err != nil {
		return err
	}
	account, _ := c.who()
	switch _, ok, err := c.s.deps.Rooms.RoomMember(ctx, r.Room, account); {
	case err != nil:
		return err
	case !ok:
		return fault.ErrNotFound
	}
	if now := time.Now(); now.Sub(c.typed[r.Room]) >= typingInterval {
		if c.typed == nil || len(c.typed) >= c.s.cfg.PerSocket {
			c.typed = map[uuid.UUID]time.Time{}
		}
		c.typed[r.Room] = now
		summary, err := c.s.deps.Resources.Summary(ctx, account)
		if err != nil {
			return err
		}
		c.s.Typing(r.Room, account, typingData{summary, Time(c.s.cfg.Now().Add(c.s.cfg.Typing))})
	}
	c.say(answer{Re: r.ID, OK: true})
	return nil
}

// Typing tells everybody in a room but the one who types, on all nodes.
func (s *Server) Typing(room, account uuid.UUID, data any) {
	s.tellTyping(room, account, data)
	s.nodes.typing(room, account, data)
}

// tellTyping tells those who are connected here.
func (s *Server) tellTyping(room, account uuid.UUID, data any) {
	name := roomTopic(room)
	t := s.hub.find(name.key)
	if t == nil {
		return
	}
	frame, err := textFrame(passingFrame{Topic: name.wire, Type: "typing", Data: data})
	if err != nil {
		s.log.Error("a frame cannot be written", "error", err)
		return
	}
	b := batch{writers: s.writers}
	t.broadcast(0, &b, func(other uuid.UUID, _ *viewer) []byte {
		if other == account {
			return nil
		}
		return frame
	})
	s.deliver(&b)
}

// auth takes a newer token of the same account: the socket lives as long as
// that one.
func (c *conn) auth(ctx context.Context, r request) error {
	if err := need(map[string]bool{"token": r.Token == ""}); err != nil {
		return err
	}
	actor, err := c.s.deps.Sessions.Authenticate(commands.WithClient(ctx, c.client), r.Token)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if actor.Account != c.actor.Account {
		c.mu.Unlock()
		return errOther
	}
	c.actor = actor
	if c.closed == 0 {
		c.schedule(time.Now())
	}
	c.mu.Unlock()
	if code := c.check(ctx, actor); code != 0 { // an end just before the change above
		c.close(code)
		return nil
	}
	until := Time(actor.Expires)
	c.say(answer{Re: r.ID, OK: true, ExpiresAt: &until})
	return nil
}
