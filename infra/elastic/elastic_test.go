package elastic

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/readmodels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// against makes an index on a server that answers as told, with short pauses.
func against(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, body string)) (*Engine, *Index) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		answer(w, r, string(raw))
	}))
	e, err := New(Config{URLs: []string{server.URL}, Timeout: time.Minute, Writing: time.Minute, Retries: 3, RetryMin: time.Millisecond, RetryMax: 4 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		_ = e.Close()
	})
	return e, &Index{engine: e, alias: "parley-search_f"}
}

func some(n int) []readmodels.Change {
	all := make([]readmodels.Change, n)
	for i := range all {
		all[i] = readmodels.Change{Document: readmodels.Document{Thing: readmodels.Thing{Kind: readmodels.SearchPosts, ID: uuid.UUID{byte(i)}}, Title: "t"}}
	}
	return all
}

// O5: what the cluster has no time for is asked again, with pauses: whole calls
// as well as single documents of a bulk.
func TestO5_BusyClusterIsAskedAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	var bodies []string
	_, index := against(t, func(w http.ResponseWriter, r *http.Request, body string) {
		bodies = append(bodies, body)
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3: // one is made, one is newer there, one is refused, one comes too early
			_, _ = io.WriteString(w, `{"errors":true,"items":[{"index":{"status":201}},
				{"index":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"r"}}},
				{"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"odd"}}},
				{"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}]}`)
		default:
			_, _ = io.WriteString(w, `{"errors":false,"items":[{"index":{"status":201}}]}`)
		}
	})
	changes := some(4)
	err := index.Apply(t.Context(), changes, 7)
	refused := (*readmodels.RefusedDocuments)(nil)
	if !errors.As(err, &refused) || len(refused.Keys) != 1 || refused.Keys[0] != changes[2].Key() || !strings.Contains(refused.Reason, "odd") {
		t.Errorf("err = %v", err)
	}
	if calls.Load() != 4 || bodies[0] != bodies[1] || bodies[1] != bodies[2] || strings.Count(bodies[3], "\n") != 2 || !strings.Contains(bodies[3], changes[3].Key()) {
		t.Errorf("%d calls: %q", calls.Load(), bodies)
	}
}

// O5: a cluster that stays busy, is silent or is none ends a call in time, with
// an error that names it and not its password.
func TestO5_ErrorsNameTheCluster(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, body string)
		want   error
	}{
		"busy":     {func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusTooManyRequests) }, readmodels.ErrUnavailable},
		"down":     {func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusServiceUnavailable) }, readmodels.ErrUnavailable},
		"locked":   {func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusUnauthorized) }, readmodels.ErrUnavailable},
		"garbage":  {func(w http.ResponseWriter, _ *http.Request, _ string) { _, _ = io.WriteString(w, "<html>") }, readmodels.ErrUnavailable},
		"no index": {func(w http.ResponseWriter, _ *http.Request, _ string) { missing(w) }, readmodels.ErrNoGeneration},
		"silent": {func(_ http.ResponseWriter, r *http.Request, _ string) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}, readmodels.ErrUnavailable},
		"another": {func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Del("X-Elastic-Product")
			_, _ = io.WriteString(w, "{}")
		}, readmodels.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, index := against(t, c.answer)
			if name == "silent" {
				e.cfg.Timeout, e.cfg.Writing = 100*time.Millisecond, 100*time.Millisecond
			}
			_, searched := e.Search(t.Context(), "search_f", readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words("x"), Limit: 1})
			_, position := index.Position(t.Context())
			for what, err := range map[string]error{
				"search": searched, "position": position, "write": index.Apply(t.Context(), some(1), 1), "refresh": index.Refresh(t.Context()),
			} {
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "elasticsearch: ") {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	if _, err := New(Config{URLs: []string{"http://user:secret@ho st"}}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a bad address: %v", err)
	}
	for _, bad := range []Config{{}, {URLs: []string{"ftp://x"}}, {URLs: []string{"http://x"}, Prefix: "A*"}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func missing(w http.ResponseWriter) {
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, `{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}`)
}

// Invariant 9: what is stored of a document has no text in it, and every write
// goes through an alias that must be there.
func TestF10_WritesAreGuarded(t *testing.T) {
	t.Parallel()
	var made struct {
		Mappings struct {
			Dynamic string `json:"dynamic"`
			Source  struct {
				Excludes []string `json:"excludes"`
			} `json:"_source"`
		} `json:"mappings"`
		Settings struct {
			Refresh string `json:"refresh_interval"`
		} `json:"settings"`
	}
	e, index := against(t, func(w http.ResponseWriter, r *http.Request, body string) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "-docs") {
			if err := json.Unmarshal([]byte(body), &made); err != nil {
				t.Error(err)
			}
		} else if r.URL.Query().Get("require_alias") != "true" {
			t.Errorf("%s %s requires no alias", r.Method, r.URL)
		}
		if strings.Contains(body, `"delete"`) || r.URL.Query().Has("refresh") {
			t.Errorf("%s %s: %s", r.Method, r.URL, body)
		}
		_, _ = io.WriteString(w, `{"errors":false}`)
	})
	if _, err := e.Create(t.Context(), "search_f"); err != nil {
		t.Fatal(err)
	}
	if made.Mappings.Dynamic != "strict" || made.Settings.Refresh != "-1" || strings.Join(made.Mappings.Source.Excludes, " ") != "names title body" {
		t.Errorf("made: %+v", made)
	}
	changes := some(2)
	changes[1].Gone = true
	if err := errors.Join(index.Apply(t.Context(), changes, 1), index.SetPosition(t.Context(), 1)); err != nil {
		t.Error(err)
	}
}
