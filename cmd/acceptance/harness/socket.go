package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Subprotocol is what every socket of the tests asks for.
const Subprotocol = "parley.v1.json"

// Frame is any frame that a server sends.
type Frame struct {
	Hello *struct {
		Session, Node, Epoch string
		Heartbeat            int
	} `json:"hello"`
	Re        *string         `json:"re"`
	OK        *bool           `json:"ok"`
	Error     string          `json:"error"`
	Message   string          `json:"message"`
	Topic     string          `json:"topic"`
	N         uint64          `json:"n"`
	Number    uint64          `json:"number"`
	Recovered *bool           `json:"recovered"`
	Position  string          `json:"position"`
	Type      string          `json:"type"`
	Time      string          `json:"time"`
	Data      json.RawMessage `json:"data"`
	Reset     bool            `json:"reset"`
	From      uint64          `json:"from"`
	Ended     bool            `json:"ended"`
	Raw       string          `json:"-"`
}

// Map is the frame's data as a map.
func (f Frame) Map() map[string]any {
	var m map[string]any
	_ = json.Unmarshal(f.Data, &m)
	return m
}

// Socket is one live connection. Its frames are read by one goroutine that
// ends with the test.
type Socket struct {
	t      testing.TB
	conn   *websocket.Conn
	frames chan Frame
	closed chan struct{}
	Code   int // close code, once closed
	Epoch  string
	asked  int
	early  []Frame // read while an answer was awaited
}

// Ticket asks for a socket ticket.
func (c *Client) Ticket() string {
	c.t.Helper()
	ticket, _ := c.Post("/v1/push/tickets", nil).Want(201).Map()["ticket"].(string)
	return ticket
}

// Dial opens a socket by ticket and reads its hello.
func (c *Client) Dial() *Socket {
	c.t.Helper()
	s, res, err := c.DialWith(http.Header{"Sec-WebSocket-Protocol": {Subprotocol + ", ticket." + c.Ticket()}}, "")
	if err != nil {
		c.t.Fatalf("dial: %v %v", err, res)
	}
	hello := s.Next()
	if hello.Hello == nil {
		c.t.Fatalf("first frame is no hello: %s", hello.Raw)
	}
	s.Epoch = hello.Hello.Epoch
	return s
}

// DialWith opens a socket with those headers and that query, as it comes.
func (c *Client) DialWith(h http.Header, query string) (*Socket, *http.Response, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), Patience)
	defer cancel()
	conn, res, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(c.base, "http")+"/v1/push"+query, h)
	if err != nil {
		return nil, res, err
	}
	s := &Socket{t: c.t, conn: conn, frames: make(chan Frame, 100_000), closed: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read()
	}()
	c.t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return s, res, nil
}

func (s *Socket) read() {
	defer close(s.closed)
	defer close(s.frames)
	for {
		_, raw, err := s.conn.ReadMessage()
		if err != nil {
			var ce *websocket.CloseError
			if errors.As(err, &ce) {
				s.Code = ce.Code
			}
			return
		}
		for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
			f := Frame{Raw: line}
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				f.Error = "harness: " + err.Error()
			}
			s.frames <- f
		}
	}
}

// Next is the next frame; the test fails when none comes for Patience.
func (s *Socket) Next() Frame {
	s.t.Helper()
	if len(s.early) > 0 {
		f := s.early[0]
		s.early = s.early[1:]
		return f
	}
	return s.arrive()
}

func (s *Socket) arrive() Frame {
	s.t.Helper()
	select {
	case f, ok := <-s.frames:
		if !ok {
			s.t.Fatalf("the socket was closed with %d", s.Code)
		}
		return f
	case <-time.After(Patience):
		s.t.Fatal("no frame came")
	}
	return Frame{}
}

// Poll is the next frame, if one comes within d; open says whether the socket
// still is. It may be called where a test cannot be failed at once.
func (s *Socket) Poll(d time.Duration) (f Frame, got, open bool) {
	select {
	case f, open = <-s.frames:
		return f, open, open
	case <-time.After(d):
		return Frame{}, false, true
	}
}

// Write sends any frame; false when the socket is gone.
func (s *Socket) Write(frame any) bool {
	raw, err := json.Marshal(frame)
	return err == nil && s.conn.WriteMessage(websocket.TextMessage, raw) == nil
}

// NextOf is the next frame of that topic and type; others before it are
// passed over.
func (s *Socket) NextOf(topic, typ string) Frame {
	s.t.Helper()
	for {
		if f := s.Next(); f.Topic == topic && f.Type == typ {
			return f
		}
	}
}

// Ask sends a command and waits for its answer; frames that come before it
// are kept for Next.
func (s *Socket) Ask(do string, fields map[string]any) Frame {
	s.t.Helper()
	s.asked++
	id := fmt.Sprint(s.asked)
	frame := map[string]any{"id": id, "do": do}
	for k, v := range fields {
		frame[k] = v
	}
	s.Send(frame)
	for {
		f := s.arrive()
		if f.Re != nil && *f.Re == id {
			return f
		}
		s.early = append(s.early, f)
	}
}

// Subscribe asks for a topic and fails the test unless it is granted.
func (s *Socket) Subscribe(topic string, fields map[string]any) Frame {
	s.t.Helper()
	if fields == nil {
		fields = map[string]any{}
	}
	fields["topic"] = topic
	f := s.Ask("subscribe", fields)
	if f.OK == nil || !*f.OK {
		s.t.Fatalf("subscribe %s: %s", topic, f.Raw)
	}
	return f
}

// Send sends any frame: a string as it is, or what marshals to JSON.
func (s *Socket) Send(frame any) {
	s.t.Helper()
	raw, ok := frame.(string)
	if !ok {
		b, err := json.Marshal(frame)
		if err != nil {
			s.t.Fatal(err)
		}
		raw = string(b)
	}
	if err := s.conn.WriteMessage(websocket.TextMessage, []byte(raw)); err != nil {
		s.t.Fatalf("send %s: %v", raw, err)
	}
}

// WaitClosed waits for the server to close and gives its code.
func (s *Socket) WaitClosed() int {
	s.t.Helper()
	select {
	case <-s.closed:
	case <-time.After(Patience):
		s.t.Fatal("the socket stays open")
	}
	return s.Code
}

// Close goes away without a word.
func (s *Socket) Close() { _ = s.conn.Close() }
