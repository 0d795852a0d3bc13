package acceptance

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// makeKey lets an administrator make a key, and gives a client that comes with
// it and the key's id.
func makeKey(s *harness.Server, admin *harness.Client, scopes ...string) (c *harness.Client, id string) {
	a := admin.Post("/v1/admin/api-keys", map[string]any{"name": "a program", "scopes": scopes}).Want(201)
	c = s.Client()
	c.Token, _ = a.Map()["key"].(string)
	return c, a.ID()
}

// letIn wants a key to open a route; what the route then answers is told
// elsewhere.
func letIn(t *testing.T, a *harness.Answer) {
	t.Helper()
	if a.Status == 401 || a.Status == 403 {
		t.Errorf("a good key: %s", a)
	}
}

// Q4: an administrator makes a key, which is shown once; lists do not have it,
// and nothing on the disk does.
func TestQ4_APIKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin := s.Admin()
	a := admin.Post("/v1/admin/api-keys", map[string]any{"name": "  the indexer ", "scopes": []string{"admin", "events:read", "admin"}}).Want(201)
	key, _ := a.Map()["key"].(string)
	if !strings.HasPrefix(key, "parley_") || strings.Contains(key, "-") || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Parley-Position") == "" {
		t.Errorf("%q %v", key, a.Header)
	}
	items := admin.Get("/v1/admin/api-keys").Want(200).Items()
	if len(items) != 1 {
		t.Fatalf("%v", items)
	}
	item := items[0]
	scopes, _ := item["scopes"].([]any)
	maker, _ := item["createdBy"].(map[string]any)
	if item["id"] != a.ID() || item["name"] != "the indexer" || item["createdAt"] == nil || item["key"] != nil ||
		!slices.Equal(scopes, []any{"events:read", "admin"}) || maker["handle"] != "first_admin" {
		t.Errorf("%v", item)
	}
	_, secret, _ := strings.Cut(strings.TrimPrefix(key, "parley_"), "_")
	if strings.Contains(s.Log(), secret) {
		t.Error("the key is logged")
	}
	s.Stop()
	err := filepath.WalkDir(s.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(secret)) || bytes.Contains(raw, []byte(key)) {
			t.Errorf("%s holds the key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Again(false)
	program := s.Client()
	program.Token = key
	letIn(t, program.Get("/v1/admin/projections"))
}

// Q4: a key opens what its scopes name and nothing else: not what its maker
// may, not what is open to everybody, and never the making of keys.
func TestQ4_ScopesOfAPIKeys(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin := s.Admin()
	operating, _ := makeKey(s, admin, "admin")
	reading, _ := makeKey(s, admin, "events:read", "events:personal", "events:write", "moderation")
	letIn(t, operating.Get("/v1/admin/projections"))
	reading.Get("/v1/admin/projections").Want(403, "auth.scope")
	for _, c := range []*harness.Client{operating, reading} {
		for _, path := range []string{"/v1/me", "/v1/boards", "/v1/sessions", "/v1/admin/api-keys"} {
			c.Get(path).Want(403, "auth.scope")
		}
		c.Post("/v1/admin/api-keys", map[string]any{"name": "another", "scopes": []string{"admin"}}).Want(403, "auth.scope")
		c.Post("/v1/boards", map[string]any{"name": "News"}).Want(403, "auth.scope")
		c.Post("/v1/push/tickets", nil).Want(403, "auth.scope")
	}
	wrong := s.Client()
	last := operating.Token[len(operating.Token)-1:]
	other := map[bool]string{true: "1", false: "0"}[last == "0"]
	for _, token := range []string{"parley_", operating.Token + "0", operating.Token[:len(operating.Token)-1] + other} {
		wrong.Token = token
		wrong.Get("/v1/admin/projections").Want(401, "auth.invalid")
		wrong.Get("/v1/boards").Want(401, "auth.invalid")
	}
	anonymous := s.Client()
	anonymous.Get("/v1/admin/projections?token="+operating.Token).Want(401, "auth.missing")
}

// Q4: administrators alone make, see and revoke keys; what is wrong is named.
func TestQ4_WhoMakesAPIKeys(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, bob := s.Admin(), s.NewPerson("bob")
	_, id := makeKey(s, admin, "admin")
	anonymous := s.Client()
	for _, call := range []struct{ method, path string }{
		{"GET", "/v1/admin/api-keys"}, {"POST", "/v1/admin/api-keys"}, {"DELETE", "/v1/admin/api-keys/" + id},
	} {
		anonymous.Do(call.method, call.path, nil).Want(401, "auth.missing")
		bob.Do(call.method, call.path, nil).Want(403, "auth.forbidden")
	}
	for _, test := range []struct {
		body any
		want string
	}{
		{map[string]any{}, "name required, scopes required"},
		{map[string]any{"name": " ", "scopes": []string{}}, "name required, scopes required"},
		{map[string]any{"name": strings.Repeat("x", 51), "scopes": []string{"admin"}}, "name too_long"},
	} {
		if got := strings.Join(problems(admin.Post("/v1/admin/api-keys", test.body).Want(422)), ", "); got != test.want {
			t.Errorf("%v: %s", test.body, got)
		}
	}
	admin.Post("/v1/admin/api-keys", map[string]any{"name": "x", "scopes": []string{"everything"}}).Want(422)
	admin.Post("/v1/admin/api-keys", map[string]any{"name": "x\ny", "scopes": []string{"admin"}}).Want(422, "text.invalid")
	admin.Delete("/v1/admin/api-keys/"+admin.Account.ID).Want(404, "not_found")
	admin.Delete("/v1/admin/api-keys/none").Want(404, "not_found")
}

// Q4: a key that was revoked is over at once, also for requests at the same
// time, and stays so; it leaves the list, and revoking it again is no mistake.
func TestQ4_RevokedAPIKey(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t)
	admin := s.Admin()
	program, id := makeKey(s, admin, "admin")
	_, kept := makeKey(s, admin, "events:read")
	letIn(t, program.Get("/v1/admin/projections"))
	revoked := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		c := program.Clone()
		all.Go(func() {
			for {
				var over bool
				select {
				case <-revoked:
					over = true
				default:
				}
				a, err := c.Try("GET", "/v1/admin/projections", nil)
				switch {
				case err != nil || a.Status == 403:
					t.Errorf("%v %v", a, err)
				case over && a.Status != 401:
					t.Errorf("after it was revoked: %s", a)
				}
				if over || err != nil {
					return
				}
			}
		})
	}
	admin.Delete("/v1/admin/api-keys/" + id).Want(204)
	close(revoked)
	all.Wait()
	program.Get("/v1/admin/projections").Want(401, "auth.revoked")
	admin.Delete("/v1/admin/api-keys/" + id).Want(204)
	if items := admin.Get("/v1/admin/api-keys").Want(200).Items(); len(items) != 1 || items[0]["id"] != kept {
		t.Errorf("%v", items)
	}
	s.Kill()
	s.Again(true)
	s.Move(program).Get("/v1/admin/projections").Want(401, "auth.revoked")
}

// Q4: the list of keys goes on where a page ended, the newest first.
func TestQ4_ListOfAPIKeys(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin := s.Admin()
	var want []string
	for range 5 {
		_, id := makeKey(s, admin, "events:read")
		want = append([]string{id}, want...)
	}
	var got []string
	for path := "/v1/admin/api-keys?limit=2"; path != ""; {
		a := admin.Get(path).Want(200)
		for _, item := range a.Items() {
			got = append(got, item["id"].(string))
		}
		if path = ""; a.Next() != "" {
			path = "/v1/admin/api-keys?limit=2&cursor=" + a.Next()
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
