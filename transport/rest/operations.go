package rest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Readiness is what /readyz answers. Status 503 when Ready is false.
type Readiness struct {
	Ready        bool         `json:"-"`
	Status       string       `json:"status" enum:"UP,DOWN" doc:"of the whole"`
	Dependencies []Dependency `json:"dependencies"`
	Projections  []Projection `json:"projections"`
}

// ReadinessOf is ready when every dependency is up.
func ReadinessOf(dependencies ...Dependency) Readiness {
	r := Readiness{Ready: true, Dependencies: dependencies}
	for _, d := range dependencies {
		r.Ready = r.Ready && d.State == Up
	}
	return r
}

// States of a dependency.
const (
	Up   = "up"
	Down = "down"
)

// Dependency is something that this node needs: the log, a database.
type Dependency struct {
	Name  string `json:"name" example:"log"`
	State string `json:"state" example:"up" doc:"up, down, or how it is impaired"`
}

// Projection is how far a read model is.
type Projection struct {
	Name        string   `json:"name" example:"tables"`
	Lag         uint64   `json:"lag" doc:"events between it and the end of the log"`
	Rebuildable bool     `json:"rebuildable"`
	Rebuild     *Rebuild `json:"rebuild" doc:"null where none is going on"`
}

// Rebuild is how far a rebuild is.
type Rebuild struct {
	Progress float64 `json:"progress" minimum:"0" maximum:"1"`
}

// operations registers what runs and describes the server: health, metrics,
// OpenAPI, documentation. They keep their own forms in every envelope.
func (s *Server) operations() {
	own := func(path, id, summary, produces string, do func(context.Context, *Call, None, http.ResponseWriter) error) {
		handle(s, Op{
			Method: http.MethodGet, Path: path, ID: id, Summary: summary, Tag: "Operations", Auth: Public,
			Waits: NoWait, Produces: produces, Unlimited: true,
		}, nil, do)
	}
	own("/livez", "livez", "Whether the process lives", mediaJSON, s.livez)
	own("/readyz", "readyz", "Whether this node can serve, with dependencies and projections", mediaJSON, s.readyz)
	own("/actuator/health", "actuatorHealth", "The same as /readyz", mediaJSON, s.readyz)
	own("/openapi.json", "openapi", "This description, OpenAPI 3.1", mediaJSON, s.serveOpenAPI)
	own("/docs", "docs", "This description as a page", "text/html", s.serveDocs)
	own("/docs/docs.js", "docsScript", "The page's script", "text/javascript", s.serveDocs)
	own("/docs/docs.css", "docsStyle", "The page's style", "text/css", s.serveDocs)
	metrics := promhttp.HandlerFor(s.cfg.Metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	own("/metrics", "metrics", "Prometheus metrics", "text/plain",
		func(_ context.Context, c *Call, _ None, w http.ResponseWriter) error {
			metrics.ServeHTTP(w, c.Request)
			return nil
		})
}

func (s *Server) livez(_ context.Context, c *Call, _ None, w http.ResponseWriter) error {
	return s.plain(c, w, http.StatusOK, map[string]string{"status": "UP"})
}

func (s *Server) readyz(ctx context.Context, c *Call, _ None, w http.ResponseWriter) error {
	r := s.cfg.Ready(ctx)
	status := http.StatusOK
	r.Status = "UP"
	if !r.Ready {
		status, r.Status = http.StatusServiceUnavailable, "DOWN"
		w.Header().Set("Retry-After", "1")
	}
	if r.Dependencies == nil {
		r.Dependencies = []Dependency{}
	}
	if r.Projections == nil {
		r.Projections = []Projection{}
	}
	return s.plain(c, w, status, r)
}

// plain answers JSON without an envelope.
func (s *Server) plain(c *Call, w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h["Content-Type"] = contentJSON
	h["Cache-Control"] = noStore
	s.write(exchangeOf(c.Request), status, append(b, '\n'))
	return nil
}

func (s *Server) serveOpenAPI(_ context.Context, c *Call, _ None, w http.ResponseWriter) error {
	h := w.Header()
	h["Content-Type"] = contentJSON
	h["Cache-Control"] = []string{"public, max-age=300"}
	s.write(exchangeOf(c.Request), http.StatusOK, s.openapi)
	return nil
}
