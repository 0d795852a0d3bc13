package acceptance

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// limited starts a server with limits on; flags set them.
func limited(t *testing.T, flags ...string) *harness.Server {
	t.Helper()
	return harness.Start(t, harness.Flags(append([]string{"--rate-limits=on"}, flags...)...))
}

// retryAfter is the header's whole seconds, which must be between 1 and most.
func retryAfter(t *testing.T, a *harness.Answer, most int) int {
	t.Helper()
	n, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || n < 1 || n > most {
		t.Errorf("Retry-After %q, want 1 to %d", a.Header.Get("Retry-After"), most)
	}
	return n
}

// policies are the names of the rules of an answer, and what is left of each.
func policies(t *testing.T, a *harness.Answer) map[string]int {
	t.Helper()
	left := map[string]int{}
	for item := range strings.SplitSeq(a.Header.Get("RateLimit"), ", ") {
		name, rest, _ := strings.Cut(item, ";r=")
		r, _, _ := strings.Cut(rest, ";t=")
		n, err := strconv.Atoi(r)
		if err != nil || !strings.Contains(a.Header.Get("RateLimit-Policy"), name+";q=") {
			t.Fatalf("RateLimit %q, RateLimit-Policy %q", a.Header.Get("RateLimit"), a.Header.Get("RateLimit-Policy"))
		}
		left[strings.Trim(name, `"`)] = n
	}
	return left
}

// S11: sign-ups and sign-ins of a network; health goes on.
func TestS11_NetworkLimits(t *testing.T) {
	t.Parallel()
	s := limited(t, "--sign-up-rate=3/1h", "--sign-in-rate=4/1h")
	c := s.Client()
	for i := range 3 {
		a := c.Post("/v1/accounts", signUp(fmt.Sprint("person", i), nil)).Want(201)
		if left := policies(t, a); left["sign-up"] != 2-i || left["network"] == 0 {
			t.Errorf("sign-up %d: %v left", i, left)
		}
	}
	a := c.Post("/v1/accounts", signUp("person3", nil)).Want(429, "limit.exceeded")
	if left := policies(t, a); left["sign-up"] != 0 {
		t.Errorf("%v left", left)
	}
	if n := retryAfter(t, a, 20*60); n < 19*60 {
		t.Errorf("Retry-After %d, a third of an hour is due", n)
	}
	if got := a.Header.Get("RateLimit-Policy"); !strings.Contains(got, `"sign-up";q=3;w=3600`) {
		t.Errorf("RateLimit-Policy %q", got)
	}
	for range 4 {
		c.SignIn("person0", harness.Password).Want(201)
	}
	s.Client().SignIn("person1", harness.Password).Want(429, "limit.exceeded") // another browser there
	c.Get("/v1/me").Want(200)                                                  // who is in is in
	for range 5 {
		for _, path := range []string{"/livez", "/readyz", "/.well-known/jwks.json"} {
			if a := s.Client().Get(path).Want(200); a.Header.Get("RateLimit") != "" {
				t.Errorf("%s is counted", path)
			}
		}
	}
}

// S11: requests of an account in all, writes of it on one route.
func TestS11_AccountLimits(t *testing.T) {
	t.Parallel()
	s := limited(t, "--account-rate=10/1h", "--write-rate=3/1h")
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	target := "/v1/accounts/" + bob.Account.ID
	for range 3 {
		ada.Put(target+"/follow", nil).Want(204)
	}
	a := ada.Put(target+"/follow", nil).Want(429, "limit.exceeded")
	if left := policies(t, a); left["write"] != 0 || left["account"] == 0 {
		t.Errorf("%v left", left)
	}
	retryAfter(t, a, 20*60)
	ada.Put(target+"/mute", nil).Want(204) // another route
	for range 5 {
		ada.Get("/v1/me").Want(200)
	}
	ada.Get("/v1/me").Want(429, "limit.exceeded")
	bob.Get("/v1/me").Want(200)
	if got := s.Client().Get(target).Want(200); policies(t, got)["network"] == 0 {
		t.Error("whoever has no token counts as their network")
	}
}

// S11: failed sign-ins lock a login, whether or not anybody has it; the second
// lock is twice as long; a success ends it all.
func TestS11_LockOut(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"ada", "nobody"} {
		t.Run(login, func(t *testing.T) {
			t.Parallel()
			for first := time.Second; !locksOut(t, login, first); first *= 4 { // on a busy machine a lock may be over too soon
			}
		})
	}
}

// locksOut has a login locked, for first and then for twice as long; false
// where a lock was over before it was looked at.
func locksOut(t *testing.T, login string, first time.Duration) bool {
	s := limited(t, "--lockout-failures=3", "--lockout-first="+first.String(), "--sign-in-rate=10000/1m")
	c := s.Client()
	c.Post("/v1/accounts", signUp("ada", nil)).Want(201)
	var began time.Time
	for range 3 {
		began = time.Now()
		c.SignIn(login, "wrong password").Want(401, "session.bad_credentials")
	}
	for _, password := range []string{"wrong password", harness.Password} {
		a := c.SignIn(strings.ToUpper(login), password)
		if time.Since(began) >= first {
			return false
		}
		retryAfter(t, a.Want(429, "session.locked"), int(first/time.Second))
	}
	s.Eventually("the end of the lock", func() bool {
		began = time.Now()
		return c.SignIn(login, "wrong password").Status == 401
	})
	a := c.SignIn(login, harness.Password)
	if time.Since(began) >= 2*first {
		return false
	}
	retryAfter(t, a.Want(429, "session.locked"), int(2*first/time.Second))
	if login != "ada" {
		return true
	}
	s.Eventually("the end of the second lock", func() bool { return c.SignIn(login, harness.Password).Status == 201 })
	for range 2 {
		c.SignIn(login, "wrong password").Want(401, "session.bad_credentials")
	}
	c.SignIn(login, harness.Password).Want(201)
	return true
}

// S11: mails to one address.
func TestS11_Mails(t *testing.T) {
	t.Parallel()
	s := limited(t, "--mail-rate=3/1h")
	c := s.Client()
	c.Post("/v1/accounts", signUp("ada", nil)).Want(201)
	c.SignIn("ada", harness.Password).Want(201)
	for range 2 {
		if a := c.Post("/v1/email-verifications", nil); a.Status >= 300 {
			t.Fatalf("%d %s", a.Status, a.Raw)
		}
	}
	retryAfter(t, c.Post("/v1/email-verifications", nil).Want(429, "limit.exceeded"), 20*60)
}

// S11: off is off.
func TestS11_LimitsOff(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	c := s.Client()
	c.Post("/v1/accounts", signUp("ada", nil)).Want(201)
	for range 40 {
		if a := c.SignIn("ada", "wrong password").Want(401); a.Header.Get("RateLimit") != "" {
			t.Fatal("a limit is told")
		}
	}
	c.SignIn("ada", harness.Password).Want(201)
}
