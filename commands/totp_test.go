package commands_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

// app is an authenticator app with one account in it.
type app struct {
	t      *testing.T
	c      *cluster
	secret string
}

// code is what the app shows steps of 30 s from now.
func (a app) code(steps int) string {
	a.t.Helper()
	code, err := totp.GenerateCode(a.secret, a.c.now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		a.t.Fatal(err)
	}
	return code
}

// calm waits out the end of a step, so that a test knows which one it is in.
func (c *cluster) calm() {
	if rest := 30*time.Second - time.Duration(c.now().UnixNano()%int64(30*time.Second)); rest < 29*time.Second {
		c.pass(rest)
	}
}

// secured gives a member a second factor, confirmed by the code of the step
// before.
func (c *cluster) secured(t *testing.T, n *commands.Commands, in commands.SignedIn) (app, []string) {
	t.Helper()
	c.calm()
	made, _, err := n.RequestTOTP(t.Context(), actorOf(in))
	if err != nil {
		t.Fatal(err)
	}
	a := app{t, c, made.Secret}
	recovery, _, err := n.EnableTOTP(t.Context(), actorOf(in), a.code(-1))
	if err != nil {
		t.Fatal(err)
	}
	return a, recovery
}

func otpSignIn(t *testing.T, n *commands.Commands, login, password, otp string) error {
	t.Helper()
	ctx := commands.WithClient(t.Context(), commands.Client{Network: "10.0.0.1"})
	_, err := n.SignIn(ctx, commands.SignIn{Login: login, Password: password, OTP: otp})
	return err
}

// A10: a code is asked for after the right password alone, each is taken once
// on all nodes, and a recovery code does as well, once.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	eachStack(t, limited(func(r *commands.LimitRules) { r.LockoutFailures, r.LockoutNetworkFailures = 1000, 1000 }), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		phone, recovery := c.secured(t, here, c.member(here, "ada"))
		want(t, "no code", otpSignIn(t, there, "ada", goodPassword, ""), commands.ErrOTPRequired)
		want(t, "wrong password", otpSignIn(t, there, "ada", "wrong", ""), commands.ErrBadCredentials)
		want(t, "wrong password, right code", otpSignIn(t, there, "ada", "wrong", phone.code(0)), commands.ErrBadCredentials)
		for _, wrong := range []string{"000", "abcdef", "12345678901234567890123456", phone.code(3), phone.code(-3), phone.code(-1), strings.Repeat("9", 100_000), "١٢٣٤٥٦"} {
			want(t, wrong[:3], otpSignIn(t, there, "ada", goodPassword, wrong), account.ErrOTPWrong)
		}
		want(t, "right", otpSignIn(t, there, "ada", goodPassword, phone.code(0)), nil)
		want(t, "the same there", otpSignIn(t, there, "ada", goodPassword, phone.code(0)), account.ErrOTPWrong)
		want(t, "the same here", otpSignIn(t, here, "ada", goodPassword, phone.code(0)), account.ErrOTPWrong)
		spaced := phone.code(1)[:3] + " " + phone.code(1)[3:]
		want(t, "the next", otpSignIn(t, here, "ada@example.org", goodPassword, spaced), nil)
		mails := c.mails.Load()
		want(t, "recovery", otpSignIn(t, there, "ada", goodPassword, strings.ToUpper(recovery[0])), nil)
		if c.mails.Load() != mails+1 {
			t.Error("no mail tells of a recovery code")
		}
		want(t, "the same recovery", otpSignIn(t, here, "ada", goodPassword, recovery[0]), account.ErrOTPWrong)
		want(t, "another recovery", otpSignIn(t, here, "ada", goodPassword, strings.ReplaceAll(recovery[9], "-", " ")), nil)
		c.pass(time.Minute)
		want(t, "later", otpSignIn(t, here, "ada", goodPassword, phone.code(0)), nil)
	})
}

// A10: of many sign-ins at once with one code, on two nodes, one comes through.
func TestOneCodeAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	off := func(_ *commands.Config, deps *commands.Deps) { deps.Limits = nil }
	here, there := c.node(off), c.node(off)
	phone, recovery := c.secured(t, here, c.member(here, "ada"))
	for _, code := range []string{phone.code(0), recovery[3]} {
		var in atomic.Int64
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				err := otpSignIn(t, []*commands.Commands{here, there}[i%2], "ada", goodPassword, code)
				if err == nil {
					in.Add(1)
				} else {
					want(t, "a repeat", err, account.ErrOTPWrong)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 {
			t.Errorf("%d came in with one code", in.Load())
		}
	}
}

// A10, S11: wrong codes lock whatever the account signs in with, the settings
// too; who asks for a code learns nothing while it is locked.
func TestWrongCodesLock(t *testing.T) {
	t.Parallel()
	eachStack(t, limited(), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		in := c.member(here, "ada")
		phone, _ := c.secured(t, here, in)
		mails := c.mails.Load()
		for _, login := range []string{"ada", "ada@example.org", "@ADA"} {
			want(t, login, otpSignIn(t, here, login, goodPassword, "000000"), account.ErrOTPWrong)
		}
		if c.mails.Load() != mails+1 {
			t.Error("no mail tells of the guesses")
		}
		for _, login := range []string{"ada", "ada@example.org"} {
			want(t, login, otpSignIn(t, there, login, goodPassword, ""), commands.ErrLocked)
			want(t, login, otpSignIn(t, there, login, goodPassword, phone.code(0)), commands.ErrLocked)
		}
		_, err := there.DisableTOTP(t.Context(), actorOf(in), phone.code(0))
		want(t, "disable", err, commands.ErrLocked)
		c.pass(time.Minute)
		want(t, "after the lock", otpSignIn(t, there, "ada", goodPassword, phone.code(0)), nil)
	})
}

// A10, S11: codes are not guessed at where they are confirmed or taken away.
func TestCodesAreNotGuessedInside(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node(func(cfg *commands.Config, _ *commands.Deps) { cfg.Limits = rules() })
	in := c.member(n, "ada")
	if _, _, err := n.RequestTOTP(t.Context(), actorOf(in)); err != nil {
		t.Fatal(err)
	}
	var err error
	for range 3 {
		_, _, err = n.EnableTOTP(t.Context(), actorOf(in), "000000")
		want(t, "a guess", err, account.ErrOTPWrong)
	}
	_, _, err = n.EnableTOTP(t.Context(), actorOf(in), "000000")
	want(t, "one too many", err, commands.ErrLocked)
	c.pass(time.Minute)
	_, recovery := c.secured(t, n, in)
	for range 3 {
		_, err = n.DisableTOTP(t.Context(), actorOf(in), "000000")
		want(t, "a guess", err, account.ErrOTPWrong)
	}
	_, err = n.DisableTOTP(t.Context(), actorOf(in), recovery[0])
	want(t, "one too many", err, commands.ErrLocked)
	c.pass(2 * time.Minute)
	_, err = n.DisableTOTP(t.Context(), actorOf(in), recovery[0])
	want(t, "right", err, nil)
	_, err = n.DisableTOTP(t.Context(), actorOf(in), recovery[1])
	want(t, "none", err, fault.ErrNotFound)
	want(t, "no code is needed", otpSignIn(t, n, "ada", goodPassword, ""), nil)
}

// A10: a secret that nobody confirmed does not wait for ever: whoever has seen
// it would be let in with it later.
func TestSecretsWaitForTheirTime(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node(func(cfg *commands.Config, _ *commands.Deps) { cfg.TOTPTTL = 5 * time.Minute })
	in := c.member(n, "ada")
	made, _, err := n.RequestTOTP(t.Context(), actorOf(in))
	want(t, "request", err, nil)
	late := app{t, c, made.Secret}
	c.pass(5 * time.Minute)
	_, _, err = n.EnableTOTP(t.Context(), actorOf(in), late.code(0))
	want(t, "too late", err, account.ErrTOTPNotRequested)
	c.secured(t, n, in)
}

// A10: a factor is added soon after a sign-in only, and refreshing is none.
func TestFactorsNeedARecentSignIn(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{commands.SessionMulti, commands.SessionShared} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			n := c.node(func(cfg *commands.Config, _ *commands.Deps) { cfg.SessionMode = mode })
			in := c.member(n, "ada")
			c.pass(10 * time.Minute)
			again, err := n.Refresh(t.Context(), in.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = n.RequestTOTP(t.Context(), actorOf(again))
			want(t, "an old sign-in", err, commands.ErrNotRecent)
			again = c.signIn(n, "ada")
			_, _, err = n.RequestTOTP(t.Context(), actorOf(again))
			want(t, "a new one", err, nil)
			_, _, err = n.RequestTOTP(t.Context(), commands.Actor{Account: in.Account})
			want(t, "no session", err, commands.ErrNotRecent)
		})
	}
}
