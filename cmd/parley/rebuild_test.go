package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Q7: rebuild returns after the swap, with progress, and fails for what
// cannot be rebuilt.
func TestQ7_RebuildAFolder(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if _, stderr, status := call(t, nil, "seed", "--data", data, "--accounts=5", "--posts=10", "--messages=10"); status != 0 {
		t.Fatal(stderr)
	}
	live := func() string {
		t.Helper()
		name, err := os.ReadFile(filepath.Join(data, "tables", "live"))
		if err != nil {
			t.Fatal(err)
		}
		return string(name)
	}
	before := ""
	for _, name := range []string{"tables", "all"} {
		stdout, stderr, status := call(t, nil, "rebuild", name, "--data", data)
		if status != 0 || !strings.HasPrefix(stdout, "rebuilt tables in ") || !strings.Contains(stderr, "tables: 100 %\n") {
			t.Fatalf("%s: status %d, stdout %q, stderr %q", name, status, stdout, stderr)
		}
		if strings.Contains(stdout, "\nrebuilt search in ") != (name == "all") {
			t.Errorf("%s: %q", name, stdout)
		}
		if live() == before {
			t.Error("it did not swap")
		}
		before = live()
	}
	for _, name := range []string{"notify", "nothing"} {
		_, stderr, status := call(t, nil, "rebuild", name, "--data", data)
		if status != exitFailed || !strings.Contains(stderr, name+": this cannot be rebuilt; there are tables and search") {
			t.Errorf("%s: status %d, stderr %q", name, status, stderr)
		}
	}
	if live() != before {
		t.Error("it swapped")
	}
}

// Q7: a running server is asked with an API key, and waited for.
func TestQ7_RebuildOnAServer(t *testing.T) {
	t.Parallel()
	var looked atomic.Int32
	const rebuild = "/v1/admin/projections/%s/rebuild"
	mux := http.NewServeMux()
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				status, body = 403, `{"title":"Forbidden","detail":"This API key was not made for that.","error":"auth.scope"}`
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	state := func(name, state, more string) string {
		return fmt.Sprintf(`{"code":200,"data":{"id":%q,"state":%q,"progress":0.5,"reason":%s}}`, name, state, more)
	}
	mux.Handle("GET /v1/admin/projections", answer(200, `{"data":{"items":[{"name":"tables","rebuildable":true},{"name":"notify","rebuildable":false},{"name":"search","rebuildable":true}]}}`))
	for _, name := range []string{"tables", "search", "broken", "other"} {
		mux.Handle("POST "+fmt.Sprintf(rebuild, name), answer(202, state(name, "queued", "null")))
	}
	mux.Handle("POST "+fmt.Sprintf(rebuild, "notify"), answer(422, `{"title":"Unprocessable Entity","detail":"This cannot be rebuilt: what was told stays told.","error":"projection.not_rebuildable"}`))
	mux.Handle("GET "+fmt.Sprintf(rebuild, "tables"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch looked.Add(1) {
		case 1:
			answer(200, state("tables", "running", "null"))(w, r)
		case 2:
			answer(503, "")(w, r) // it restarts
		default:
			answer(200, state("tables", "done", "null"))(w, r)
		}
	}))
	mux.Handle("GET "+fmt.Sprintf(rebuild, "search"), answer(200, state("search", "done", "null")))
	mux.Handle("GET "+fmt.Sprintf(rebuild, "broken"), answer(200, state("broken", "failed", `"the disk is full"`)))
	mux.Handle("GET "+fmt.Sprintf(rebuild, "other"), answer(200, state("later", "running", "null")))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	stdout, stderr, status := call(t, nil, "rebuild", "all", "--server", server.URL+"/", "--key-file", key, "--due-every=1ms")
	if status != 0 || strings.Count(stdout, "rebuilt ") != 2 || stderr != "tables: 50 %\ntables: 100 %\nsearch: 50 %\nsearch: 100 %\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	for name, want := range map[string]string{
		"notify": "notify: This cannot be rebuilt", "broken": "broken: the disk is full", "other": "other: another rebuild began", "nothing": "nothing: the server answers 404",
	} {
		_, stderr, status := call(t, nil, "rebuild", name, "--server", server.URL, "--key=secret", "--due-every=1ms")
		if status != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, stderr %q", name, status, stderr)
		}
	}
	for want, args := range map[string][]string{
		"This API key was not made for that": {"--server", server.URL, "--key=other"},
		"the server is not reached":          {"--server", "http://127.0.0.1:1", "--key=secret"},
	} {
		_, stderr, status := call(t, nil, append([]string{"rebuild", "tables"}, args...)...)
		if status != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, stderr %q", args, status, stderr)
		}
	}
}

// Wrong uses of rebuild are refused before anything is asked or opened.
func TestRebuildUsage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"<name>":                       {},
		"--server: expected http":      {"tables", "--server=forum.example.org", "--key=x"},
		"--server needs --key":         {"tables", "--server=http://a"},
		"and not both":                 {"tables", "--server=http://a", "--key=x", "--key-file=y"},
		"--key and --key-file are for": {"tables", "--key=x"},
	} {
		_, stderr, status := call(t, nil, append([]string{"rebuild"}, args...)...)
		if status != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, stderr %q", args, status, stderr)
		}
	}
	_, stderr, status := call(t, nil, "rebuild", "tables", "--data", filepath.Join(t.TempDir(), "none"))
	if status != exitFailed || !strings.Contains(stderr, "there is no data folder") {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
}

func TestRebuildHelp(t *testing.T) {
	t.Parallel()
	if own, stderr, status := call(t, nil, "rebuild", "--help"); status != 0 || stderr != "" || !strings.Contains(own, "Example:\n\n    parley rebuild") {
		t.Errorf("status %d, stderr %q, stdout\n%s", status, stderr, own)
	}
}
