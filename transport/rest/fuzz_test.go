package rest

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/pictures"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
)

// FuzzHeaders: whatever a request carries, nobody gets in but by a token that
// stands there, and nothing makes an answer of 500.
func FuzzHeaders(f *testing.F) {
	cfg := toyConfig(func(c *Config) {
		c.Carriers = map[string][]Carrier{"toys": {Bearer, Raw, Query, Form, Cookie}}
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}

	})
	s, err := build(cfg, toys)
	if err != nil {
		f.Fatal(err)
	}
	names := []string{
		"Authorization", "Cookie", "X-Forwarded-For", "If-Match", "Parley-Position", "Idempotency-Key", "Traceparent", "Accept",
		"Origin", "Content-Type", "Content-Encoding", timestampHeader, nonceHeader,
	}
	for i, value := range []string{
		"Bearer alice", "parley_token=alice; parley_token=bob", "203.0.113.9, 192.0.2.1", `"a", W/"b"`, "x.1", strings.Repeat("k", 300),
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "application/problem+json;q=0.1, */*;q=nonsense", "null",
		"multipart/form-data; boundary=x", "gzip", "-1", "\x00",
	} {
		f.Add(uint8(i), value, `{"title":"x"}`)
		f.Add(uint8(i), value+","+value, "--x\r\nContent-Disposition: form-data; name=token\r\n\r\nalice\r\n--x--")
	}
	f.Fuzz(func(t *testing.T, which uint8, value, body string) {
		name := names[int(which)%len(names)]
		for _, method := range []string{http.MethodPut, http.MethodPost} {
			path := "/v1/toys/" + toyThing.String() + "/follow"
			if method == http.MethodPost {
				path = "/v1/toys"
			}
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.RemoteAddr = "192.0.2.1:1"
			r.Header.Set("Content-Type", mediaJSON)
			r.Header[name] = []string{value}
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			in := strings.Contains(value, "alice") || strings.Contains(value, "bob") || strings.Contains(body, "alice") || strings.Contains(body, "bob")
			if w.Code >= 500 || !in && w.Code < 400 {
				t.Fatalf("%s %s with %s: %q and %q: %d %s", method, path, name, value, body, w.Code, w.Body)
			}
		}
	})
}

// FuzzForwarded: what a proxy that we trust says counts from the right, and no
// address is made up.
func FuzzForwarded(f *testing.F) {
	proxies := netip.MustParsePrefix("192.0.2.0/24")
	s, err := build(toyConfig(func(c *Config) { c.TrustedProxies = []netip.Prefix{proxies} }), toys)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"203.0.113.9", "1.1.1.1, 203.0.113.9:80, 192.0.2.7", "[2001:db8::1]:1", "fe80::1%eth0", "::ffff:1.2.3.4", ",", " ,x", ""} {
		f.Add("192.0.2.1:1", seed)
		f.Add("198.51.100.1:1", seed)
	}
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		got := s.clientAddr(r)
		peer, err := netip.ParseAddrPort(remote)
		if err != nil {
			if got.IsValid() {
				t.Fatalf("%q: %s", remote, got)
			}
			return
		}
		addr := peer.Addr().Unmap().WithZone("")
		if !proxies.Contains(addr) && got != addr {
			t.Fatalf("%s, which is no proxy, makes itself %s", addr, got)
		}
		said := slices.ContainsFunc(strings.Split(forwarded, ","), func(entry string) bool {
			a, ok := forwardedAddr(strings.TrimSpace(entry))
			return ok && a == got
		})
		if got != addr && !said {
			t.Fatalf("%q, %q: %s", remote, forwarded, got)
		}
		if network := networkOf(got); network == "" || strings.ContainsAny(network, " \n%") {
			t.Fatalf("%s is in %q", got, network)
		}
	})
}

// FuzzUpload: a form is read as multipart says, within its bounds, or refused
// with a fault.
func FuzzUpload(f *testing.F) {
	limits := commands.DefaultImages()
	s, err := build(toyConfig(), toys)
	if err != nil {
		f.Fatal(err)
	}
	if s.cfg.Commands, err = commands.New(commands.Defaults(), commands.Deps{}); err != nil {
		f.Fatal(err)
	}
	form := func(fields ...string) []byte {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		_ = w.SetBoundary("x")
		for i := 0; i+1 < len(fields); i += 2 {
			part, _ := w.CreateFormFile(fields[i], "name")
			_, _ = io.WriteString(part, fields[i+1])
		}
		_ = w.Close()
		return b.Bytes()
	}
	f.Add("multipart/form-data; boundary=x", form("file", "picture", "purpose", "avatar"))
	f.Add("multipart/form-data; boundary=x", form("file", "a", "file", "b", "purpose", "post"))
	f.Add("multipart/form-data; boundary=x", form("purpose", strings.Repeat("x", maxField+1)))
	f.Add("multipart/form-data", form())
	f.Add("multipart/form-data; boundary=x", form("file", "cut")[:40])
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/v1/images", bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		c := &Call{server: s, Request: r, out: &writer{ResponseWriter: httptest.NewRecorder()}}
		in, err := s.readUpload(c)
		switch {
		case err != nil && fault.As(err) == nil:
			t.Fatalf("no fault: %v", err)
		case err != nil:
			return
		case int64(len(in.Content)) > limits.Size || !slices.Contains(image.Purposes, in.Purpose) || !bytes.Contains(body, in.Content):
			t.Fatal(fmt.Sprintf("%q and %d bytes were read", in.Purpose, len(in.Content)), pictures.ErrTooLarge)
		}
	})
}
