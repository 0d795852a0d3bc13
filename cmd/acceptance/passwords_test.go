package acceptance

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

const newPassword = "a horse that is another one"

// resetLetter asks for a mail that sets a new password, and waits for it.
func resetLetter(s *harness.Server, email string) harness.Letter {
	before := len(s.Mails(email))
	s.Client().Post("/v1/password-resets", body{"email": strings.ToUpper(email)}).Want(202)
	s.Eventually("a mail to "+email, func() bool { return len(s.Mails(email)) > before })
	return s.Mail(email)
}

// A5: a mail, a link, a page, a new password; every session is over at once,
// and the account is told.
func TestA5_PasswordReset(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	there := s.SignIn(ada.Account.Handle)
	socket := ada.Dial()
	email := ada.Account.Email
	older := resetLetter(s, email)
	letter := resetLetter(s, email)
	if !strings.Contains(letter.Text, s.Base+"/reset#"+letter.Token) || !strings.Contains(letter.Text, "10 minutes") {
		t.Errorf("the mail: %s", letter.Text)
	}
	opensAPage(t, s, regexp.MustCompile(`http://\S+/reset#\S+`).FindString(letter.Text))

	anyone := s.Client()
	set := func(token, password string) *harness.Answer {
		return anyone.Put("/v1/password-resets", body{"token": token, "password": password})
	}
	for _, token := range []string{older.Token, "x", letter.Token + "a", letter.Token[1:]} {
		set(token, newPassword).Want(422, "reset.invalid")
	}
	for _, password := range []string{"short", "Password123", ada.Account.Email, strings.Repeat("long", 33), "with\x00null"} {
		if a := set(letter.Token, password).Want(422); a.Error == "reset.invalid" || len(a.Details) != 1 || a.Details[0].Field != "password" {
			t.Errorf("%q: %s", password, a)
		}
	}
	for _, bad := range []any{body{}, body{"token": letter.Token}, body{"password": newPassword}, body{"token": 1, "password": newPassword}, "[]", "x"} {
		if a := anyone.Put("/v1/password-resets", bad); a.Status != 422 && a.Status != 400 {
			t.Errorf("%v: %s", bad, a)
		}
	}
	ada.Get("/v1/me").Want(200)

	set(letter.Token, newPassword).Want(204)
	if code := socket.WaitClosed(); code != 4102 {
		t.Errorf("the socket: %d", code)
	}
	for _, c := range []*harness.Client{ada, there} {
		c.Position = anyone.Position
		c.Get("/v1/me").Want(401, "auth.revoked")
		c.Post("/v1/sessions/refresh", nil).Want(401, "session.refresh_invalid")
	}
	set(letter.Token, newPassword).Want(422, "reset.invalid")
	anyone.SignIn(email, harness.Password).Want(401, "session.bad_credentials")
	anyone.SignIn(email, newPassword).Want(201)
	s.Eventually("a mail that tells of it", func() bool { return strings.Contains(s.Mail(email).Subject, "password was changed") })
	if told := s.Mail(email).Text; strings.Contains(told, newPassword) || strings.Contains(told, "#") {
		t.Errorf("the mail: %s", told)
	}
	if log := s.Log(); strings.Contains(log, letter.Token) || strings.Contains(log, newPassword) {
		t.Error("the log has a secret")
	}
}

// A5: for an address that nobody has the answer is the same, and no mail goes
// anywhere; what links begin with is never taken from the request.
func TestA5_UnknownAddresses(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--base-url=https://parley.example/forum"))
	ada := s.NewPerson("ada")
	c := s.Client()
	var answers []string
	for _, email := range []string{"nobody@example.org", ada.Account.Email} {
		a := c.Post("/v1/password-resets", body{"email": email},
			harness.Header{Name: "X-Forwarded-Host", Value: "evil.example"}, harness.Header{Name: "Forwarded", Value: "host=evil.example"}).Want(202)
		var headers []string
		for name := range a.Header {
			headers = append(headers, name)
		}
		answers = append(answers, fmt.Sprintf("%d %s %d %s", a.Code, a.Message, len(headers), a.Data))
		if a.Header.Get("Parley-Position") != "" {
			t.Errorf("%s: %v", email, a.Header)
		}
	}
	if answers[0] != answers[1] {
		t.Errorf("%q", answers)
	}
	s.Eventually("a mail", func() bool { return len(s.Mails(ada.Account.Email)) == 2 })
	if text := s.Mail(ada.Account.Email).Text; !strings.Contains(text, "https://parley.example/forum/reset#") || strings.Contains(text, "evil") {
		t.Errorf("the mail: %s", text)
	}
	if n := len(s.Mails("nobody@example.org")); n > 0 {
		t.Errorf("%d mails to nobody", n)
	}
	for _, bad := range []any{body{}, body{"email": ""}, body{"email": "x"}, body{"email": 1}, body{"email": nil}, body{"email": "a@b@c"}, body{"email": strings.Repeat("x", 300) + "@example.org"}} {
		c.Post("/v1/password-resets", bad).Want(422)
	}
	c.Post("/v1/password-resets", "{").Want(400)
}

// A5: the link proves an address that was not verified, lives as long as the
// setting says, and opens what failed sign-ins have locked.
func TestA5_ResetOpensWhatIsLocked(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--rate-limits=on", "--lockout-failures=2", "--sign-in-rate=1000/1m", "--sign-up-rate=1000/1m", "--verification-digits=8"))
	c := s.Client()
	c.Post("/v1/accounts", signUp("ada", nil)).Want(201)
	if first := s.Mail("ada@example.org").Text; !regexp.MustCompile(`code is \d{8}\n`).MatchString(first) {
		t.Errorf("no code of eight digits: %s", first)
	}
	for range 2 {
		c.SignIn("ada", "wrong password").Want(401)
		c.SignIn("ada@example.org", "wrong password").Want(401)
	}
	c.SignIn("ada", harness.Password).Want(429, "session.locked")
	c.Put("/v1/password-resets", body{"token": resetLetter(s, "ada@example.org").Token, "password": newPassword}).Want(204)
	c.SignIn("ada", newPassword).Want(201)
	c.SignIn("ada@example.org", newPassword).Want(201)
	if c.Get("/v1/me").Want(200).Map()["emailVerified"] != true {
		t.Error("the address was not proven")
	}
	for range 2 {
		c.Put("/v1/me/password", body{"current": "wrong", "password": newPassword}).Want(403, "account.wrong_password")
	}
	c.Put("/v1/me/password", body{"current": newPassword, "password": newPassword}).Want(429, "session.locked")
	s.Client().SignIn("ada", newPassword).Want(429, "session.locked")
}

// A3: where captchas are asked for, a reset asks for one before anything else.
func TestA5_ResetAsksForACaptcha(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--captcha=always"))
	c := s.Client()
	for _, email := range []string{"ada@example.org", "nobody@example.org"} {
		c.Post("/v1/password-resets", body{"email": email}).Want(400, "captcha.required")
		c.Post("/v1/password-resets", body{"email": email, "captchaId": nowhereAtAll, "captcha": "ABCDEFGH"}).Want(400, "captcha.wrong")
	}
	c.Post("/v1/password-resets", body{"email": "x"}).Want(422)
}

func TestA5_ResetExpires(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--reset-ttl=1ms"))
	ada := s.NewPerson("ada")
	s.Client().Put("/v1/password-resets", body{"token": resetLetter(s, ada.Account.Email).Token, "password": newPassword}).Want(422, "reset.invalid")
}

// A6: by the current password; the session goes on, all others are over.
func TestA6_ChangePassword(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	there := s.SignIn(ada.Account.Handle)
	socket := there.Dial()
	reset := resetLetter(s, ada.Account.Email)
	change := func(current, password any) *harness.Answer {
		return ada.Put("/v1/me/password", body{"current": current, "password": password})
	}
	change("wrong", newPassword).Want(403, "account.wrong_password")
	change("wrong", "short").Want(403, "account.wrong_password")
	for _, bad := range []any{"short", "Password123", ada.Account.Handle, nil, 7, ""} {
		change(harness.Password, bad).Want(422)
	}
	change("", newPassword).Want(422)
	s.Client().Put("/v1/me/password", body{"current": harness.Password, "password": newPassword}).Want(401, "auth.missing")
	there.Get("/v1/me").Want(200)

	if m := change(harness.Password, newPassword).Want(200).Map(); m["id"] != ada.Account.ID {
		t.Errorf("%v", m)
	}
	if code := socket.WaitClosed(); code != 4102 {
		t.Errorf("the socket: %d", code)
	}
	there.Position = ada.Position
	there.Get("/v1/me").Want(401, "auth.revoked")
	ada.Get("/v1/me").Want(200)
	ada.Post("/v1/sessions/refresh", nil).Want(200)
	if n := len(ada.Get("/v1/sessions").Want(200).Items()); n != 1 {
		t.Errorf("%d sessions", n)
	}
	s.Client().SignIn(ada.Account.Handle, harness.Password).Want(401)
	s.Client().SignIn(ada.Account.Handle, newPassword).Want(201)
	s.Client().Put("/v1/password-resets", body{"token": reset.Token, "password": harness.Password}).Want(422, "reset.invalid")
	s.Eventually("a mail that tells of it", func() bool { return strings.Contains(s.Mail(ada.Account.Email).Subject, "password was changed") })
}

// A6: the address stays the old one until the new one is confirmed, by link or
// by code; the old one is told at once, and comes free in the end.
func TestA6_ChangeEmail(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	old := ada.Account.Email
	fresh := func() string { return harness.NewHandle("fresh") + "@example.org" }
	change := func(c *harness.Client, email any) *harness.Answer {
		return c.Put("/v1/me/email", body{"current": harness.Password, "email": email})
	}
	one, two := fresh(), fresh()
	ada.Put("/v1/me/email", body{"current": "wrong", "email": one}).Want(403, "account.wrong_password")
	for _, bad := range []any{"", "x", nil, 7, "a@example.org, b@example.org"} {
		change(ada, bad).Want(422)
	}
	ada.Put("/v1/me/email", body{"email": one}).Want(422)
	if n := len(s.Mails(old)); n != 1 {
		t.Errorf("%d mails for nothing", n)
	}

	m := change(ada, one).Want(200).Map()
	if m["email"] != old || m["emailVerified"] != true {
		t.Errorf("changed before it was confirmed: %v", m)
	}
	s.Eventually("a mail to the old address", func() bool { return len(s.Mails(old)) == 2 })
	if told := s.Mail(old).Text; strings.Contains(told, one) || !strings.Contains(told, "another address") {
		t.Errorf("the old one is told: %s", told)
	}
	s.Client().Post("/v1/accounts", signUp(harness.NewHandle("eve"), map[string]any{"email": one})).Want(409, "account.email_taken")
	first := s.Mail(one)
	change(ada, two).Want(200)
	s.Client().Put("/v1/email-verifications", body{"token": first.Token}).Want(422, "verification.invalid")
	s.Client().Post("/v1/accounts", signUp(harness.NewHandle("eve"), map[string]any{"email": one})).Want(201)
	ada.Post("/v1/email-verifications", nil).Want(204) // another mail to the new address
	s.Eventually("it", func() bool { return len(s.Mails(two)) == 2 })
	ada.Put("/v1/email-verifications", body{"email": two, "code": s.Mail(two).Code}).Want(204)
	m = ada.Get("/v1/me").Want(200).Map()
	if m["email"] != two || m["emailVerified"] != true {
		t.Errorf("after it was confirmed: %v", m)
	}
	s.Client().SignIn(old, harness.Password).Want(401)
	s.Client().SignIn(two, harness.Password).Want(201)
	s.Client().Post("/v1/accounts", signUp(harness.NewHandle("eve"), map[string]any{"email": old})).Want(201)

	// What another has is not told, but to whom it belongs.
	three := fresh()
	change(ada, three).Want(200)
	a, b := change(ada, strings.ToUpper(bob.Account.Email)).Want(200), ada.Get("/v1/me").Want(200)
	if a.Map()["email"] != two || b.Map()["email"] != two || a.Header.Get("Parley-Position") == "" {
		t.Errorf("%s %s", a, b)
	}
	s.Eventually("a mail to whom it belongs", func() bool {
		return len(s.Mails(strings.ToUpper(bob.Account.Email[:strings.Index(bob.Account.Email, "@")])+"@example.org")) == 1
	})
	s.Client().Put("/v1/email-verifications", body{"token": s.Mail(three).Token}).Want(422, "verification.invalid")
	change(ada, three).Want(200)
	change(ada, two).Want(200) // its own: nothing is under way any more
	s.Client().Put("/v1/email-verifications", body{"token": s.Mail(three).Token}).Want(422, "verification.invalid")
	s.Client().Post("/v1/accounts", signUp(harness.NewHandle("eve"), map[string]any{"email": three})).Want(201)
	if got := bob.Get("/v1/me").Want(200).Map(); got["email"] != bob.Account.Email {
		t.Errorf("bob: %v", got)
	}

	// One of many has an address that several want.
	four := fresh()
	change(bob, four).Want(200)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if i == 0 {
				if a, err := s.Client().Try("PUT", "/v1/email-verifications", body{"token": s.Mail(four).Token}); err != nil || a.Status != 204 {
					t.Errorf("%v %v", a, err)
				}
			} else if a, err := s.Client().Try("POST", "/v1/accounts", signUp(harness.NewHandle("eve"), map[string]any{"email": four})); err != nil || a.Status != 409 {
				t.Errorf("%v %v", a, err)
			}
		})
	}
	wg.Wait()
}

// A6: a handle is claimed with all that look like it, the old one is free, and
// whatever shows handles follows.
func TestA6_ChangeHandle(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	board := newBoard(s, s.Admin())
	old, mona := ada.Account.Handle, harness.NewHandle("mona")
	rnona := "rn" + strings.TrimPrefix(mona, "m")
	change := func(c *harness.Client, handle any) *harness.Answer {
		return c.Put("/v1/me/handle", body{"handle": handle})
	}
	post := bob.Post("/v1/boards/"+board+"/posts", body{"title": "Hi", "body": "for @" + old}).Want(201)

	for _, bad := range []any{"", "ab", "a-b", nil, 7, strings.Repeat("a", 31)} {
		change(ada, bad).Want(422)
	}
	if a := change(ada, strings.ToUpper(bob.Account.Handle)).Want(409, "account.handle_taken"); len(a.Details) != 1 || a.Details[0].Field != "handle" {
		t.Errorf("%s", a)
	}
	etag := ada.Get("/v1/me").Header.Get("ETag")
	if a := change(ada, strings.ToUpper(old)).Want(200); a.Map()["handle"] != old || a.Header.Get("ETag") != etag {
		t.Errorf("the same: %s", a)
	}
	a := change(ada, strings.ToUpper(mona)).Want(200)
	if a.Map()["handle"] != mona || a.Header.Get("ETag") == etag {
		t.Errorf("%s", a)
	}
	ada.Put("/v1/me/handle", body{"handle": old}, harness.Header{Name: "If-Match", Value: etag}).Want(412)
	bob.Position = ada.Position
	change(bob, rnona).Want(409, "account.handle_taken")
	if got := change(ada, rnona).Want(200).Map()["handle"]; got != rnona {
		t.Errorf("a look-alike of one's own: %v", got)
	}
	change(ada, mona).Want(200)
	bob.Position = ada.Position

	bob.Get("/v1/accounts/@" + old).Want(404)
	if got := bob.Get("/v1/accounts/@" + mona).Want(200).Map()["id"]; got != ada.Account.ID {
		t.Errorf("%v", got)
	}
	if m := bob.Get("/v1/posts/" + post.ID()).Want(200).Map(); m["body"] != "for @"+mona || !strings.Contains(fmt.Sprint(m["html"], m["mentions"]), mona) {
		t.Errorf("the mention: %v", m)
	}
	found := func(q string) int { return len(bob.Get("/v1/search?kind=accounts&q=" + q).Want(200).Items()) }
	s.Eventually("the new handle in search", func() bool { return found(mona) == 1 && found(old) == 0 })
	s.Client().SignIn(old, harness.Password).Want(401)
	s.Client().SignIn("@"+mona, harness.Password).Want(201)

	change(bob, old).Want(200) // free again
	statuses := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	prize := harness.NewHandle("prize")
	for i := range 8 {
		wg.Go(func() {
			c := []*harness.Client{ada, bob}[i%2].Clone()
			a, err := c.Try(http.MethodPut, "/v1/me/handle", body{"handle": []string{prize, strings.ToUpper(prize)}[i/4]})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			statuses[a.Status]++
		})
	}
	wg.Wait()
	if statuses[200] != 4 || statuses[409] != 4 {
		t.Errorf("one prize for two: %v", statuses)
	}
}
