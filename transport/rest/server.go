package rest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Server is the HTTP API. It is safe for use at once and holds no goroutine.
type Server struct {
	cfg      Config
	router   *chi.Mux
	registry huma.Registry
	shapes   shapes
	fixed    map[string]bool // schemas that fixObject has seen
	routes   []*endpoint     // in the order of registration
	errs     []error         // of registration; they fail New
	openapi  []byte
	docs     docsPage
	latency  *prometheus.HistogramVec
	inFlight atomic.Int64
	origins  map[string]bool
}

// New makes a Server with all routes. Errors: what is missing or wrong in cfg,
// and routes whose types have no schema.
func New(cfg Config) (*Server, error) { return build(cfg, (*Server).register) }

// build is New with routes of the caller's choice, for tests.
func build(cfg Config, register func(*Server)) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, router: chi.NewMux(), shapes: shapes{}, fixed: map[string]bool{}, origins: map[string]bool{},
		registry: huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer),
	}
	for _, o := range append(cfg.Origins, cfg.BaseURL) {
		s.origins[originOf(o)] = o != ""
	}
	if s.latency, err = latencyMetric(cfg.Metrics); err != nil {
		return nil, err
	}
	s.router.NotFound(s.unrouted)
	s.router.MethodNotAllowed(s.unrouted)
	if !cfg.NoAPI {
		register(s)
	}
	s.operations() // the last chapter of the description
	for _, m := range cfg.Mounts {
		s.mount(m)
	}
	if !cfg.NoAPI {
		s.checkCarriers()
	}
	if err := errors.Join(s.errs...); err != nil {
		return nil, err
	}
	if s.openapi, err = s.describe(); err != nil {
		return nil, fmt.Errorf("rest: openapi: %w", err)
	}
	s.docs, err = loadDocs()
	return s, err
}

// Handler answers every request.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// HTTPServer is an http.Server around Handler with the time-outs and bounds
// that belong to it; the caller gives it a listener. It leaves room above the
// bounds so that what is too large gets an answer in the envelope; beyond
// that the connection is answered 431 in plain text and closed.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		MaxHeaderBytes:    4 * (maxHeaders + maxURL),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
}

// checkCarriers refuses carriers for groups that no route belongs to: a typing
// mistake there would look like a policy that is kept.
func (s *Server) checkCarriers() {
	groups := map[string]bool{}
	for _, e := range s.routes {
		groups[e.group] = true
	}
	for g := range s.cfg.Carriers {
		if !groups[g] {
			s.errs = append(s.errs, fmt.Errorf("rest: token carriers for %q, but no route is in that group", g))
		}
	}
}
