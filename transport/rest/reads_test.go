package rest

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// S12: query parameters are read, checked and named where they are wrong.
func TestS12_Parameters(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	path := "/v1/toys/" + toyThing.String() + "/find?"
	a := c.do("GET", path+"count=5&kind=red&since=2026-01-31T12:00:00Z&board="+toyThing.String()+"&tags=a,b&flag=true&unknown=x", "", "Authorization", "Bearer alice").want(t, 200, "")
	want := map[string]any{"count": 5.0, "kind": "red", "since": "2026-01-31T12:00:00.000Z", "board": toyThing.String(), "tags": []any{"a", "b"}, "flag": true}
	if diff := cmp.Diff(want, a.JSON["data"]); diff != "" {
		t.Error(diff)
	}
	a = c.do("GET", path, "", "Authorization", "Bearer alice").want(t, 200, "")
	want = map[string]any{"count": 3.0, "kind": "", "since": nil, "board": nil, "tags": []any{}, "flag": false}
	if diff := cmp.Diff(want, a.JSON["data"]); diff != "" {
		t.Error("defaults:", diff)
	}
	for query, test := range map[string]struct {
		status int
		slug   string
		fields []string
	}{
		"count=0":            {422, "request.invalid", []string{"count: expected number >= 1"}},
		"count=six":          {422, "request.invalid", []string{"count: expected integer"}},
		"count=":             {422, "request.invalid", []string{"count: expected integer"}},
		"count=1&count=2":    {422, "request.invalid", []string{"count: given twice"}},
		"kind=green&flag=ja": {422, "request.invalid", []string{"flag: expected boolean", `kind: expected value to be one of "red, blue"`}},
		"since=tomorrow":     {422, "request.invalid", []string{"since: expected string to be RFC 3339 date-time"}},
		"board=17":           {422, "request.invalid", []string{"board: expected a UUID"}},
		"tags=a,b,c":         {422, "request.invalid", []string{"tags: expected array length <= 2"}},
		"tags=a,%00":         {422, "text.invalid", []string{"tags[1]: NUL is not allowed"}},
		"kind=a%0Ab":         {422, "text.invalid", []string{`kind: expected value to be one of "red, blue"`}},
		"kind=%ff":           {422, "text.invalid", []string{"kind: not valid UTF-8"}},
		"count=%zz":          {400, "request.query", []string{}},
		"count=1;kind=red":   {400, "request.query", []string{}},
	} {
		a := c.do("GET", path+query, "", "Authorization", "Bearer alice").want(t, test.status, test.slug)
		if diff := cmp.Diff(test.fields, a.fields()); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	for ref, want := range map[string]any{"@bob": "bob", "%40bob": "bob", "%40%E6%97%A5": "日", toyThing.String(): ""} {
		if got := c.do("GET", "/v1/people/"+ref, "").want(t, 200, "").got(t); got != want {
			t.Errorf("%s: %v", ref, got)
		}
	}
	for _, ref := range []string{"bob", "@", "%40a%00", "%40%ff", "%40a%0Ab"} {
		c.do("GET", "/v1/people/"+ref, "").want(t, 404, "not_found")
	}
}

// F12: a list is read page by page, forward only, with cursor and Link.
func TestF12_ListsPageByCursor(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	link := regexp.MustCompile(`^<(/v1/(?:numbers|counted)\?[^>]*)>; rel="next"$`)
	for _, list := range []string{"numbers", "counted"} {
		next, seen, pages := "/v1/"+list+"?limit=20&sort=oldest&unknown=1", 0, 0
		for next != "" {
			a := c.do("GET", next, "", "Authorization", "Bearer alice").want(t, 200, "")
			data := a.JSON["data"].(map[string]any)
			for _, item := range data["items"].([]any) {
				seen++
				if item.(map[string]any)["number"] != float64(seen) {
					t.Fatalf("item %d is %v", seen, item)
				}
			}
			if (data["unread"] == 7.0) != (list == "counted") {
				t.Errorf("%v", data)
			}
			pages++
			m := link.FindStringSubmatch(a.Header.Get("Link"))
			if (data["next"] == nil) != (m == nil) {
				t.Fatalf("next %v, Link %q", data["next"], a.Header.Get("Link"))
			}
			if next = ""; m != nil {
				next = m[1]
				q, err := url.ParseQuery(strings.SplitN(next, "?", 2)[1])
				if err != nil || q.Get("cursor") != data["next"] || q.Get("limit") != "20" || q.Get("sort") != "oldest" || q.Has("unknown") {
					t.Fatalf("Link %q", next)
				}
			}
		}
		if seen != 45 || pages != 3 {
			t.Errorf("%s: %d items on %d pages", list, seen, pages)
		}
	}
	for query, status := range map[string]int{"limit=1": 200, "limit=100": 200, "limit=0": 422, "limit=101": 422, "limit=-1": 422, "limit=x": 422} {
		if a := c.do("GET", "/v1/numbers?"+query, ""); a.Status != status {
			t.Errorf("%s: %d", query, a.Status)
		}
	}
	if n := len(c.do("GET", "/v1/numbers", "").JSON["data"].(map[string]any)["items"].([]any)); n != 20 {
		t.Errorf("by default %d items", n)
	}
	if a := c.do("GET", "/v1/numbers?limit=45", ""); !strings.Contains(a.Raw, `"next":null`) {
		t.Error("a full last page has a next one")
	}
}

// F12: a cursor counts for its list, its filters and its reader alone.
func TestF12_CursorsAreBound(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	other := toyServer(t, func(cfg *Config) { cfg.Positions = event.NewPositions(uuid.New()) })
	cursor := c.do("GET", "/v1/numbers?limit=5", "", "Authorization", "Bearer alice").JSON["data"].(map[string]any)["next"].(string)
	c.do("GET", "/v1/numbers?limit=7&cursor="+cursor, "", "Authorization", "Bearer alice").want(t, 200, "")
	c.do("GET", "/v1/numbers?token=x&cursor="+cursor, "", "Authorization", "Bearer alice").want(t, 200, "")
	c.do("GET", "/v1/numbers?cursor=", "", "Authorization", "Bearer alice").want(t, 200, "")
	flipped := []byte(cursor)
	flipped[10] ^= 1
	for name, try := range map[string]answer{
		"another reader": c.do("GET", "/v1/numbers?cursor="+cursor, "", "Authorization", "Bearer bob"),
		"nobody":         c.do("GET", "/v1/numbers?cursor="+cursor, ""),
		"another list":   c.do("GET", "/v1/counted?cursor="+cursor, "", "Authorization", "Bearer alice"),
		"another filter": c.do("GET", "/v1/numbers?sort=oldest&cursor="+cursor, "", "Authorization", "Bearer alice"),
		"another epoch":  other.do("GET", "/v1/numbers?cursor="+cursor, "", "Authorization", "Bearer alice"),
		"nonsense":       c.do("GET", "/v1/numbers?cursor=17", "", "Authorization", "Bearer alice"),
		"no base64":      c.do("GET", "/v1/numbers?cursor=%20", "", "Authorization", "Bearer alice"),
		"a bit flipped":  c.do("GET", "/v1/numbers?cursor="+string(flipped), "", "Authorization", "Bearer alice"),
		"cut":            c.do("GET", "/v1/numbers?cursor="+cursor[:len(cursor)-1], "", "Authorization", "Bearer alice"),
		"longer":         c.do("GET", "/v1/numbers?cursor="+cursor+"A", "", "Authorization", "Bearer alice"),
		"very long":      c.do("GET", "/v1/numbers?cursor="+strings.Repeat("A", 4000), "", "Authorization", "Bearer alice"),
	} {
		if try.Status != 400 || try.slug() != "list.cursor" {
			t.Errorf("%s: %d %s", name, try.Status, try.slug())
		}
	}
}

// F12: no cursor but one that was sealed opens.
func FuzzCursor(f *testing.F) {
	s, err := build(toyConfig(), toys)
	if err != nil {
		f.Fatal(err)
	}
	c := &Call{server: s, Request: &http.Request{URL: &url.URL{Path: "/v1/numbers"}}}
	for _, e := range s.routes {
		if e.op.ID == "listNumbers" {
			c.route = e
		}
	}
	f.Add(c.sealCursor([]byte(`{"N":20}`)))
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, 40)))
	f.Fuzz(func(t *testing.T, token string) {
		payload, err := c.openCursor(token)
		if err == nil && c.sealCursor(payload) != token {
			t.Fatalf("%q opens as %q", token, payload)
		}
	})
}

// Q11: a call that carries a position waits for it, and says so where it is
// not reached in time.
func TestQ11_PositionsAreAwaited(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	here, elsewhere := event.NewPositions(toyEpoch), event.NewPositions(uuid.New())
	path, put := "/v1/toys/"+toyThing.String(), "/v1/toys/"+toyThing.String()+"/follow"
	for _, test := range []struct {
		method, path, token string
		status              int
		slug                string
	}{
		{"GET", path, here.Encode(100), 200, ""},
		{"PUT", put, here.Encode(100), 204, ""},
		{"GET", path, here.Encode(101), 503, "position.not_reached"},
		{"PUT", put, here.Encode(101), 503, "position.not_reached"},
		{"GET", path, elsewhere.Encode(1), 409, "position.epoch"},
		{"PUT", put, elsewhere.Encode(1), 409, "position.epoch"},
		{"GET", path, "nonsense", 400, "position.invalid"},
		{"GET", path, here.Encode(1) + "A", 400, "position.invalid"},
		{"GET", path, strings.ToLower(here.Encode(1)), 400, "position.invalid"},
	} {
		a := c.do(test.method, test.path, "", "Authorization", "Bearer alice", positionHeader, test.token).want(t, test.status, test.slug)
		if (a.Header.Get("Retry-After") != "") != (test.status == 503) {
			t.Errorf("%s: Retry-After %q", test.token, a.Header.Get("Retry-After"))
		}
	}
	// A route that reads nothing waits for nothing; a write answers a token
	// that the next call takes.
	c.do("POST", "/v1/refresh", "", positionHeader, here.Encode(101)).want(t, 200, "")
	token := c.do("PUT", put, "", "Authorization", "Bearer alice").Header.Get(positionHeader)
	if p, err := here.Decode(token); err != nil || p != 43 {
		t.Errorf("%q is %d, %v", token, p, err)
	}
	// What is wrong with a body is told before the epoch.
	c.do("POST", "/v1/toys", `{}`, "Authorization", "Bearer alice", positionHeader, elsewhere.Encode(1)).want(t, 422, "request.invalid")
	c.do("POST", "/v1/toys", `{"title":"x"}`, "Authorization", "Bearer alice", positionHeader, elsewhere.Encode(1)).want(t, 409, "position.epoch")
}

// Q11: If-Match, as RFC 9110 has it.
func TestQ11_IfMatch(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	for value, want := range map[string]int{
		`"current"`: 200, `*`: 200, `"old"`: 412, `"old", "current"`: 200, ` "old" ,"current" `: 200, `W/"current"`: 412, `""`: 412,
		`"old",W/"x","current"`: 200, `current`: 400, `"current`: 400, `"a" "b"`: 400, `"a",`: 400, `,`: 400, `W/x`: 400, `"a b"`: 400, `*, "a"`: 400,
	} {
		a := c.do("PATCH", "/v1/toys/"+toyThing.String(), `{}`, "Authorization", "Bearer alice", "If-Match", value)
		if a.Status != want {
			t.Errorf("%s: %d %s, want %d", value, a.Status, a.slug(), want)
		}
	}
}

// O3: health, in its own form.
func TestO3_Health(t *testing.T) {
	t.Parallel()
	up := true
	c := toyServer(t, func(cfg *Config) {
		cfg.Ready = func(context.Context) Readiness {
			return Readiness{
				Ready: up, Dependencies: []Dependency{{"log", "up"}},
				Projections: []Projection{{Name: "tables", Lag: 3, Rebuildable: true, Rebuild: &Rebuild{0.5}}, {Name: "notify"}},
			}
		}
	})
	if a := c.do("GET", "/livez", ""); a.Status != 200 || a.Raw != "{\"status\":\"UP\"}\n" {
		t.Error(a.Raw)
	}
	want := `"dependencies":[{"name":"log","state":"up"}],"projections":[{"name":"tables","lag":3,"rebuildable":true,"rebuild":{"progress":0.5}},` +
		`{"name":"notify","lag":0,"rebuildable":false,"rebuild":null}]}` + "\n"
	for _, path := range []string{"/readyz", "/actuator/health"} {
		if a := c.do("GET", path, ""); a.Status != 200 || a.Raw != `{"status":"UP",`+want {
			t.Error(path, a.Status, a.Raw)
		}
	}
	up = false
	for _, path := range []string{"/readyz", "/actuator/health"} {
		if a := c.do("GET", path, ""); a.Status != 503 || a.Raw != `{"status":"DOWN",`+want || a.Header.Get("Retry-After") == "" {
			t.Error(path, a.Status, a.Raw)
		}
	}
}

// O4: latency by method, route and status; nothing a caller chooses becomes a
// label.
func TestO4_Metrics(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	for i := range 3 {
		c.do("GET", "/v1/toys/"+uuid.New().String(), "")
		c.do("GET", fmt.Sprintf("/nowhere/%d", i), "")
	}
	c.do("BREW", "/v1/toys", "")
	a := c.do("GET", "/metrics", "")
	for _, want := range []string{
		`parley_http_request_duration_seconds_count{method="GET",route="/v1/toys/{id}",status="200"} 3`,
		`parley_http_request_duration_seconds_count{method="GET",route="none",status="404"} 3`,
		`parley_http_request_duration_seconds_count{method="other",route="none",status="405"} 1`,
	} {
		if !strings.Contains(a.Raw, want) {
			t.Errorf("no %s in\n%s", want, a.Raw)
		}
	}
}
