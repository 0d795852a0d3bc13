package push

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// What refuses a handshake before it becomes a socket.
var (
	errForeign     = fault.New(fault.Forbidden, "origin.foreign", "This page may not connect here.")
	errNoWebSocket = fault.New(fault.Malformed, "push.no_websocket", "This address speaks WebSocket only.")
	errSubprotocol = fault.New(fault.Malformed, "push.subprotocol", "The subprotocol parley.v1.json must be asked for.")
)

const protocolHeader = "Sec-Websocket-Protocol"

// ServeHTTP answers GET /v1/push. A foreign Origin is 403, a missing
// subprotocol 400; a ticket that is bad, used or missing becomes a socket
// that is closed with 4101.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if lines := r.Header.Values(protocolHeader); len(lines) > 1 { // as good as one line, RFC 6455, 11.3.4
		r.Header.Set(protocolHeader, strings.Join(lines, ", "))
	}
	if err := s.admit(r); err != nil {
		s.deps.Refuse(w, r, err)
		return
	}
	c, err := s.upgrade(w, r)
	if err != nil {
		return // answered, or the client is gone
	}
	actor, known := s.credentials(r)
	awaits := !known && s.cfg.FirstMessage && !carriesCredentials(r)
	if s.begin(func() { c.serve(actor, known, awaits) }) != nil {
		_, _ = c.net.Write(closeFrame(CloseGoingAway))
		_ = c.net.Close()
	}
}

// admit checks what must hold before the upgrade.
func (s *Server) admit(r *http.Request) error {
	if !s.ownOrigin(r) {
		return errForeign
	}
	if !websocket.IsWebSocketUpgrade(r) {
		return errNoWebSocket
	}
	if !slices.Contains(websocket.Subprotocols(r), Subprotocol) {
		return errSubprotocol
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != serving || s.hub.count() >= s.cfg.Sockets {
		return fault.ErrUnavailable
	}
	return nil
}

// ownOrigin lets programs without an Origin in, pages of our own host, and
// those of the list.
func (s *Server) ownOrigin(r *http.Request) bool {
	origin := r.Header.Values("Origin")
	if len(origin) == 0 {
		return true
	}
	if len(origin) > 1 {
		return false
	}
	if slices.ContainsFunc(s.cfg.Origins, func(o string) bool { return strings.EqualFold(strings.TrimSuffix(o, "/"), origin[0]) }) {
		return true
	}
	u, err := url.Parse(origin[0])
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, r.Host)
}

// credentials finds out who connects: by ticket in the second subprotocol or
// ?ticket=, or by ?token= where that is allowed.
func (s *Server) credentials(r *http.Request) (commands.Actor, bool) {
	word := r.URL.Query().Get("ticket")
	for _, p := range websocket.Subprotocols(r) {
		if t, ok := strings.CutPrefix(p, "ticket."); ok {
			word = t
			break
		}
	}
	if word != "" {
		actor, ok, err := s.deps.Tickets.Redeem(r.Context(), word)
		if err != nil {
			s.log.Warn("the store of tickets does not answer", "error", err)
		}
		return actor, ok && err == nil
	}
	if token := r.URL.Query().Get("token"); token != "" && s.cfg.QueryTokens {
		actor, err := s.deps.Sessions.Authenticate(r.Context(), token)
		return actor, err == nil
	}
	return commands.Actor{}, false
}

func carriesCredentials(r *http.Request) bool {
	q := r.URL.Query()
	return q.Has("ticket") || q.Has("token") || strings.Contains(r.Header.Get(protocolHeader), "ticket.")
}

// upgrade makes the socket. gorilla/websocket shakes hands and reads frames;
// after the handshake only our writers write, because a pong or close frame of
// its own could land in the middle of another frame.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) (*conn, error) {
	v := &valve{}
	up := websocket.Upgrader{
		ReadBufferSize:  readBuffer,
		WriteBufferPool: noBuffers{},
		Subprotocols:    []string{Subprotocol},
		CheckOrigin:     func(*http.Request) bool { return true }, // admit did
		Error: func(w http.ResponseWriter, r *http.Request, _ int, reason error) {
			s.deps.Refuse(w, r, errNoWebSocket.Because(reason))
		},
	}
	ws, err := up.Upgrade(hijacked{ResponseWriter: w, valve: v}, r, nil)
	if err != nil {
		return nil, err
	}
	v.shut.Store(true)
	c := &conn{s: s, net: v.Conn, raw: rawOf(v.Conn), ws: ws, client: commands.ClientFrom(r.Context())}
	if t, ok := v.Conn.(*net.TCPConn); ok && s.cfg.SocketBuffers > 0 {
		_ = t.SetWriteBuffer(s.cfg.SocketBuffers)
	}
	c.prepare()
	return c, nil
}

const readBuffer = 512 // bytes; larger frames are read past it

// hijacked hands the connection over with a valve in it.
type hijacked struct {
	http.ResponseWriter
	valve *valve
}

// Hijack implements http.Hijacker.
func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.valve.Conn = c
	return h.valve, rw, nil
}

// valve is a connection on which nothing is written any more once it is shut.
type valve struct {
	net.Conn
	shut atomic.Bool
}

// Write writes, or does as if.
func (v *valve) Write(b []byte) (int, error) {
	if v.shut.Load() {
		return len(b), nil
	}
	return v.Conn.Write(b)
}

// noBuffers keeps gorilla/websocket from holding a buffer for writes that it
// never makes.
type noBuffers struct{}

func (noBuffers) Get() any { return nil }
func (noBuffers) Put(any)  {}
