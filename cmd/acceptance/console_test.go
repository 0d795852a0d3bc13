package acceptance

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

var (
	pageAddress = regexp.MustCompile(`(?:src|href)="(assets/[^"]+)"`)
	pageImport  = regexp.MustCompile(`from '\./([^']+)'`)
)

// opensAPage wants a page under a link of the server, with all that it loads.
func opensAPage(t *testing.T, s *harness.Server, link string) {
	t.Helper()
	path, ours := strings.CutPrefix(link, s.Base)
	if !ours {
		t.Fatalf("%q leads elsewhere than %s", link, s.Base)
	}
	path, _, _ = strings.Cut(path, "#") // browsers keep it to themselves
	c := s.Client()
	page := c.Get(path, harness.Header{Name: "Accept", Value: "text/html,*/*;q=0.8"}).Want(200)
	policy := page.Header.Get("Content-Security-Policy")
	if kind := page.Header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
		t.Errorf("%s is %q", path, kind)
	}
	if !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%s: policy %q", path, policy)
	}
	if page.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%s tells others its address: %v", path, page.Header)
	}
	todo, seen := []string{}, map[string]bool{}
	for _, m := range pageAddress.FindAllStringSubmatch(string(page.Raw), -1) {
		todo = append(todo, "/"+m[1])
	}
	for ; len(todo) > 0; todo = todo[1:] {
		at := todo[0]
		if seen[at] {
			continue
		}
		seen[at] = true
		a := c.Get(at).Want(200)
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %v", at, a.Header)
		}
		c.Do(http.MethodHead, at, nil).Want(200)
		for _, m := range pageImport.FindAllStringSubmatch(string(a.Raw), -1) {
			todo = append(todo, at[:strings.LastIndex(at, "/")+1]+m[1])
		}
	}
	loaded := slices.Sorted(maps.Keys(seen))
	for _, kind := range []string{".css", ".js"} {
		if !slices.ContainsFunc(loaded, func(at string) bool { return strings.HasSuffix(at, kind) }) {
			t.Errorf("%s loads no %s: %v", path, kind, loaded)
		}
	}
}

// O1: the set-up link that serve prints opens a form, the start page says that
// it is needed, and both are over once there is an administrator.
func TestO1_SetupLinkOpensAPage(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Embedded())
	link := regexp.MustCompile(`http://\S+/setup\?token=\S+`).FindString(s.Stdout())
	if link == "" {
		t.Fatalf("stdout has no set-up link: %q", s.Stdout())
	}
	opensAPage(t, s, link)
	opensAPage(t, s, s.Base+"/")
	c := s.Client()
	const form, hint = `id="setup"`, "no administrator yet"
	if page := string(c.Get("/setup").Want(200).Raw); !strings.Contains(page, form) {
		t.Error("the page has no form")
	}
	if page := string(c.Get("/").Want(200).Raw); !strings.Contains(page, hint) {
		t.Error("the start page does not say how to begin")
	}
	s.Admin()
	if page := string(c.Get("/setup").Want(200).Raw); strings.Contains(page, form) {
		t.Error("the form is still there")
	}
	if page := string(c.Get("/").Want(200).Raw); strings.Contains(page, hint) {
		t.Error("the start page still asks for a set-up")
	}

	c.Get("/assets/console.css").Want(404, "not_found")
	c.Get("/setup/").Want(404, "not_found")
	c.Post("/", map[string]any{}).Want(405, "method.not_allowed")
	etag := c.Get("/").Header.Get("ETag")
	c.Get("/", harness.Header{Name: "If-None-Match", Value: etag}).Want(304)
	if log := s.Log(); strings.Contains(log, strings.TrimPrefix(link[strings.Index(link, "="):], "=")) {
		t.Error("the log has the token")
	}
}

// A4: the link of a verification mail opens a page.
func TestA4_VerifyLinkOpensAPage(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	handle := harness.NewHandle("vera")
	s.Client().Post("/v1/accounts", signUp(handle, nil)).Want(201)
	link := regexp.MustCompile(`http://\S+/verify#\S+`).FindString(s.Mail(handle + "@example.org").Text)
	if link == "" {
		t.Fatalf("the mail has no link: %q", s.Mail(handle+"@example.org").Text)
	}
	opensAPage(t, s, link)
}

// O8: whoever forgot the password finds the way to another one, and every link
// of a page leads somewhere.
func TestO8_LinksOfThePages(t *testing.T) {
	t.Parallel()
	c := harness.Start(t, harness.Embedded()).Client()
	link := regexp.MustCompile(`<a [^>]*href="([^"#]+)"`)
	for path, wants := range map[string]string{"/": "reset", "/verify": "./", "/reset": "./", "/setup": "./"} {
		var leads []string
		for _, m := range link.FindAllStringSubmatch(string(c.Get(path).Want(200).Raw), -1) {
			leads = append(leads, m[1])
			c.Get("/" + strings.TrimPrefix(m[1], "./")).Want(200)
		}
		if !slices.Contains(leads, wants) {
			t.Errorf("%s leads to %v, but not to %s", path, leads, wants)
		}
	}
	lost := c.Get("/no/such/page", harness.Header{Name: "Accept", Value: "text/html,*/*;q=0.8"}).Want(404)
	if kind := lost.Header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
		t.Errorf("where nothing is, a browser gets %q", kind)
	}
	for _, m := range link.FindAllStringSubmatch(string(lost.Raw), -1) {
		c.Get(m[1]).Want(200)
	}
	c.Get("/no/such/page").Want(404, "not_found")
}
