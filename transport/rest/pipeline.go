package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// serve is the pipeline up to the route: ids, recover, bounds, headers, CORS.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	defer s.finish(x)
	r = x.call.Request
	s.secure(x.out.Header(), r)
	s.cors(x.out.Header(), r)
	if err := bounded(r); err != nil {
		s.fail(x, err)
		return
	}
	if r.Method == http.MethodOptions {
		s.options(x)
		return
	}
	s.router.ServeHTTP(&x.out, r)
}

// begin gives the request its ids and its client.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Context: r.Context(), begun: time.Now()}
	x.out.ResponseWriter = w
	x.routing.Routes = s.router
	c := &x.call
	c.server, c.out = s, &x.out
	c.Now = s.cfg.Now().UTC()
	c.ID = requestID()
	x.trace = traceOf(r, c.ID)
	c.TraceID = x.trace.id
	c.Address = s.clientAddr(r)
	c.Network = networkOf(c.Address)
	if c.Agent = r.UserAgent(); len(c.Agent) > maxAgent {
		c.Agent = strings.ToValidUTF8(c.Agent[:maxAgent], "")
	}
	c.Request = r.WithContext(x)
	w.Header()["X-Request-Id"] = []string{c.ID.String()}
	return x
}

// requestID is a UUIDv7. Should the system's randomness fail, the program
// cannot go on safely anyway: uuid.Must's panic becomes a 500.
func requestID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// finish recovers, logs and counts.
func (s *Server) finish(x *exchange) {
	thrown := recover()
	if thrown != nil && thrown != http.ErrAbortHandler {
		s.fail(x, fmt.Errorf("panic: %v\n%s", thrown, debug.Stack()))
	}
	pattern := "none"
	if x.call.route != nil {
		pattern = x.call.route.op.Path
	}
	took := time.Since(x.begun)
	if !x.out.hijacked && (x.call.route == nil || !x.call.route.op.Stream) {
		s.observe(x.call.Request.Method, pattern, x.out.status, took)
	}
	s.access(x, pattern, took)
	if thrown != nil && (thrown == http.ErrAbortHandler || x.out.size > 0 && x.out.status < 500) {
		panic(http.ErrAbortHandler) // a part was sent: the client must not take it for the whole
	}
}

// access writes the line of the access log: no query, no header, no address,
// and of the path only what is an id. Tokens and personal data stay out.
func (s *Server) access(x *exchange, pattern string, took time.Duration) {
	level := slog.LevelInfo
	if x.out.status >= 500 {
		level = slog.LevelWarn
	}
	if !s.cfg.Log.Enabled(x, level) {
		return
	}
	s.cfg.Log.LogAttrs(x, level, "request",
		slog.String("method", x.call.Request.Method),
		slog.String("path", loggedPath(pattern, &x.routing)),
		slog.Int("status", x.out.status),
		slog.Int64("bytes", x.out.size),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("request", x.call.ID.String()),
		slog.String("trace", x.call.TraceID))
}

// loggedPath is the route's pattern with its ids filled in. Other parameters
// may be secrets (invite codes) or names.
func loggedPath(pattern string, routing *chi.Context) string {
	for i, key := range routing.URLParams.Keys {
		if v := routing.URLParams.Values[i]; len(v) == 36 {
			if _, ok := parseUUID(v); ok {
				pattern = strings.Replace(pattern, "{"+key+"}", v, 1)
			}
		}
	}
	return pattern
}

// bounded checks what is known before anything is read.
func bounded(r *http.Request) error {
	target := len(r.RequestURI)
	if target == 0 { // not from a connection
		target = len(r.URL.RequestURI())
	}
	if target > maxURL {
		return errURLTooLong
	}
	size := 0
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 4 // ": " and the line's end
		}
	}
	if size > maxHeaders {
		return errHeaders
	}
	return nil
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
}

// allowed lists the methods that a path takes.
func (s *Server) allowed(r *http.Request) []string {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var list []string
	for _, m := range methods {
		if s.router.Match(chi.NewRouteContext(), m, path) {
			list = append(list, m)
		}
	}
	if len(list) > 0 {
		list = append(list, http.MethodOptions)
	}
	return list
}

// unrouted answers what no route takes: 405 where the path takes another
// method, 404 otherwise, to somebody who opens the address in a browser as a
// page.
func (s *Server) unrouted(_ http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r)
	list := s.allowed(r)
	if len(list) == 0 || slices.Contains(list, r.Method) {
		if s.cfg.Lost != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) && fromBrowser(r) {
			s.cfg.Lost(&x.out, r)
			return
		}
		s.fail(x, s.cfg.Unrouted)
		return
	}
	x.out.Header()["Allow"] = []string{strings.Join(list, ", ")}
	s.fail(x, errMethod)
}

// fromBrowser says whether Accept names HTML outright, as browsers do for what
// is opened in a window, and for nothing else.
func fromBrowser(r *http.Request) bool {
	for entry := range strings.SplitSeq(strings.Join(r.Header["Accept"], ","), ",") {
		kind, options, _ := strings.Cut(entry, ";")
		if strings.EqualFold(strings.TrimSpace(kind), "text/html") {
			return quality(options) > 0
		}
	}
	return false
}

// options answers OPTIONS, a browser's preflight or not: what may be sent
// there. CORS headers, if any, are set already.
func (s *Server) options(x *exchange) {
	list := s.allowed(x.call.Request)
	if len(list) == 0 {
		s.fail(x, fault.ErrNotFound)
		return
	}
	h := x.out.Header()
	h["Allow"] = []string{strings.Join(list, ", ")}
	s.preflight(h, x.call.Request)
	x.out.WriteHeader(http.StatusNoContent)
}

// fail answers an error: a fault as it is, anything else as a 500 that is
// logged and not shown.
func (s *Server) fail(x *exchange, err error) {
	if x.out.hijacked || x.out.status != 0 {
		s.cfg.Log.LogAttrs(x, slog.LevelError, "answer broken off",
			slog.String("trace", x.call.TraceID), slog.String("error", err.Error()))
		return
	}
	if errors.Is(err, context.Canceled) && x.Context.Err() != nil {
		x.out.status = statusClientGone // nobody reads an answer
		return
	}
	f := visible(err)
	if f == nil {
		f = errInternal
		s.cfg.Log.LogAttrs(x, slog.LevelError, "internal error",
			slog.String("trace", x.call.TraceID), slog.String("request", x.call.ID.String()),
			slog.String("error", err.Error()))
	}
	s.renderFault(x, f)
}

// statusClientGone is what the log says where the client went away before its
// answer; nginx's number.
const statusClientGone = 499

// seconds is a duration as headers say it: whole, rounded up, at least one.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
