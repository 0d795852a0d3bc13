package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func newConsole(t *testing.T, needs func(context.Context) (bool, error)) *Console {
	t.Helper()
	c, err := New(Config{NeedsSetup: needs})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func isSet(context.Context) (bool, error)    { return false, nil }
func isNotSet(context.Context) (bool, error) { return true, nil }

func get(t *testing.T, c *Console, method, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	res := w.Result()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// O8: every file has its type, may not be sniffed or framed, and sends no
// address on; pages are asked for anew each time, assets never again.
func TestO8_HeadersOfPagesAndAssets(t *testing.T) {
	t.Parallel()
	c := newConsole(t, isNotSet)
	pages := 0
	for _, path := range c.Paths() {
		res, body := get(t, c, "GET", path)
		h := res.Header
		kind, cache := html, checked
		if strings.HasPrefix(path, "/assets/") {
			kind, cache = kinds[path[strings.LastIndex(path, "."):]], forever
		} else if pages++; path == "/setup" {
			cache = unstored
		}
		for name, want := range map[string]string{
			"Content-Type": kind, "Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"X-Frame-Options": "DENY", "Content-Security-Policy": policy,
		} {
			if got := h.Get(name); got != want || want == "" {
				t.Errorf("%s: %s %q, want %q", path, name, got, want)
			}
		}
		if res.StatusCode != http.StatusOK || body == "" {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
		head, nothing := get(t, c, "HEAD", path)
		if head.StatusCode != http.StatusOK || nothing != "" || head.Header.Get("Content-Length") != h.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %q %v", path, head.StatusCode, nothing, head.Header)
		}
		again, _ := get(t, c, "GET", path, "If-None-Match", h.Get("ETag"))
		if want := map[bool]int{true: 200, false: 304}[cache == unstored]; again.StatusCode != want {
			t.Errorf("%s asked again: %d, want %d", path, again.StatusCode, want)
		}
	}
	if pages != 4 {
		t.Errorf("%d pages", pages)
	}
	if res, _ := get(t, c, "GET", "/assets/console.css"); res.StatusCode != http.StatusNotFound {
		t.Errorf("an asset without its hash: %d", res.StatusCode)
	}
}

// O8: where nothing is, a page leads back from any depth, with the headers of
// the others; it is not found in a cache once something is there.
func TestO8_NothingIsHere(t *testing.T) {
	t.Parallel()
	c := newConsole(t, isNotSet)
	for _, path := range []string{"/nowhere", "/a/b/c/", "/setup/"} {
		w := httptest.NewRecorder()
		c.Lost(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		h, body := w.Header(), w.Body.String()
		if w.Code != http.StatusNotFound || h.Get("Content-Type") != html || h.Get("Cache-Control") != unstored || h.Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
		addresses := address.FindAllStringSubmatch(body, -1)
		for _, m := range addresses {
			if _, ok := c.files[m[1]]; !ok && m[1] != "/docs" && m[1] != "/openapi.json" {
				t.Errorf("%s names %s", path, m[1])
			}
		}
		if len(addresses) < 5 || inline.MatchString(body) || script.MatchString(body) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

var (
	inline    = regexp.MustCompile(`(?i)<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|<base|<iframe`)
	script    = regexp.MustCompile(`(?is)<script([^>]*)>(.*?)</script>`)
	address   = regexp.MustCompile(`\s(?:src|href|action)="([^"]*)"`)
	inModule  = regexp.MustCompile(`from '\./([a-z.]+)'`)
	scheme    = regexp.MustCompile(`(?i)^(?:[a-z]+:|//)`)
	described = regexp.MustCompile(`(?:aria-describedby|aria-labelledby|for|aria-controls)="([^"]*)"`)
)

// O8: the policy allows what the pages have: nothing inline, nothing from
// elsewhere, and every asset that they name is there.
func TestO8_PagesKeepThePolicy(t *testing.T) {
	t.Parallel()
	for name, needs := range map[string]func(context.Context) (bool, error){"before": isNotSet, "after": isSet} {
		c := newConsole(t, needs)
		for _, path := range c.Paths() {
			_, body := get(t, c, "GET", path)
			folder := path[:strings.LastIndex(path, "/")+1]
			switch {
			case strings.HasSuffix(path, ".js"):
				for _, m := range inModule.FindAllStringSubmatch(body, -1) {
					if _, ok := c.files[folder+m[1]]; !ok {
						t.Errorf("%s imports %s, which is not there", path, m[1])
					}
				}
				for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("} {
					if strings.Contains(body, bad) {
						t.Errorf("%s uses %s", path, bad)
					}
				}
				continue
			case strings.HasPrefix(path, "/assets/"):
				if strings.Contains(body, "@import") || strings.Contains(body, "url(") {
					t.Errorf("%s loads something", path)
				}
				continue
			}
			if found := inline.FindString(body); found != "" {
				t.Errorf("%s %s has %q inline", name, path, found)
			}
			for _, m := range script.FindAllStringSubmatch(body, -1) {
				if !strings.Contains(m[1], " src=") || strings.TrimSpace(m[2]) != "" {
					t.Errorf("%s %s has a script inline: %s", name, path, m[0])
				}
			}
			for _, m := range address.FindAllStringSubmatch(body, -1) {
				if _, ok := c.files["/"+m[1]]; scheme.MatchString(m[1]) || strings.HasPrefix(m[1], "assets/") && !ok {
					t.Errorf("%s %s names %s", name, path, m[1])
				}
			}
			for _, m := range described.FindAllStringSubmatch(body, -1) {
				for id := range strings.FieldsSeq(m[1]) {
					if strings.Count(body, ` id="`+id+`"`) != 1 {
						t.Errorf("%s %s: there is not one %q to point at", name, path, id)
					}
				}
			}
		}
	}
}

// O1: pages say how to begin until there is an administrator, and the form is
// gone after that; the answer "there is one" is never asked for again.
func TestO1_PagesKnowWhetherThereIsAnAdministrator(t *testing.T) {
	t.Parallel()
	needed, asked := true, 0
	var broken error
	c := newConsole(t, func(context.Context) (bool, error) {
		asked++
		return needed, broken
	})
	const hint, form = "There is no administrator yet", `<form class="card" id="setup"`
	_, start := get(t, c, "GET", "/")
	_, setup := get(t, c, "GET", "/setup?token=abc")
	if !strings.Contains(start, hint) || !strings.Contains(setup, form) || strings.Contains(setup, "abc") {
		t.Error("before: no hint, no form, or a token in the page")
	}
	early, _ := get(t, c, "HEAD", "/")

	broken = errors.New("the log is away")
	if res, start := get(t, c, "GET", "/"); res.StatusCode != http.StatusOK || strings.Contains(start, hint) {
		t.Errorf("where it cannot be known: %d", res.StatusCode)
	}
	needed, broken = false, nil
	late, _ := get(t, c, "HEAD", "/")
	if early.Header.Get("ETag") == late.Header.Get("ETag") {
		t.Error("two pages, one ETag")
	}
	asked = 0
	_, start = get(t, c, "GET", "/")
	_, setup = get(t, c, "GET", "/setup")
	if strings.Contains(start, hint) || strings.Contains(setup, form) || !strings.Contains(setup, "Set up already") {
		t.Error("after: the page still asks for a set-up")
	}
	if asked != 0 {
		t.Errorf("asked %d times after it was known", asked)
	}
}
