package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// S12: unknown paths and methods, in the envelope.
func TestS12_UnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	toy := "/v1/toys/" + toyThing.String()
	for _, test := range []struct {
		method, path string
		status       int
		slug, allow  string
	}{
		{"GET", "/", 404, "not_found", ""},
		{"GET", "/v2/toys", 404, "not_found", ""},
		{"POST", "/nowhere", 404, "not_found", ""},
		{"BREW", "/nowhere", 404, "not_found", ""},
		{"TRACE", "/nowhere", 404, "not_found", ""},
		{"OPTIONS", "/nowhere", 404, "not_found", ""},
		{"GET", "/v1/toys/", 404, "not_found", ""},
		{"GET", "/v1/toys/%zz", 400, "", ""}, // net/http's own
		{"GET", "/v1/toys", 405, "method.not_allowed", "POST, OPTIONS"},
		{"DELETE", toy, 405, "method.not_allowed", "GET, HEAD, PATCH, OPTIONS"},
		{"TRACE", toy, 405, "method.not_allowed", "GET, HEAD, PATCH, OPTIONS"},
		{"CONNECT", toy, 405, "method.not_allowed", "GET, HEAD, PATCH, OPTIONS"},
		{"BREW", toy, 405, "method.not_allowed", "GET, HEAD, PATCH, OPTIONS"},
		{"get", toy, 405, "method.not_allowed", "GET, HEAD, PATCH, OPTIONS"},
		{"OPTIONS", toy, 204, "", "GET, HEAD, PATCH, OPTIONS"},
		{"GET", "/v1/toys/17", 404, "not_found", ""},
		{"GET", "/v1/toys/01890a5dac96774bbcceb302099a8057", 404, "not_found", ""},
		{"GET", "/v1/toys/%7B01890a5d-ac96-774b-bcce-b302099a8057%7D", 404, "not_found", ""},
	} {
		a := rawRequest(t, c, test.method+" "+test.path+" HTTP/1.1\r\nHost: toys\r\nConnection: close\r\n\r\n")
		a.want(t, test.status, test.slug)
		if got := a.Header.Get("Allow"); got != test.allow {
			t.Errorf("%s %s: Allow %q", test.method, test.path, got)
		}
	}
	if a := c.do("HEAD", toy, ""); a.Status != 200 || a.Raw != "" || a.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %+v", a)
	}
}

// rawRequest writes bytes to a connection of its own.
func rawRequest(t *testing.T, c *client, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, request) }()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: res.StatusCode, Header: res.Header, Raw: string(b)}
	_ = json.Unmarshal(b, &a.JSON)
	return a
}

// S12: the URL and the headers are bounded, and told so in the envelope.
func TestS12_URLAndHeadersAreBounded(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	target := func(size int) string { return "/v1/public?" + strings.Repeat("x", size-len("/v1/public?")) }
	c.do("GET", target(8<<10), "").want(t, 200, "")
	c.do("GET", target(8<<10+1), "").want(t, 414, "request.url_too_long")
	c.do("GET", target(100<<10), "").want(t, 414, "request.url_too_long")
	c.do("GET", "/v1/public", "", "X-Large", strings.Repeat("x", 63<<10)).want(t, 200, "")
	c.do("GET", "/v1/public", "", "X-Large", strings.Repeat("x", 64<<10)).want(t, 431, "request.headers_too_large")
	many := strings.Repeat("X-Many: 123456\r\n", 5000)
	rawRequest(t, c, "GET /v1/public HTTP/1.1\r\nHost: toys\r\n"+many+"Connection: close\r\n\r\n").want(t, 431, "request.headers_too_large")
	if a := c.do("GET", "/v1/public", "", "X-Large", strings.Repeat("x", 600<<10)); a.Status != 431 {
		t.Errorf("far beyond the bound: %d", a.Status)
	}
}

// S12: what went wrong inside is a 500 that says nothing, and is logged with
// the trace id that the answer names.
func TestS12_InternalErrorsAreLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	var log logged
	c := toyServer(t, func(cfg *Config) { cfg.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	for _, path := range []string{"/v1/fail/internal", "/v1/fail/panic", "/v1/fail/nil"} {
		a := c.do("GET", path, "").want(t, 500, "internal")
		if strings.Contains(a.Raw, "secret") || strings.Contains(a.Raw, "tags") {
			t.Errorf("%s shows what happened: %s", path, a.Raw)
		}
		id, _ := a.JSON["traceId"].(string)
		if len(id) != 32 || !strings.Contains(log.String(), id) {
			t.Errorf("%s: trace %q is not in the log", path, id)
		}
	}
	for _, want := range []string{"the secret of the database", "the secret of the panic", "pipeline.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	res, err := c.http.Get(c.url + "/v1/fail/halfway")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err == nil {
		t.Error("an answer that broke off looks whole")
	}
}

// S12: faults keep their kind through wrapping; storage and time have theirs.
func TestS12_FaultsMapToStatuses(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	a := c.do("GET", "/v1/fail/wrapped", "").want(t, 409, "toy.taken")
	if diff := cmp.Diff([]string{"title: taken"}, a.fields()); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]struct {
		status int
		slug   string
		after  string
	}{
		"limited": {429, "limit.exceeded", "2"}, // 1.5 s, rounded up
		"full":    {507, "storage.full", "30"},
		"keyless": {503, "storage.unavailable", "30"},
		"late":    {503, "unavailable.timeout", "1"},
	} {
		a := c.do("GET", "/v1/fail/"+path, "").want(t, want.status, want.slug)
		if got := a.Header.Get("Retry-After"); got != want.after {
			t.Errorf("%s: Retry-After %q", path, got)
		}
	}
}

// O5: beyond what may be at work at once, requests are shed, not queued.
func TestO5_LoadIsShed(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	s, err := build(toyConfig(func(c *Config) { c.MaxInFlight = 1 }), func(s *Server) {
		route(s, get("/v1/slow", "slow", Public), nil, func(ctx context.Context, _ *Call, _, _ None) (Reply[None], error) {
			close(entered)
			<-leave
			return Reply[None]{}, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	c := serveOn(t, s)
	done := make(chan answer)
	go func() { done <- c.do("GET", "/v1/slow", "") }()
	<-entered
	a := c.do("GET", "/v1/slow", "").want(t, 503, "unavailable.busy")
	if a.Header.Get("Retry-After") != "1" {
		t.Error("no Retry-After")
	}
	close(leave)
	if a := <-done; a.Status != 204 {
		t.Errorf("the one at work: %d", a.Status)
	}
}

// O5: a request that takes too long is told so.
func TestO5_RequestsTimeOut(t *testing.T) {
	t.Parallel()
	s, err := build(toyConfig(func(c *Config) { c.Timeout = 5 * time.Millisecond }), func(s *Server) {
		route(s, get("/v1/slow", "slow", Public), nil, func(ctx context.Context, _ *Call, _, _ None) (Reply[None], error) {
			<-ctx.Done()
			return Reply[None]{}, ctx.Err()
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, s).do("GET", "/v1/slow", "").want(t, 503, "unavailable.timeout")
}

// O9: every answer carries the security headers; HSTS follows https.
func TestO9_SecurityHeaders(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "https://parley.example"} {
		c := toyServer(t, func(cfg *Config) { cfg.BaseURL = base })
		for _, path := range []string{"/v1/public", "/nowhere", "/livez", "/docs", "/v1/fail/internal"} {
			h := c.do("GET", path, "").Header
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
				h.Get("X-Frame-Options") != "DENY" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%s: %v", path, h)
			}
			if got := h.Get("Strict-Transport-Security") != ""; got != (base != "") {
				t.Errorf("%s at %q: HSTS %v", path, base, got)
			}
		}
	}
}

// S12: what answers may be kept.
func TestS12_CacheControl(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	for path, want := range map[string]string{
		"/v1/public": "private, no-cache", "/v1/numbers": "private, no-cache", "/v1/fail/wrapped": "no-store", "/readyz": "no-store",
	} {
		if got := c.do("GET", path, "").Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	a := c.do("POST", "/v1/refresh", "").want(t, 200, "")
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Set-Cookie") != "parley_refresh=v; HttpOnly" {
		t.Errorf("%v", a.Header)
	}
}

// O9: listed origins may read, any other gets no Access-Control header at all.
func TestO9_CORSByList(t *testing.T) {
	t.Parallel()
	c := toyServer(t, func(cfg *Config) {
		cfg.BaseURL, cfg.Origins = "https://parley.example:443/", []string{"https://app.example", "http://localhost:3000"}
	})
	access := func(a answer) (list []string) {
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				list = append(list, name)
			}
		}
		return list
	}
	for origin, allowed := range map[string]bool{
		"https://app.example": true, "http://localhost:3000": true, "https://parley.example": true, c.url: true,
		"https://evil.example": false, "null": false, "https://app.example.evil.example": false, "http://app.example": false,
		"https://app.example:8443": false, "HTTPS://APP.EXAMPLE": false, "": false, "file://": false,
	} {
		for _, path := range []string{"/v1/public", "/nowhere"} {
			a := c.do("GET", path, "", "Origin", origin)
			if got := a.Header.Get("Access-Control-Allow-Origin") == origin && origin != ""; got != allowed || !allowed && len(access(a)) > 0 {
				t.Errorf("%s from %q: %v", path, origin, access(a))
			}
			if !strings.Contains(a.Header.Get("Vary"), "Origin") {
				t.Error("no Vary")
			}
		}
		a := c.do("OPTIONS", "/v1/toys", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
		if a.Status != 204 || (a.Header.Get("Access-Control-Allow-Methods") != "") != allowed || !allowed && len(access(a)) > 0 {
			t.Errorf("preflight from %q: %d %v", origin, a.Status, access(a))
		}
		if allowed && !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Parley-Position") {
			t.Errorf("preflight: %v", a.Header)
		}
		// What a cookie alone may do is refused to foreign origins; no Origin is no browser.
		if origin == "" || allowed {
			c.do("POST", "/v1/refresh", "", "Origin", origin).want(t, 200, "")
		} else {
			c.do("POST", "/v1/refresh", "", "Origin", origin).want(t, 403, "origin.foreign")
		}
	}
}

// S11: the client is the rightmost address that is no trusted proxy.
func TestS11_ClientNetwork(t *testing.T) {
	t.Parallel()
	s := &Server{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::1/128")}}}
	for _, test := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"198.51.100.7:999", nil, "198.51.100.7"},
		{"198.51.100.7:999", []string{"203.0.113.1"}, "198.51.100.7"}, // not from a proxy of ours
		{"10.0.0.1:999", []string{"203.0.113.1"}, "203.0.113.1"},
		{"10.0.0.1:999", []string{"6.6.6.6, 203.0.113.1"}, "203.0.113.1"},             // the left one is forged
		{"10.0.0.1:999", []string{"6.6.6.6", "203.0.113.1, 10.2.3.4"}, "203.0.113.1"}, // two lines, two proxies
		{"10.0.0.1:999", []string{"203.0.113.1:4711,10.0.0.9"}, "203.0.113.1"},        // with a port
		{"10.0.0.1:999", []string{"[2001:db8:1:2::5]:80"}, "2001:db8:1:2::/64"},       // likewise
		{"10.0.0.1:999", []string{"6.6.6.6, nonsense, 10.0.0.9"}, "10.0.0.9"},         // no further than what can be read
		{"10.0.0.1:999", []string{""}, "10.0.0.1"},                                    // empty
		{"10.0.0.1:999", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},                  // all ours
		{"[fd00::1]:999", []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"},      // IPv6
		{"[2001:db8:1:2:3:4:5:6]:999", nil, "2001:db8:1:2::/64"},                      //
		{"[::ffff:198.51.100.7]:999", nil, "198.51.100.7"},                            // IPv4 in IPv6
		{"[fe80::1%eth0]:999", nil, "fe80::/64"},                                      // zones are nobody's business
		{"@", nil, ""},                                                                // a Unix socket
	} {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{}}
		if test.forwarded != nil {
			r.Header["X-Forwarded-For"] = test.forwarded
		}
		if got := networkOf(s.clientAddr(r)); got != test.want {
			t.Errorf("%s %q: %q, want %q", test.remote, test.forwarded, got, test.want)
		}
	}
}

// Q1: commands learn who asked, why and in whose trace.
func TestQ1_MetaReachesCommands(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	positions := event.NewPositions(toyEpoch)
	a := c.do("GET", "/v1/client", "", "traceparent", parent, "User-Agent", strings.Repeat("é", 300), positionHeader, positions.Encode(7)).want(t, 200, "")
	got, _ := a.got(t).([]any)
	client, _ := got[1].(map[string]any)
	meta, _ := got[2].(map[string]any)
	if got[0] != "127.0.0.1" || client["Network"] != "127.0.0.1" || client["Agent"] != strings.Repeat("é", 256) || got[3] != 7.0 {
		t.Errorf("%v", got)
	}
	if meta["actor"] != event.System || meta["correlation"] != a.Header.Get("X-Request-Id") ||
		!regexp.MustCompile(`^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$`).MatchString(meta["trace"].(string)) {
		t.Errorf("%v", meta)
	}
	a = c.do("GET", "/nowhere", "", "traceparent", parent)
	if a.JSON["traceId"] != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("trace %v", a.JSON["traceId"])
	}
	for _, bad := range []string{
		"x", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
	} {
		a := c.do("GET", "/nowhere", "", "traceparent", bad)
		if id, _ := a.JSON["traceId"].(string); len(id) != 32 || strings.Contains(strings.ToLower(bad), id) {
			t.Errorf("%q gives trace %q", bad, id)
		}
		if _, err := uuid.Parse(a.Header.Get("X-Request-Id")); err != nil {
			t.Error(err)
		}
	}
}

// S6: tokens never reach the log, nor do secrets of paths.
func TestS6_TokensNeverReachTheLog(t *testing.T) {
	t.Parallel()
	var log logged
	c := toyServer(t, func(cfg *Config) {
		cfg.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Carriers = map[string][]Carrier{"toys": {Bearer, Query, Cookie}}
	})
	c.do("GET", "/v1/toys/"+toyThing.String()+"?token=alice-secret&ticket=secret", "").want(t, 401, "auth.invalid")
	c.do("GET", "/v1/toys/"+toyThing.String(), "", "Authorization", "Bearer secret").want(t, 401, "auth.invalid")
	c.do("GET", "/v1/people/@secret", "", "Cookie", "parley_token=secret").want(t, 200, "")
	c.do("GET", "/secret?token=secret", "").want(t, 404, "not_found")
	if strings.Contains(log.String(), "secret") {
		t.Error(log.String())
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], `"path":"/v1/toys/`+toyThing.String()+`"`) || !strings.Contains(lines[2], `"path":"/v1/people/{ref}"`) {
		t.Error(log.String())
	}
	for _, want := range []string{`"method":"GET"`, `"status":401`, `"trace":"`, `"ms":`} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("%s lacks %s", lines[0], want)
		}
	}
}
