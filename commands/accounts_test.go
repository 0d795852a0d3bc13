package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// A1: every bad field at once.
func TestSignUpChecks(t *testing.T) {
	t.Parallel()
	n := newCommunity(t).node(memoryLog(t))
	for name, c := range map[string]struct {
		in   SignUp
		want []fault.Detail
	}{
		"nothing": {SignUp{}, []fault.Detail{
			fault.Field("email", text.Required), fault.Field("handle", text.Required), fault.Field("password", text.Required),
		}},
		"all wrong": {SignUp{Email: "ada", Handle: "a b", Password: "short", DisplayName: strings.Repeat("x", 51)}, []fault.Detail{
			fault.Field("email", "email"), fault.Field("handle", text.Characters), fault.Field("displayName", text.TooLong), fault.Field("password", "too_short"),
		}},
		"common":             {SignUp{Email: "a@example.org", Handle: "ada", Password: "Password1"}, []fault.Detail{fault.Field("password", "common")}},
		"its own address":    {SignUp{Email: "ada@example.org", Handle: "ada", Password: "ADA@example.org"}, []fault.Detail{fault.Field("password", "common")}},
		"seven characters":   {SignUp{Email: "a@example.org", Handle: "ada", Password: "日本語日本語日"}, []fault.Detail{fault.Field("password", "too_short")}},
		"too many":           {SignUp{Email: "a@example.org", Handle: "ada", Password: strings.Repeat("é", 129)}, []fault.Detail{fault.Field("password", text.TooLong)}},
		"NUL in a password":  {SignUp{Email: "a@example.org", Handle: "ada", Password: "long enough\x00"}, []fault.Detail{fault.Field("password", text.Characters)}},
		"lines in the name":  {SignUp{Email: "a@example.org", Handle: "ada", Password: goodPassword, DisplayName: "a\nb"}, []fault.Detail{fault.Field("displayName", text.Characters)}},
		"address with name":  {SignUp{Email: "Ada <a@example.org>", Handle: "ada", Password: goodPassword}, []fault.Detail{fault.Field("email", "email")}},
		"header in address":  {SignUp{Email: "a@example.org\r\nBcc: b@example.org", Handle: "ada", Password: goodPassword}, []fault.Detail{fault.Field("email", "email")}},
		"address of a route": {SignUp{Email: strings.Repeat("a", 255) + "@example.org", Handle: "ada", Password: goodPassword}, []fault.Detail{fault.Field("email", text.TooLong)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := n.SignUp(t.Context(), c.in)
			f := fault.As(err)
			if f == nil || f.Kind != fault.Invalid {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, f.Details); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A1: addresses fold by case and IDNA. FROZEN: streams are named after it.
func TestParseEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Ada@Example.ORG":     "ada@example.org",
		"STRASSE@example.org": "strasse@example.org",
		"straße@example.org":  "strasse@example.org",
		"ada@Bücher.example":  "ada@xn--bcher-kva.example",
		"a.b+c@example.org":   "a.b+c@example.org",
		"JÜRGEN@example.org":  "jürgen@example.org",
	} {
		if e, problem := parseEmail(in); e.folded != want || problem != "" {
			t.Errorf("%q: %q %q, want %q", in, e.folded, problem, want)
		}
	}
	for _, in := range []string{"@example.org", "ada@", "ada@@example.org", "a b@example.org", "ada@exa mple.org", "ada@-x-.org", `"a b"@example.org`, "ada@example.org,bob@example.org", "<ada@example.org>", "ada@[::1]"} {
		if e, problem := parseEmail(in); problem == "" {
			t.Errorf("%q was taken as %+v", in, e)
		}
	}
}

// A1: both names that are taken are told at once, and folded spellings are the
// same name.
func TestSignUpTaken(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	c.member(n, "modern")
	for _, again := range []struct {
		email, handle string
		want          *fault.Fault
		details       int
	}{
		{"MODERN@example.org", "other", account.ErrEmailTaken, 1},
		{"other@example.org", "rnodern", account.ErrHandleTaken, 1},
		{"other@example.org", "ＭＯＤＥＲＮ", account.ErrHandleTaken, 1},
		{"modern@example.org", "modern", account.ErrEmailTaken, 2},
	} {
		_, err := n.SignUp(t.Context(), SignUp{Email: again.email, Handle: again.handle, Password: goodPassword})
		want(t, err, again.want)
		if f := fault.As(err); f != nil && len(f.Details) != again.details {
			t.Errorf("%+v", f.Details)
		}
	}
	c.oneOwner()
}

// A4: link and code, the newest mail alone, once, five wrong tries, 15 minutes.
func TestVerify(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	verified := func(id uuid.UUID) (is bool) {
		if err := n.account(t.Context(), id, func(a *account.Account) error { is = a.EmailVerified; return nil }); err != nil {
			t.Fatal(err)
		}
		return is
	}
	ada, _ := c.member(n, "ada")
	if _, err := n.RequestVerification(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	tokens, codes := c.mail.to("ada@example.org")
	if len(tokens) != 2 || tokens[0] == tokens[1] {
		t.Fatal(tokens)
	}
	bad := []Verify{
		{Token: tokens[0]}, {Token: "x"}, {Token: strings.ToUpper(tokens[1])}, {Token: tokens[1] + "a"},
		{Email: "nobody@example.org", Code: codes[1]}, {Email: "not an address", Code: codes[1]},
	}
	for _, in := range bad {
		_, err := n.Verify(t.Context(), in)
		want(t, err, account.ErrVerification)
	}
	for range account.DefaultLimits().VerificationTries {
		_, err := n.Verify(t.Context(), Verify{Email: "ada@example.org", Code: "no code"})
		want(t, err, account.ErrVerification)
	}
	_, err := n.Verify(t.Context(), Verify{Email: "ada@example.org", Code: codes[1]})
	want(t, err, account.ErrVerification)
	if verified(ada.Account) {
		t.Error("it is verified")
	}
	if _, err := n.Verify(t.Context(), Verify{Token: tokens[1]}); err != nil || !verified(ada.Account) {
		t.Error(err)
	}
	_, err = n.Verify(t.Context(), Verify{Token: tokens[1]})
	want(t, err, account.ErrVerification)
	if out, err := n.RequestVerification(t.Context(), ada); err != nil || out.Changed {
		t.Errorf("%+v %v", out, err)
	}

	bob, _ := c.member(n, "bob")
	tokens, _ = c.mail.to("bob@example.org")
	c.pass(15 * time.Minute)
	_, err = n.Verify(t.Context(), Verify{Token: tokens[0]})
	want(t, err, account.ErrVerification)
	if _, err := n.RequestVerification(t.Context(), bob); err != nil {
		t.Fatal(err)
	}
	_, codes = c.mail.to("bob@example.org")
	if _, err := n.Verify(t.Context(), Verify{Email: "BOB@example.org", Code: " " + codes[1]}); err != nil || !verified(bob.Account) {
		t.Error(err)
	}
	for _, in := range []Verify{{}, {Email: "bob@example.org"}, {Code: "123456"}} {
		_, err := n.Verify(t.Context(), in)
		want(t, err, fault.ErrInvalid)
	}
}

// A4: a thousand guesses at once count as guesses, not as one.
func TestGuessesAtOnce(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	c.member(n, "ada")
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			_, err := n.Verify(context.Background(), Verify{Email: "ada@example.org", Code: fmt.Sprintf("wrong %d", i)})
			want(t, err, account.ErrVerification)
		})
	}
	wg.Wait()
	_, codes := c.mail.to("ada@example.org")
	_, err := n.Verify(t.Context(), Verify{Email: "ada@example.org", Code: codes[0]})
	want(t, err, account.ErrVerification)
}

// O1: the first administrator is made once, by whoever has the token.
func TestSetup(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	token, err := n.PrepareSetup(t.Context())
	if err != nil || len(token) < 32 {
		t.Fatalf("%q %v", token, err)
	}
	if again, err := n.PrepareSetup(t.Context()); err != nil || again != token {
		t.Errorf("a second start: %q %v", again, err)
	}
	in := SignUp{Email: "root@example.org", Handle: "root_1", Password: goodPassword}
	for _, wrong := range []string{"", "x", token + "0"} {
		_, err := n.Setup(t.Context(), wrong, in)
		want(t, err, ErrSetup)
	}
	_, err = n.Setup(t.Context(), token, SignUp{})
	want(t, err, fault.ErrInvalid)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var made []uuid.UUID
	for i := range 8 {
		wg.Go(func() {
			in := SignUp{Email: fmt.Sprintf("root%d@example.org", i), Handle: fmt.Sprintf("root_%c", 'a'+i), Password: goodPassword}
			done, err := n.Setup(context.Background(), token, in)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made = append(made, done.Account)
			} else if !errors.Is(err, fault.ErrNotFound) && !errors.Is(err, ErrSetup) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("%d administrators", len(made))
	}
	if is, err := n.administrator(t.Context(), made[0]); err != nil || !is {
		t.Errorf("%v %v", is, err)
	}
	_, err = n.Setup(t.Context(), token, in)
	want(t, err, fault.ErrNotFound)
	if kept, _ := c.token.Load(t.Context()); kept != "" {
		t.Error("the token is still there")
	}
	if left, err := c.node(c.store).PrepareSetup(t.Context()); err != nil || left != "" {
		t.Errorf("another start: %q %v", left, err)
	}
	c.oneOwner()
}

// O1: a set-up that died half way is done by the next one.
func TestSetupAfterACrash(t *testing.T) {
	t.Parallel()
	for append := 1; append <= 4; append++ {
		c := newCommunity(t)
		store := stallAt(c.store, append, false)
		dying, n := c.node(store), c.node(c.store)
		token, err := n.PrepareSetup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in := SignUp{Email: "root@example.org", Handle: "root", Password: goodPassword}
		ended := make(chan error, 1)
		go func() {
			_, err := dying.Setup(context.Background(), token, in)
			ended <- err
		}()
		<-store.stalls
		store.goOn(true)
		<-ended
		c.pass(10 * time.Minute)
		if needed, err := n.NeedsSetup(t.Context()); err != nil || !needed {
			t.Fatalf("%v %v", needed, err)
		}
		done, err := n.Setup(t.Context(), token, in)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := n.administrator(t.Context(), done.Account); err != nil || !is {
			t.Errorf("%v %v", is, err)
		}
		c.oneOwner()
	}
}

// A7.
func TestChangeProfile(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada, _ := c.member(n, "ada")
	out, err := n.ChangeProfile(t.Context(), ada, ChangeProfile{Bio: new("x"), DisplayName: new(" Ada  ")})
	if err != nil || !out.Changed {
		t.Fatalf("%+v %v", out, err)
	}
	if again, err := n.ChangeProfile(t.Context(), ada, ChangeProfile{Bio: new("x"), DisplayName: new("Ada"), Avatar: new(uuid.UUID)}); err != nil || again.Changed {
		t.Errorf("%+v %v", again, err)
	}
	_, err = n.ChangeProfile(t.Context(), ada, ChangeProfile{Avatar: new(uuid.New())})
	want(t, err, ErrImageUnknown)
	_, err = n.ChangeProfile(t.Context(), ada, ChangeProfile{Bio: new("a\x00b")})
	want(t, err, text.ErrInvalid)
	_, err = n.ChangeProfile(t.Context(), ada, ChangeProfile{Bio: new("y"), Match: func(uuid.UUID) error { return ErrChanged }})
	want(t, err, ErrChanged)
	_, err = n.ChangeProfile(t.Context(), Actor{Account: uuid.New()}, ChangeProfile{Bio: new("y")})
	want(t, err, fault.ErrNotFound)
}
