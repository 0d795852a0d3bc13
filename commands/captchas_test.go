package commands_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// readable is a painter whose pictures are the characters themselves.
type readable struct{}

// Paint implements commands.Painter.
func (readable) Paint(text string) ([]byte, error) { return []byte(text), nil }

// asking is a node with that policy.
func asking(policy string) func(*commands.Config, *commands.Deps) {
	return func(cfg *commands.Config, deps *commands.Deps) { cfg.Captcha.Policy, deps.Painter = policy, readable{} }
}

// solved is a right answer to a new captcha.
func solved(t *testing.T, n *commands.Commands) commands.CaptchaAnswer {
	t.Helper()
	made, err := n.NewCaptcha(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return commands.CaptchaAnswer{ID: made.ID.String(), Text: picture(t, n, made.ID)}
}

func picture(t *testing.T, n *commands.Commands, id uuid.UUID) string {
	t.Helper()
	text, err := n.PaintCaptcha(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func signInWith(t *testing.T, n *commands.Commands, network, login, password string, a commands.CaptchaAnswer) error {
	t.Helper()
	ctx := commands.WithClient(t.Context(), commands.Client{Network: network})
	_, err := n.SignIn(ctx, commands.SignIn{Login: login, Password: password, Captcha: a})
	return err
}

func signUpWith(t *testing.T, n *commands.Commands, network, handle string, a commands.CaptchaAnswer) error {
	t.Helper()
	ctx := commands.WithClient(t.Context(), commands.Client{Network: network})
	_, err := n.SignUp(ctx, commands.SignUp{Email: handle + "@example.org", Handle: handle, Password: goodPassword, Captcha: a})
	return err
}

// A3: always: without a right answer nobody is signed up or in, and nothing is
// told of accounts; the characters in any case and with spaces are right.
func TestCaptchaAlways(t *testing.T) {
	t.Parallel()
	eachStack(t, asking(commands.CaptchaAlways), func(t *testing.T, _ *cluster, here, there *commands.Commands) {
		none := commands.CaptchaAnswer{}
		want(t, "sign up without", signUpWith(t, here, "n", "ada", none), commands.ErrCaptchaRequired)
		want(t, "sign up", signUpWith(t, here, "n", "ada", solved(t, there)), nil)
		want(t, "a taken name without", signUpWith(t, here, "n", "ada", none), commands.ErrCaptchaRequired)
		wrong := solved(t, here)
		wrong.Text = "34679ACD"
		want(t, "a taken name with a wrong one", signUpWith(t, here, "n", "ada", wrong), commands.ErrCaptchaWrong)
		for _, login := range []string{"ada", "nobody"} {
			want(t, login+" without", signInWith(t, there, "n", login, goodPassword, none), commands.ErrCaptchaRequired)
			for _, half := range []commands.CaptchaAnswer{{ID: uuid.NewString()}, {Text: "34679ACD"}} {
				want(t, login+" with a half", signInWith(t, there, "n", login, goodPassword, half), commands.ErrCaptchaRequired)
			}
			for _, id := range []string{uuid.NewString(), "x", strings.Repeat("9", 10_000)} {
				want(t, login+" with none of ours", signInWith(t, there, "n", login, goodPassword, commands.CaptchaAnswer{ID: id, Text: "34679ACD"}), commands.ErrCaptchaWrong)
			}
		}
		lower := solved(t, here)
		lower.Text = " " + strings.ToLower(lower.Text[:3]) + " " + lower.Text[3:] + "\t"
		want(t, "in lower case", signInWith(t, there, "n", "ada", goodPassword, lower), nil)
	})
}

// A3: one answer, right or wrong, even of many at once; then it is gone.
func TestCaptchaIsForOneAnswer(t *testing.T) {
	t.Parallel()
	eachStack(t, asking(commands.CaptchaAlways), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		gone := func(what, id string) {
			t.Helper()
			_, err := there.PaintCaptcha(t.Context(), uuid.MustParse(id))
			want(t, what+": picture", err, fault.ErrNotFound)
			_, err = here.RefreshCaptcha(t.Context(), uuid.MustParse(id))
			want(t, what+": refresh", err, fault.ErrNotFound)
		}
		right := solved(t, here)
		wrong := right
		wrong.Text += "3"
		want(t, "wrong", signInWith(t, there, "n", "ada", "x", wrong), commands.ErrCaptchaWrong)
		want(t, "right, but second", signInWith(t, here, "n", "ada", "x", right), commands.ErrCaptchaWrong)
		gone("wrong", right.ID)

		right = solved(t, here)
		want(t, "right", signInWith(t, there, "n", "ada", "x", right), commands.ErrBadCredentials)
		want(t, "again", signInWith(t, here, "n", "ada", "x", right), commands.ErrCaptchaWrong)
		gone("right", right.ID)

		right = solved(t, here)
		c.pass(5 * time.Minute)
		want(t, "too late", signInWith(t, here, "n", "ada", "x", right), commands.ErrCaptchaWrong)
		gone("too late", right.ID)

		right = solved(t, there)
		var counted atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			n := []*commands.Commands{here, there}[i%2]
			all.Go(func() {
				err := signInWith(t, n, "", "ada", "x", right)
				if errors.Is(err, commands.ErrBadCredentials) {
					counted.Add(1)
				} else if !errors.Is(err, commands.ErrCaptchaWrong) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if counted.Load() != 1 {
			t.Errorf("%d of 8 were taken, want 1", counted.Load())
		}
	})
}

// A3: a refresh keeps the id and its new characters alone are right.
func TestCaptchaRefresh(t *testing.T) {
	t.Parallel()
	eachStack(t, asking(commands.CaptchaAlways), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		before := solved(t, here)
		id := uuid.MustParse(before.ID)
		if again := picture(t, there, id); again != before.Text {
			t.Errorf("another answer without a refresh: %q, %q", before.Text, again)
		}
		c.pass(4 * time.Minute)
		now := c.now()
		made, err := there.RefreshCaptcha(t.Context(), id)
		if err != nil || made.ID != id || made.ExpiresAt.Sub(now) < 5*time.Minute-time.Second {
			t.Fatalf("%+v %v", made, err)
		}
		c.pass(4 * time.Minute)
		after := picture(t, here, id)
		if after == before.Text || len(after) != 8 {
			t.Errorf("%q after %q", after, before.Text)
		}
		want(t, "the new ones", signInWith(t, there, "n", "ada", "x", commands.CaptchaAnswer{ID: before.ID, Text: after}), commands.ErrBadCredentials)

		before = solved(t, here)
		if _, err := here.RefreshCaptcha(t.Context(), uuid.MustParse(before.ID)); err != nil {
			t.Fatal(err)
		}
		want(t, "the old ones", signInWith(t, there, "n", "ada", "x", before), commands.ErrCaptchaWrong)
		_, err = here.RefreshCaptcha(t.Context(), uuid.New())
		want(t, "one that never was", err, fault.ErrNotFound)
	})
}

// A3: adaptive asks after three failures of a login, whoever it is, or of a
// network, on whatever node; a success makes those of the login forgotten.
func TestCaptchaAdaptive(t *testing.T) {
	t.Parallel()
	eachStack(t, asking(commands.CaptchaAdaptive), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		none := commands.CaptchaAnswer{}
		want(t, "sign up", signUpWith(t, here, "n0", "ada", none), nil)
		want(t, "sign up", signUpWith(t, here, "n0", "bob", none), nil)
		for _, login := range []string{"ada", "nobody"} {
			for i := range 3 {
				n := []*commands.Commands{here, there}[i%2]
				want(t, "wrong", signInWith(t, n, "", login, "x", none), commands.ErrBadCredentials)
			}
			want(t, login, signInWith(t, here, "", strings.ToUpper(login), goodPassword, none), commands.ErrCaptchaRequired)
			want(t, login, signInWith(t, there, "elsewhere", "@"+login, "x", none), commands.ErrCaptchaRequired)
			want(t, "wrong with a captcha", signInWith(t, here, "", login, "x", solved(t, there)), commands.ErrBadCredentials)
		}
		unasked := solved(t, here)
		want(t, "another login", signInWith(t, there, "", "bob", goodPassword, unasked), nil)
		want(t, "what nobody asked for is not used up", signInWith(t, there, "", "ada", goodPassword, unasked), nil)
		want(t, "after a success", signInWith(t, here, "", "ada", "x", none), commands.ErrBadCredentials)

		for i := range 3 { // three logins of one network
			want(t, "wrong", signInWith(t, there, "n1", "none"+string(rune('a'+i)), "x", none), commands.ErrBadCredentials)
		}
		want(t, "that network", signInWith(t, here, "n1", "bob", goodPassword, none), commands.ErrCaptchaRequired)
		want(t, "sign-up there", signUpWith(t, here, "n1", "eve", none), commands.ErrCaptchaRequired)
		want(t, "another network", signInWith(t, here, "n2", "bob", goodPassword, none), nil)
		want(t, "right with a captcha", signInWith(t, here, "n1", "bob", goodPassword, solved(t, here)), nil)
		want(t, "a success does not clear the network", signInWith(t, here, "n1", "bob", goodPassword, none), commands.ErrCaptchaRequired)
		c.pass(15 * time.Minute)
		want(t, "in time", signInWith(t, there, "n1", "bob", goodPassword, none), nil)
	})
}

// A3: a wrong captcha is no failed password, and costs none of its work.
func TestCaptchaComesFirst(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node(func(cfg *commands.Config, deps *commands.Deps) {
		cfg.Captcha.Policy, deps.Painter = commands.CaptchaAlways, readable{}
		cfg.PasswordCost.Memory = 1 << 40 / 1024 // a hash would not end well
		cfg.Limits.LockoutFailures = 1
	})
	for range 3 {
		want(t, "sign in", signInWith(t, n, "n", "ada", "x", commands.CaptchaAnswer{ID: uuid.NewString(), Text: "x"}), commands.ErrCaptchaWrong)
		want(t, "sign up", signUpWith(t, n, "n", "ada", commands.CaptchaAnswer{}), commands.ErrCaptchaRequired)
	}
}

// broken is an Ephemeral that does not answer.
type broken struct{ commands.Ephemeral }

var errAway = errors.New("away")

// PutAmong implements commands.Ephemeral, as the others do.
func (broken) PutAmong(context.Context, string, int, string, []byte, time.Duration) error {
	return errAway
}
func (broken) Get(context.Context, string) ([]byte, bool, error)  { return nil, false, errAway }
func (broken) Take(context.Context, string) ([]byte, bool, error) { return nil, false, errAway }

// A3, N4: a store that is away or was emptied: come back, or take another one.
func TestCaptchaWithoutItsStore(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	away := c.node(func(cfg *commands.Config, deps *commands.Deps) {
		cfg.Captcha.Policy, deps.Painter, deps.Ephemeral = commands.CaptchaAlways, readable{}, broken{}
	})
	_, err := away.NewCaptcha(t.Context())
	want(t, "a new one", err, fault.ErrUnavailable)
	_, err = away.PaintCaptcha(t.Context(), uuid.New())
	want(t, "a picture", err, fault.ErrUnavailable)
	_, err = away.RefreshCaptcha(t.Context(), uuid.New())
	want(t, "a refresh", err, fault.ErrUnavailable)
	want(t, "an answer", signInWith(t, away, "n", "ada", "x", commands.CaptchaAnswer{ID: uuid.NewString(), Text: "x"}), fault.ErrUnavailable)

	n := c.node(func(cfg *commands.Config, deps *commands.Deps) {
		cfg.Captcha.Policy, deps.Painter = commands.CaptchaAlways, readable{}
	})
	lost := solved(t, n)
	c.redis.FlushAll()
	want(t, "lost", signInWith(t, n, "n", "ada", "x", lost), commands.ErrCaptchaWrong)
	want(t, "another", signInWith(t, n, "n", "ada", "x", solved(t, n)), commands.ErrBadCredentials)
	for _, key := range c.redis.Keys() {
		if v, err := c.redis.Get(key); err == nil && strings.Contains(v, lost.Text) {
			t.Errorf("%s holds the characters", key)
		}
	}
}
