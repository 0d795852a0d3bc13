package acceptance

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// signUp is a sign-up's body; fields change or, as nil, leave out parts of it.
func signUp(handle string, fields map[string]any) map[string]any {
	body := map[string]any{"email": handle + "@example.org", "handle": handle, "password": harness.Password}
	for k, v := range fields {
		if body[k] = v; v == nil {
			delete(body, k)
		}
	}
	return body
}

// problems are the wrong fields of an answer: "handle required".
func problems(a *harness.Answer) []string {
	var all []string
	for _, d := range a.Details {
		all = append(all, d.Field+" "+d.Problem)
	}
	slices.Sort(all)
	return all
}

// A1: email, handle, password and display name make an account, and a mail is
// sent.
func TestA1_SignUp(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	c := s.Client()
	a := c.Post("/v1/accounts", map[string]any{
		"email": "Ada@Example.org", "handle": "ＡDA_1", "password": harness.Password, "displayName": " Ada 日本 ",
	}).Want(201)
	if a.Header.Get("Parley-Position") == "" || a.Header.Get("ETag") == "" {
		t.Errorf("headers %v", a.Header)
	}
	m := a.Map()
	for key, want := range map[string]any{
		"handle": "ada_1", "displayName": "Ada 日本", "avatar": nil, "banner": nil, "bio": nil, "signature": nil, "email": "Ada@example.org",
		"emailVerified": false, "followers": 0.0, "following": 0.0, "posts": 0.0, "deletionAt": nil,
	} {
		if got, there := m[key]; got != want || !there {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
	for _, key := range []string{"id", "createdAt", "links", "viewer", "roles", "settings"} {
		if m[key] == nil {
			t.Errorf("%s is missing", key)
		}
	}
	letter := s.Mail("Ada@example.org")
	if !strings.Contains(letter.Text, s.Base+"/verify#"+letter.Token) || len(letter.Code) != 6 {
		t.Errorf("the mail: %s", letter.Text)
	}
	raw, err := os.ReadFile(letter.File)
	if err != nil || strings.Contains(string(raw), harness.Password) {
		t.Errorf("%v %s", err, raw)
	}
	other := c.Get("/v1/accounts/@Ada_1").Want(200).Map()
	for _, key := range []string{"email", "emailVerified", "roles", "settings", "deletionAt"} {
		if _, told := other[key]; told {
			t.Errorf("%s is told to everybody", key)
		}
	}
	if other["id"] != m["id"] {
		t.Errorf("another account: %v", other)
	}
}

// A1: what is missing or wrong, all at once.
func TestA1_BadSignUps(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	c := s.Client()
	for name, test := range map[string]struct {
		body any
		want []string
	}{
		"nothing":  {map[string]any{}, []string{"email required", "handle required", "password required"}},
		"all":      {signUp("x", map[string]any{"email": "x", "password": "short", "displayName": strings.Repeat("x", 51)}), []string{"displayName too_long", "email email", "handle too_short", "password too_short"}},
		"common":   {signUp("ada", map[string]any{"password": "Password123"}), []string{"password common"}},
		"cyrillic": {signUp("аdа", map[string]any{"email": "a@example.org"}), []string{"handle characters"}},
		"dash":     {signUp("a-da", nil), []string{"handle characters"}},
		"31":       {signUp(strings.Repeat("a", 31), nil), []string{"handle too_long"}},
		"129":      {signUp("ada", map[string]any{"password": strings.Repeat("pa", 64) + "x"}), []string{"password too_long"}},
		"list":     {signUp("ada", map[string]any{"email": "a@example.org, b@example.org"}), []string{"email email"}},
	} {
		a := c.Post("/v1/accounts", test.body).Want(422, "request.invalid")
		if got := problems(a); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	for name, body := range map[string]any{
		"a number":       signUp("ada", map[string]any{"handle": 7}),
		"an object":      signUp("ada", map[string]any{"email": map[string]any{"a": 1}}),
		"NUL":            signUp("ada", map[string]any{"displayName": "a\x00b"}),
		"two lines":      signUp("ada", map[string]any{"displayName": "a\nb"}),
		"no body":        nil,
		"a list":         "[]",
		"broken JSON":    `{"email":`,
		"double keys":    `{"email":"a@example.org","email":"b@example.org"}`,
		"lone surrogate": `{"email":"a@example.org","handle":"ada","password":"correct horse","displayName":"\ud800"}`,
	} {
		if a := c.Post("/v1/accounts", body); a.Status != 422 && a.Status != 400 && a.Status != 415 {
			t.Errorf("%s: %s", name, a)
		}
	}
	if letters, _ := filepath.Glob(filepath.Join(s.Data, "mail", "*")); len(letters) > 0 {
		t.Errorf("mails were sent: %v", letters)
	}
}

// A1: names are unique in all their spellings, and one of many wins.
func TestA1_UniqueNames(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	c := s.Client()
	c.Post("/v1/accounts", signUp("modern", nil)).Want(201)
	c.Post("/v1/accounts", signUp("other", map[string]any{"email": "MODERN@example.org"})).Want(409, "account.email_taken")
	for _, handle := range []string{"modern", "MODERN", "rnodern", "rn0dern", "ｍodern"} {
		a := c.Post("/v1/accounts", signUp(handle, map[string]any{"email": "new@example.org"})).Want(409, "account.handle_taken")
		if got := problems(a); !slices.Equal(got, []string{"handle taken"}) {
			t.Errorf("%s: %q", handle, got)
		}
	}
	c.Post("/v1/accounts", signUp("new_one", map[string]any{"email": "new@example.org"})).Want(201) // refused ones left no claim

	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 16 {
		wg.Go(func() {
			a, err := s.Client().Try("POST", "/v1/accounts", signUp([]string{"race_one", "race_0ne"}[i%2], map[string]any{"email": "race@example.org"}))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			statuses[a.Status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if statuses[201] != 1 || statuses[409] != 15 {
		t.Errorf("%v", statuses)
	}
}

// A2: by address or handle; one error for all that is wrong.
func TestA2_SignIn(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada").Account
	for _, login := range []string{ada.Handle, "@" + ada.Handle, strings.ToUpper(ada.Handle), ada.Email, strings.ToUpper(ada.Email)} {
		a := s.Client().SignIn(login, harness.Password).Want(201)
		m := a.Map()
		if m["accessToken"] == nil || m["expiresIn"] != 900.0 || m["refreshToken"] != nil {
			t.Errorf("%s: %v", login, m)
		}
		session, _ := m["session"].(map[string]any)
		account, _ := m["account"].(map[string]any)
		if session["current"] != true || account["id"] != ada.ID || account["emailVerified"] != true {
			t.Errorf("%s: %v", login, m)
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("tokens may be stored: %v", a.Header)
		}
	}
	var answers []string
	for _, body := range []map[string]any{
		{"login": ada.Handle, "password": "wrong password"}, {"login": "nobody", "password": harness.Password},
		{"login": "nobody@example.org", "password": harness.Password}, {"login": "not a login!", "password": "x"},
	} {
		a := s.Client().Post("/v1/sessions", body).Want(401, "session.bad_credentials")
		answers = append(answers, a.Message)
		if len(a.Details) > 0 || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s", a)
		}
	}
	if len(slices.Compact(answers)) != 1 {
		t.Errorf("answers differ: %q", answers)
	}
	for _, body := range []any{map[string]any{}, map[string]any{"login": "x"}, map[string]any{"login": 1, "password": "x"}, map[string]any{"login": "x", "password": "y", "carrier": "pigeon"}} {
		s.Client().Post("/v1/sessions", body).Want(422)
	}
}

// A4: the link of the newest mail, once.
func TestA4_VerifyByLink(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	c := s.Client()
	c.Post("/v1/accounts", signUp("ada", nil)).Want(201)
	older := s.Mail("ada@example.org")
	c = s.SignIn("ada")
	if c.Get("/v1/me").Want(200).Map()["emailVerified"] != false {
		t.Error("verified too early")
	}
	c.Post("/v1/email-verifications", nil).Want(204)
	s.Eventually("the second mail", func() bool { return len(s.Mails("ada@example.org")) == 2 })
	newer := s.Mail("ada@example.org")
	anyone := s.Client()
	for _, token := range []string{older.Token, "x", newer.Token + "x"} {
		anyone.Put("/v1/email-verifications", map[string]any{"token": token}).Want(422, "verification.invalid")
	}
	anyone.Put("/v1/email-verifications", map[string]any{"email": "ada@example.org", "code": older.Code + "0"}).Want(422, "verification.invalid")
	anyone.Put("/v1/email-verifications", map[string]any{"token": newer.Token}).Want(204)
	if c.Get("/v1/me").Want(200).Map()["emailVerified"] != true {
		t.Error("not verified")
	}
	anyone.Put("/v1/email-verifications", map[string]any{"token": newer.Token}).Want(422, "verification.invalid")
	c.Post("/v1/email-verifications", nil).Want(204) // there is nothing left to prove
	if n := len(s.Mails("ada@example.org")); n != 2 {
		t.Errorf("%d mails", n)
	}
	anyone.Post("/v1/email-verifications", nil).Want(401, "auth.missing")
	anyone.Put("/v1/email-verifications", map[string]any{}).Want(422, "request.invalid")
	anyone.Put("/v1/email-verifications", map[string]any{"email": "ada@example.org"}).Want(422, "request.invalid")
}

// A4: the code beside its address; it dies after five wrong tries.
func TestA4_VerifyByCode(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	anyone := s.Client()
	verify := func(email, code string) *harness.Answer {
		return anyone.Put("/v1/email-verifications", map[string]any{"email": email, "code": code})
	}
	for _, handle := range []string{"ada", "bob"} {
		anyone.Post("/v1/accounts", signUp(handle, nil)).Want(201)
	}
	code, bobs := s.Mail("ada@example.org").Code, s.Mail("bob@example.org").Code
	verify("nobody@example.org", code).Want(422, "verification.invalid")
	if code != bobs {
		verify("bob@example.org", code).Want(422, "verification.invalid")
	}
	verify("ADA@example.org", code).Want(204)
	verify("ada@example.org", code).Want(422, "verification.invalid")
	for i := range 5 {
		if wrong := fmt.Sprintf("%06d", i); wrong != bobs {
			verify("bob@example.org", wrong).Want(422, "verification.invalid")
		} else {
			verify("bob@example.org", "x").Want(422, "verification.invalid")
		}
	}
	verify("bob@example.org", bobs).Want(422, "verification.invalid")
	bob := s.SignIn("bob")
	bob.Post("/v1/email-verifications", nil).Want(204)
	s.Eventually("the second mail", func() bool { return len(s.Mails("bob@example.org")) == 2 })
	verify("bob@example.org", s.Mail("bob@example.org").Code).Want(204)
}

// A4: a proof lives for as long as the setting says.
func TestA4_ProofExpires(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--verification-ttl=1ms"))
	s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	letter := s.Mail("ada@example.org")
	s.Client().Put("/v1/email-verifications", map[string]any{"token": letter.Token}).Want(422, "verification.invalid")
}

// A7: what is given changes; links lead to http and https alone.
func TestA7_Profile(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	me := ada.Get("/v1/me").Want(200)
	links := []any{
		map[string]any{"kind": "twitter", "url": "https://twitter.com/ada"},
		map[string]any{"kind": "other", "name": "Home 家", "url": "http://例え.jp/?q=1"},
	}
	a := ada.Patch("/v1/me/profile", map[string]any{
		"displayName": "Ada L.", "bio": "Line\nline", "signature": "— A.", "links": links, "avatar": nil, "banner": nil,
		"id": nowhereAtAll, "handle": "other", "roles": []string{"administrator"},
	}).Want(200)
	m := a.Map()
	if m["displayName"] != "Ada L." || m["bio"] != "Line\nline" || m["signature"] != "— A." || m["handle"] != ada.Account.Handle || m["id"] != ada.Account.ID {
		t.Errorf("%v", m)
	}
	if got, _ := m["links"].([]any); len(got) != 2 || got[1].(map[string]any)["name"] != "Home 家" {
		t.Errorf("links: %v", m["links"])
	}
	if a.Header.Get("ETag") == "" || a.Header.Get("ETag") == me.Header.Get("ETag") {
		t.Errorf("ETag %s after %s", a.Header.Get("ETag"), me.Header.Get("ETag"))
	}
	ada.Patch("/v1/me/profile", map[string]any{"bio": "x"}, harness.Header{Name: "If-Match", Value: me.Header.Get("ETag")}).Want(412)
	ada.Patch("/v1/me/profile", map[string]any{"bio": "x"}, harness.Header{Name: "If-Match", Value: "x"}).Want(400)
	ada.Patch("/v1/me/profile", map[string]any{"bio": nil}, harness.Header{Name: "If-Match", Value: a.Header.Get("ETag")}).Want(200)
	bob.Position = ada.Position
	seen := bob.Get("/v1/accounts/" + ada.Account.ID).Want(200).Map()
	if seen["bio"] != nil || seen["displayName"] != "Ada L." || seen["email"] != nil {
		t.Errorf("bob sees %v", seen)
	}
	for _, bad := range []map[string]any{
		{"displayName": ""}, {"displayName": nil}, {"displayName": strings.Repeat("x", 51)}, {"displayName": "a\nb"}, {"bio": strings.Repeat("x", 501)},
		{"signature": strings.Repeat("x", 161)}, {"bio": 7}, {"bio": "\x00"}, {"links": "x"},
		{"links": []any{map[string]any{"kind": "other", "url": "javascript:alert(1)"}}}, {"links": []any{map[string]any{"kind": "other"}}},
		{"links": []any{map[string]any{"kind": "friendster", "url": "https://example.org"}}}, {"links": []any{map[string]any{"kind": "other", "url": "ftp://example.org"}}},
		{"avatar": "x"},
	} {
		ada.Patch("/v1/me/profile", bad).Want(422)
	}
	ada.Patch("/v1/me/profile", map[string]any{"avatar": nowhereAtAll}).Want(422, "image.unknown")
	ada.Patch("/v1/me/profile", map[string]any{"banner": nowhereAtAll}).Want(422, "image.unknown")
	long := problems(ada.Patch("/v1/me/profile", map[string]any{"bio": strings.Repeat("x", 501), "signature": strings.Repeat("x", 161)}).Want(422, "request.invalid"))
	if !slices.Equal(long, []string{"bio too_long", "signature too_long"}) {
		t.Errorf("%q", long)
	}
	s.Client().Patch("/v1/me/profile", map[string]any{"bio": "x"}).Want(401, "auth.missing")
	if got := ada.Get("/v1/me").Want(200).Map(); got["displayName"] != "Ada L." {
		t.Errorf("a refused change changed: %v", got)
	}
}

const nowhereAtAll = "01890a5d-ac96-774b-bcce-b302099a8057"

// A7: who is not there is 404, by id and by handle.
func TestA7_GetAccount(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	for _, ref := range []string{nowhereAtAll, "x", "@nobody", "@", "@a%20b", "%00", "@" + strings.Repeat("x", 300)} {
		ada.Get("/v1/accounts/" + ref).Want(404)
	}
	own := ada.Get("/v1/accounts/@" + strings.ToUpper(ada.Account.Handle)).Want(200).Map()
	if own["email"] != ada.Account.Email || own["settings"] == nil {
		t.Errorf("one's own: %v", own)
	}
	if got := s.Client().Get("/v1/accounts/" + ada.Account.ID).Want(200); got.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%v", got.Header)
	}
}

// O1: the printed link makes the first administrator, once.
func TestO1_Setup(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Embedded())
	token := s.SetupToken()
	info, err := os.Stat(filepath.Join(s.Data, "setup-token"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	c := s.Client()
	c.Post("/v1/setup", signUp("root", map[string]any{"token": "wrong"})).Want(403, "setup.invalid")
	c.Post("/v1/setup", signUp("root", nil)).Want(403, "setup.invalid")
	c.Post("/v1/setup", signUp("r", map[string]any{"token": token})).Want(422, "request.invalid")
	c.Post("/v1/accounts", signUp("ada", nil)).Want(201)
	c.Post("/v1/setup", signUp("root", map[string]any{"token": token, "handle": "ada"})).Want(409, "account.handle_taken")
	root := c.Post("/v1/setup", signUp("root", map[string]any{"token": token})).Want(201).Map()
	if roles, _ := root["roles"].([]any); !slices.Contains(roles, any("administrator")) {
		t.Errorf("%v", root)
	}
	c.Post("/v1/setup", signUp("root2", map[string]any{"token": token})).Want(404)
	c.Post("/v1/setup", "broken").Want(404)
	if _, err := os.Stat(filepath.Join(s.Data, "setup-token")); err == nil {
		t.Error("the token is still there")
	}
	s.Stop()
	s.Again(false)
	s.Client().Post("/v1/setup", signUp("root2", map[string]any{"token": token})).Want(404)
	if s.SignIn("root").Get("/v1/me").Want(http.StatusOK).Map()["handle"] != "root" {
		t.Error("the administrator is gone")
	}
}
