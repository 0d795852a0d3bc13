package rest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/memory"
)

// nowhere is a ResponseWriter that costs nothing.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w *nowhere) WriteHeader(int)             {}

func benchmark(b *testing.B, cfg Config, method, path, body string) {
	cfg.VerifyReplies = false
	s, err := build(cfg, toys)
	if err != nil {
		b.Fatal(err)
	}
	h := s.Handler()
	r := httptest.NewRequest(method, path, http.NoBody)
	r.Header.Set("Authorization", "Bearer alice")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("User-Agent", "benchmark")
	w := &nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		if body != "" {
			r.Header.Set("Content-Type", mediaJSON)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkEmptyHandler is the pipeline around a handler that does nothing.
func BenchmarkEmptyHandler(b *testing.B) {
	benchmark(b, toyConfig(), http.MethodPut, "/v1/toys/"+toyThing.String()+"/follow", "")
}

// BenchmarkEmptyHandlerLogged is the same with the access log written.
func BenchmarkEmptyHandlerLogged(b *testing.B) {
	cfg := toyConfig(func(c *Config) { c.Log = slog.New(slog.NewJSONHandler(io.Discard, nil)) })
	benchmark(b, cfg, http.MethodPut, "/v1/toys/"+toyThing.String()+"/follow", "")
}

// memoryGate is limits as the embedded stack has them, without the session.
type memoryGate struct{ limits *memory.Limits }

// Admit implements Gate.
func (g memoryGate) Admit(ctx context.Context, a commands.Arrival) (*commands.Actor, []commands.Level, error) {
	many := commands.Rate{Count: 1e9, Per: time.Minute}
	levels, err := g.limits.Draw(ctx, []commands.Draw{
		{Rule: "account", Key: a.Token, Rate: many}, {Rule: "write", Key: a.Token + " " + a.Route, Rate: many},
	})
	return &commands.Actor{Account: toyAlice}, levels, err
}

// BenchmarkEmptyHandlerLimited is the empty handler with two buckets and their
// headers; commands.BenchmarkAdmit has the rest of what a caller costs.
func BenchmarkEmptyHandlerLimited(b *testing.B) {
	cfg := toyConfig(func(c *Config) { c.Gate = memoryGate{memory.NewLimits(1000, time.Now)} })
	benchmark(b, cfg, http.MethodPut, "/v1/toys/"+toyThing.String()+"/follow", "")
}

// BenchmarkSmallBody decodes, validates and answers a body of 100 bytes.
func BenchmarkSmallBody(b *testing.B) {
	benchmark(b, toyConfig(), http.MethodPost, "/v1/toys",
		`{"title":"A title","body":"Some words of a text, `+strings.Repeat("x", 40)+`","count":3,"draft":true}`)
}
