package rest

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// N3: a mounted handler gets the pipeline's bounds and headers and may take
// the connection over; its time is no latency.
func TestN3_MountsMayTakeTheConnection(t *testing.T) {
	t.Parallel()
	var log logged
	c := toyServer(t, func(cfg *Config) {
		cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
		cfg.Mounts = []Mount{
			{Pattern: "/v1/socket", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				hijacker, ok := w.(http.Hijacker) // as gorilla/websocket asks
				if !ok {
					t.Error("no Hijacker")
					return
				}
				conn, rw, err := hijacker.Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: toys\r\n\r\nhello")
				_ = rw.Flush()
				_ = conn.Close()
			})},
			{Pattern: "/assets/*", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush()
				_, _ = io.WriteString(w, r.URL.Path)
			})},
		}
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /v1/socket HTTP/1.1\r\nHost: toys\r\nConnection: Upgrade\r\nUpgrade: toys\r\n\r\n")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res, err)
	}
	if b, err := io.ReadAll(r); string(b) != "hello" {
		t.Errorf("%q %v", b, err)
	}
	a := c.do("GET", "/assets/deep/file", "")
	if a.Status != 200 || a.Raw != "/assets/deep/file" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%+v", a)
	}
	c.do("POST", "/assets/file", "{}").want(t, 405, "method.not_allowed")
	metrics := c.do("GET", "/metrics", "").Raw
	if strings.Contains(metrics, "/v1/socket") {
		t.Error("a socket's life counts as latency")
	}
	// The line is written when the handler has returned, which the socket's other
	// end need not have waited for.
	for begun := time.Now(); !strings.Contains(log.String(), `"status":101`); time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal(log.String())
		}
	}
}

// S12: a body that does not arrive whole is the caller's mistake.
func TestS12_BodiesThatBreakOff(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	for name, body := range map[string]string{
		"shorter than it said": "Content-Length: 100\r\n\r\n{\"title\":",
		"chunk cut off":        "Transfer-Encoding: chunked\r\n\r\n64\r\n{\"title\":",
		"no chunk":             "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "POST /v1/toys HTTP/1.1\r\nHost: toys\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\n"+body)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		_ = conn.Close()
		if res.StatusCode != 400 || !strings.Contains(string(b), `"body.incomplete"`) {
			t.Errorf("%s: %d %s", name, res.StatusCode, b)
		}
	}
}

// O8: only who opens an unknown address in a browser gets a page for it; the
// rest of the world, other methods and known paths get what they always do.
func TestO8_BrowsersGetAPageWhereNothingIs(t *testing.T) {
	t.Parallel()
	const chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
	c := toyServer(t, func(cfg *Config) {
		cfg.Lost = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "lost")
		}
	})
	for _, test := range []struct {
		method, path, accept string
		page                 bool
	}{
		{"GET", "/nowhere", chromium, true},
		{"HEAD", "/nowhere", chromium, true},
		{"GET", "/v1/nowhere", "*/*, TEXT/HTML ;q=0.1", true},
		{"GET", "/nowhere", "", false},
		{"GET", "/nowhere", "*/*", false},
		{"GET", "/nowhere", mediaJSON, false},
		{"GET", "/nowhere", "text/html;q=0, */*", false},
		{"GET", "/nowhere", "text/*", false},
		{"POST", "/nowhere", chromium, false},
		{"OPTIONS", "/nowhere", chromium, false},
		{"GET", "/v1/fail/wrapped", chromium, false},
		{"DELETE", "/v1/public", chromium, false},
	} {
		a := c.do(test.method, test.path, "", "Accept", test.accept)
		if page := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html"); page != test.page || page && a.Status != http.StatusNotFound {
			t.Errorf("%s %s for %q: %d %s", test.method, test.path, test.accept, a.Status, a.Raw)
		}
		if a.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: no id", test.method, test.path)
		}
	}
}
