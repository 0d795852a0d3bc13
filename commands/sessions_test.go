package commands

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/session"
)

// A2: by address or handle, in any spelling; one answer to all that is wrong.
func TestSignIn(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada, _ := c.member(n, "modern")
	for _, login := range []string{"modern", "@modern", "MODERN", " modern ", "modern@example.org", "Modern@EXAMPLE.org"} {
		if in, err := n.SignIn(t.Context(), SignIn{Login: login, Password: goodPassword}); err != nil || in.Account != ada.Account {
			t.Errorf("%q: %+v %v", login, in, err)
		}
	}
	for _, in := range [][2]string{
		{"modern", "wrong password"}, {"nobody", goodPassword}, {"nobody@example.org", goodPassword}, {"rnodern", goodPassword},
		{"a b", goodPassword}, {"@", goodPassword}, {"modern", " " + goodPassword}, {"modern", strings.Repeat("x", 10_000)},
	} {
		_, err := n.SignIn(t.Context(), SignIn{Login: in[0], Password: in[1]})
		want(t, err, ErrBadCredentials)
	}
	for _, in := range []SignIn{{}, {Login: "modern"}, {Password: goodPassword}} {
		_, err := n.SignIn(t.Context(), in)
		want(t, err, fault.ErrInvalid)
	}
}

// S5: what ends counts at once where it was ended, and on other nodes soon.
func TestAuthenticate(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n, other := c.node(c.store), c.node(c.store)
	ada, in := c.member(n, "ada")
	second, err := n.SignIn(t.Context(), SignIn{Login: "ada", Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []*Commands{n, other} {
		got, err := node.Authenticate(t.Context(), in.AccessToken)
		if err != nil || got.Account != ada.Account || got.Session != ada.Session || len(got.Roles) != 1 {
			t.Errorf("%+v %v", got, err)
		}
	}
	if _, err := n.EndSession(t.Context(), ada, second.Session); err != nil {
		t.Fatal(err)
	}
	_, err = n.Authenticate(t.Context(), second.AccessToken)
	want(t, err, ErrTokenRevoked)
	soon(t, "over on another node", func() bool {
		_, err := other.Authenticate(t.Context(), second.AccessToken)
		return errors.Is(err, ErrTokenRevoked)
	})
	if _, err := n.Authenticate(t.Context(), in.AccessToken); err != nil {
		t.Error(err)
	}
	c.pass(15 * time.Minute)
	_, err = n.Authenticate(t.Context(), in.AccessToken)
	want(t, err, ErrTokenExpired)
}

// S4: one, all others, all; another's is not there.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada, _ := c.member(n, "ada")
	bob, bobs := c.member(n, "bob")
	var in [3]SignedIn
	for i := range in {
		var err error
		if in[i], err = n.SignIn(t.Context(), SignIn{Login: "ada", Password: goodPassword}); err != nil {
			t.Fatal(err)
		}
	}
	alive := func(want ...bool) {
		t.Helper()
		for i := range in {
			if _, err := n.Authenticate(t.Context(), in[i].AccessToken); (err == nil) != want[i] {
				t.Errorf("session %d: %v", i, err)
			}
			if _, err := n.Refresh(t.Context(), in[i].RefreshToken); !want[i] && !errors.Is(err, session.ErrRefreshInvalid) {
				t.Errorf("refresh of session %d: %v", i, err)
			}
		}
	}
	for _, id := range []uuid.UUID{bobs.Session, uuid.New(), uuid.Nil} {
		_, err := n.EndSession(t.Context(), ada, id)
		want(t, err, fault.ErrNotFound)
	}
	for range 2 {
		if _, err := n.EndSession(t.Context(), ada, in[0].Session); err != nil {
			t.Error(err)
		}
	}
	alive(false, true, true)
	if _, err := n.EndSessions(t.Context(), ada, in[1].Session); err != nil {
		t.Error(err)
	}
	alive(false, true, false)
	if _, err := n.EndSessions(t.Context(), ada, uuid.Nil); err != nil {
		t.Error(err)
	}
	alive(false, false, false)
	if _, err := n.Authenticate(t.Context(), bobs.AccessToken); err != nil {
		t.Errorf("bob: %v", err)
	}
	if _, err := n.SignIn(t.Context(), SignIn{Login: "ada", Password: goodPassword}); err != nil {
		t.Error(err)
	}
	_ = bob
}

// S4: a token refreshed elsewhere at the moment of "end all" ends too.
func TestRefreshAgainstEndAll(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n, other := c.node(c.store), c.node(c.store)
	ada, _ := c.member(n, "ada")
	for range 20 {
		in, err := n.SignIn(t.Context(), SignIn{Login: "ada", Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var next SignedIn
		wg.Go(func() { next, err = other.Refresh(context.Background(), in.RefreshToken) })
		wg.Go(func() {
			if _, err := n.EndSessions(context.Background(), ada, uuid.Nil); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if err == nil {
			_, err := n.Authenticate(t.Context(), next.AccessToken)
			want(t, err, ErrTokenRevoked)
			_, err = other.Refresh(t.Context(), next.RefreshToken)
			want(t, err, session.ErrRefreshInvalid)
		}
	}
}

// S2: rotation, the same successor for two tabs, reuse ends the family, on
// whichever node it happens.
func TestRefresh(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n, other := c.node(c.store), c.node(c.store)
	_, in := c.member(n, "ada")
	one, err := n.Refresh(t.Context(), in.RefreshToken)
	if err != nil || one.RefreshToken == in.RefreshToken || one.Session != in.Session || one.AccessToken == in.AccessToken {
		t.Fatalf("%+v %v", one, err)
	}
	if again, err := other.Refresh(t.Context(), in.RefreshToken); err != nil || again.RefreshToken != one.RefreshToken {
		t.Errorf("within grace: %+v %v", again, err)
	}
	two, err := other.Refresh(t.Context(), one.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Refresh(t.Context(), in.RefreshToken) // its successor was used
	want(t, err, session.ErrRefreshReused)
	for _, token := range []string{in.RefreshToken, one.RefreshToken, two.RefreshToken} {
		for _, node := range []*Commands{n, other} {
			_, err := node.Refresh(t.Context(), token)
			want(t, err, session.ErrRefreshInvalid)
		}
	}
	_, err = n.Authenticate(t.Context(), two.AccessToken)
	want(t, err, ErrTokenRevoked)

	_, in = c.member(n, "bob")
	if _, err := n.Refresh(t.Context(), in.RefreshToken); err != nil {
		t.Fatal(err)
	}
	c.pass(11 * time.Second)
	_, err = n.Refresh(t.Context(), in.RefreshToken)
	want(t, err, session.ErrRefreshReused)

	_, in = c.member(n, "cleo")
	c.pass(20 * 24 * time.Hour)
	_, err = n.Refresh(t.Context(), in.RefreshToken)
	want(t, err, session.ErrRefreshInvalid)
}

// S2: many at once with one token get one successor, and nobody is signed out.
func TestRefreshAtOnce(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	nodes := []*Commands{c.node(c.store), c.node(c.store)}
	_, in := c.member(nodes[0], "ada")
	var wg sync.WaitGroup
	var got sync.Map
	for i := range 40 {
		wg.Go(func() {
			next, err := nodes[i%2].Refresh(context.Background(), in.RefreshToken)
			if err != nil {
				t.Error(err)
			}
			got.Store(next.RefreshToken, true)
		})
	}
	wg.Wait()
	different := 0
	got.Range(func(_, _ any) bool { different++; return true })
	if different != 1 {
		t.Errorf("%d successors", different)
	}
}

// S2: a token that we did not write leads nowhere.
func TestForgedRefresh(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	_, in := c.member(n, "ada")
	flip := func(i int) string {
		b := []byte(in.RefreshToken)
		b[i] ^= 1
		return string(b)
	}
	for _, token := range []string{"", "x", flip(0), flip(30), flip(46), flip(80), in.RefreshToken + "A", in.RefreshToken[1:], in.AccessToken} {
		_, err := n.Refresh(t.Context(), token)
		want(t, err, session.ErrRefreshInvalid)
	}
	if _, err := n.Refresh(t.Context(), in.RefreshToken); err != nil {
		t.Error(err)
	}
}

// S4: in mode single a new sign-in ends the old one.
func TestSingleSession(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store, func(cfg *Config) { cfg.SessionMode = SessionSingle })
	_, first := c.member(n, "ada")
	if _, err := n.Authenticate(t.Context(), first.AccessToken); err != nil {
		t.Fatal(err)
	}
	second, err := n.SignIn(t.Context(), SignIn{Login: "ada", Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Authenticate(t.Context(), first.AccessToken)
	want(t, err, ErrTokenRevoked)
	_, err = n.Refresh(t.Context(), first.RefreshToken)
	want(t, err, session.ErrRefreshInvalid)
	if _, err := n.Refresh(t.Context(), second.RefreshToken); err != nil {
		t.Error(err)
	}
}

// S4: in mode shared sign-ins share one session, and each has tokens of its
// own; what ends it ends it for all, and the next sign-in has a new one.
func TestSharedSession(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store, func(cfg *Config) { cfg.SessionMode = SessionShared })
	ada, first := c.member(n, "ada")
	signIn := func() SignedIn {
		t.Helper()
		in, err := n.SignIn(t.Context(), SignIn{Login: "ada", Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	second := signIn()
	if second.Session != first.Session || second.RefreshToken == first.RefreshToken {
		t.Errorf("%+v and %+v", first, second)
	}
	for _, in := range []SignedIn{first, second} {
		if _, err := n.Refresh(t.Context(), in.RefreshToken); err != nil {
			t.Error(err)
		}
	}
	if _, err := n.EndSessions(t.Context(), ada, first.Session); err != nil {
		t.Fatal(err)
	}
	if kept := signIn(); kept.Session != first.Session {
		t.Error("the session that was kept is not shared")
	}
	if _, err := n.EndSession(t.Context(), ada, first.Session); err != nil {
		t.Fatal(err)
	}
	for _, in := range []SignedIn{first, second} {
		_, err := n.Authenticate(t.Context(), in.AccessToken)
		want(t, err, ErrTokenRevoked)
		_, err = n.Refresh(t.Context(), in.RefreshToken)
		want(t, err, session.ErrRefreshInvalid)
	}
	third, fourth := signIn(), signIn()
	if third.Session == first.Session || third.Session != fourth.Session {
		t.Errorf("%s, %s, %s", first.Session, third.Session, fourth.Session)
	}
	if _, err := n.EndSessions(t.Context(), ada, uuid.Nil); err != nil {
		t.Fatal(err)
	}
	fifth := signIn()
	if _, err := n.Authenticate(t.Context(), fifth.AccessToken); err != nil || fifth.Session == third.Session {
		t.Error(err)
	}
}

// A2: an unknown account costs as much as a wrong password. It measures, so
// it runs alone.
func TestSignInTakesTheSameTime(t *testing.T) {
	c := newCommunity(t)
	n := c.node(c.store, func(cfg *Config) { cfg.PasswordCost.Memory, cfg.PasswordCost.Time = 4<<10, 3 })
	c.member(n, "ada")
	fastest := map[string]time.Duration{"ada": time.Hour, "nobody": time.Hour}
	for range 30 {
		for login, best := range fastest {
			began := time.Now()
			_, err := n.SignIn(t.Context(), SignIn{Login: login, Password: "wrong password"})
			want(t, err, ErrBadCredentials)
			fastest[login] = min(best, time.Since(began))
		}
	}
	if ratio := float64(fastest["ada"]) / float64(fastest["nobody"]); ratio < 0.6 || ratio > 1.7 {
		t.Error(fastest)
	}
}

func TestDeviceName(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"": "",
		"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile Safari/537.36":                            "Chrome on Android",
		"curl/8.5.0":                        "curl/8.5.0",
		"Go-http-client/1.1":                "Go-http-client/1.1",
		"x\x00\x1b[31m日本 y":                 "x[31m",
		strings.Repeat("long", 50) + " etc": strings.Repeat("long", 16),
	} {
		if got := deviceName(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

// S5: one request's authentication, with its token seen before.
func BenchmarkAuthenticate(b *testing.B) {
	c := newCommunity(b)
	n := c.node(c.store)
	_, in := c.member(n, "ada")
	for !n.fresh() {
		time.Sleep(time.Millisecond)
	}
	b.Run("seen", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := n.Authenticate(context.Background(), in.AccessToken); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n.deps.Tokens.seen.Purge()
			if _, err := n.Authenticate(context.Background(), in.AccessToken); err != nil {
				b.Fatal(err)
			}
		}
	})
}
