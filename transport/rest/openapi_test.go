package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; go test -update writes it anew\n%s", name, diff)
	}
}

// realServer has all routes of the product and nothing behind them; only its
// descriptions are looked at.
func realServer(t *testing.T) *Server {
	t.Helper()
	s, err := New(toyConfig(func(c *Config) {
		c.Waiters = map[string]Waiter{Tables: toyWaiter{}, Notify: toyWaiter{}, Search: toyWaiter{}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// S7: who may call what is declared, in one table.
func TestS7_RouteTable(t *testing.T) {
	t.Parallel()
	golden(t, "routes.txt", routeTable(realServer(t)))
}

func routeTable(s *Server) []byte {
	var lines []string
	for _, e := range s.routes {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%-6s %-45s %-8s %s %s", e.op.Method, e.op.Path, e.op.Auth, e.op.ID, e.op.Scope)))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[7:], b[7:]) })
	return []byte(strings.Join(lines, "\n") + "\n")
}

// Q6: the OpenAPI document is what it was, unless somebody meant to change it.
func TestQ6_OpenAPI(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Server{"openapi.json": realServer(t), "toys.openapi.json": mustBuild(t)} {
		var out bytes.Buffer
		if err := json.Indent(&out, s.openapi, "", " "); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
		golden(t, name, out.Bytes())
	}
}

func mustBuild(t *testing.T) *Server {
	t.Helper()
	s, err := build(toyConfig(), toys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Q6: every reference leads somewhere, every operation says who may call it,
// has an id of its own, one success and the envelope around its data.
func TestQ6_OpenAPIIsWhole(t *testing.T) {
	t.Parallel()
	for _, s := range []*Server{realServer(t), mustBuild(t)} {
		var doc map[string]any
		if err := json.Unmarshal(s.openapi, &doc); err != nil {
			t.Fatal(err)
		}
		if doc["openapi"] != "3.1.0" {
			t.Error(doc["openapi"])
		}
		for _, m := range regexp.MustCompile(`"\$ref":"#/([^"]+)"`).FindAllStringSubmatch(string(s.openapi), -1) {
			var at any = doc
			for step := range strings.SplitSeq(m[1], "/") {
				inner, _ := at.(map[string]any)
				at = inner[step]
			}
			if at == nil {
				t.Errorf("%s leads nowhere", m[1])
			}
		}
		for path, item := range doc["paths"].(map[string]any) {
			for verb, raw := range item.(map[string]any) {
				op := raw.(map[string]any)
				if op["security"] == nil || op["operationId"] == nil || op["summary"] == "" || op["tags"] == nil {
					t.Errorf("%s %s says too little", verb, path)
				}
				for status, r := range op["responses"].(map[string]any) {
					content, _ := r.(map[string]any)["content"].(map[string]any)
					if status >= "400" && (content[mediaJSON] == nil || content[mediaProblem] == nil) {
						t.Errorf("%s %s: %s has no form", verb, path, status)
					}
				}
			}
		}
	}
	s := string(mustBuild(t).openapi)
	for _, want := range []string{
		`"link":{"anyOf":[{"$ref":"#/components/schemas/ToyLink"},{"type":"null"}]}`, // a Maybe of an object
		`"avatar":{"format":"uuid","type":["string","null"]}`,                        // of an id
		`"bearer":{"description":"an access token; where a scope is named, an API key that has it too","scheme":"bearer","type":"http"}`,
		`"examples":["A title"]`,
		`"error":"request.invalid"`,
	} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s", want)
		}
	}
}

// O8: the documentation needs nothing but this server.
func TestO8_DocsAreSelfContained(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	page := c.do("GET", "/docs", "")
	if page.Status != 200 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", page.Status, page.Header)
	}
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.Raw, -1) {
		if m[1] == "data:," {
			continue
		}
		if a := c.do("GET", m[1], ""); !strings.HasPrefix(m[1], "/") || a.Status != 200 {
			t.Errorf("%s: %d", m[1], a.Status)
		}
	}
	script := c.do("GET", "/docs/docs.js", "").Raw
	if regexp.MustCompile(`(?i)<script>|<style|\son\w+=|style="`).MatchString(page.Raw) || strings.Contains(script, "innerHTML") || strings.Contains(script+page.Raw, "://") {
		t.Error("the page has something inline, something from elsewhere, or markup made of text")
	}
}

// A route or a setting that cannot work fails at start, and says why.
func TestO6_MistakesFailAtStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit     func(*Config)
		register func(*Server)
		want     string
	}{
		"no authenticator": {func(c *Config) { c.Auth = nil }, nil, "required"},
		"envelope":         {func(c *Config) { c.Envelope = "soap" }, nil, "soap"},
		"carrier":          {func(c *Config) { c.Carriers = map[string][]Carrier{"toys": {"pigeon"}} }, nil, "pigeon"},
		"group":            {func(c *Config) { c.Carriers = map[string][]Carrier{"toyz": {Query}} }, nil, "toyz"},
		"origin":           {func(c *Config) { c.Origins = []string{"https://app.example/"} }, nil, "app.example"},
		"waiter": {nil, func(s *Server) {
			op := get("/v1/x", "x", Public)
			op.Waits = []string{"nobody"}
			route(s, op, nil, noop[None, None, None])
		}, "nobody"},
		"twice":          {nil, func(s *Server) { toys(s); toys(s) }, "there already"},
		"path parameter": {nil, func(s *Server) { route(s, get("/v1/x/{id}", "x", Public), nil, noop[None, None, None]) }, "[id]"},
		"time":           {nil, func(s *Server) { route(s, send("POST", "/v1/x", "x"), nil, noop[None, toyBadTime, None]) }, "rest.Time"},
		"time answered":  {nil, func(s *Server) { route(s, get("/v1/x", "x", Public), nil, noop[None, None, toyBadTime]) }, "rest.Time"},
		"no tag":         {nil, func(s *Server) { route(s, send("POST", "/v1/x", "x"), nil, noop[None, struct{ Name string }, None]) }, "json tag"},
		"nonsense tag": {nil, func(s *Server) {
			route(s, send("POST", "/v1/x", "x"), nil, noop[None, struct {
				N int `json:"n" minimum:"many"`
			}, None])
		}, "many"},
		"nonsense parameter": {nil, func(s *Server) {
			route(s, get("/v1/x", "x", Public), nil, noop[struct {
				N int `query:"n" minimum:"many"`
			}, None, None])
		}, "many"},
		"channel": {nil, func(s *Server) {
			route(s, send("POST", "/v1/x", "x"), nil, noop[None, struct {
				C chan int `json:"c"`
			}, None])
		}, "no JSON form"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := toyConfig()
			if test.edit != nil {
				test.edit(&cfg)
			}
			register := test.register
			if register == nil {
				register = toys
			}
			if _, err := build(cfg, register); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

type toyBadTime struct {
	At time.Time `json:"at"`
}

func noop[P, B, O any](context.Context, *Call, P, B) (Reply[O], error) { return Reply[O]{}, nil }
