package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// operator runs commands of `parley admin` on a data folder.
type operator struct {
	*testing.T
	data     string
	password string // file of harness.Password
}

func newOperator(t *testing.T) operator {
	t.Helper()
	o := operator{t, filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "password")}
	if err := os.WriteFile(o.password, []byte(harness.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

// on gives the arguments of a command on the folder.
func (o operator) on(command string, args ...string) []string {
	return append([]string{"admin", command, "--data", o.data, "--hash-memory=64KiB", "--hash-time=1"}, args...)
}

func (o operator) create(handle, passwordFile string) []string {
	return o.on("create", "--email", handle+"@example.org", "--handle", handle, "--password-file", passwordFile)
}

// does wants a command to be done and to say so.
func (o operator) does(says string, args ...string) {
	o.Helper()
	if status, stdout, stderr := parley(o.T, args...); status != 0 || !strings.Contains(stdout, says) || stderr != "" {
		o.Errorf("parley %v: exit %d: %s%s", args, status, stdout, stderr)
	}
}

// A12, O6: the operator makes the first administrator on the command line, who
// then signs in; a second one is refused, and so is whatever is wrong.
func TestA12_AdministratorOnTheCommandLine(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	weak := filepath.Join(t.TempDir(), "weak")
	if err := os.WriteFile(weak, []byte("password1"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, 2, "the handle has characters that it cannot have", o.create("a b", o.password)...)
	refuses(t, 2, "the password is one that many people try first", o.create("ada", weak)...)
	refuses(t, 2, "the email is no mail address", o.on("create", "--email", "ada", "--handle", "ada", "--password-file", o.password)...)
	o.does("made the administrator ada (", o.create("ada", o.password)...)
	refuses(t, 1, "there is an administrator already", o.create("bob", o.password)...)

	s := harness.Start(t, harness.On(o.data), harness.Embedded())
	if strings.Contains(s.Stdout(), "/setup?token=") {
		t.Error("there is a set-up link though there is an administrator")
	}
	ada := s.SignIn("ada")
	if roles, _ := ada.Get("/v1/me").Want(200).Map()["roles"].([]any); len(roles) != 2 {
		t.Errorf("the roles are %v", roles)
	}
	ada.Post("/v1/boards", map[string]any{"name": "News"}).Want(201)
	if s.Mail("ada@example.org").Token == "" {
		t.Error("no link was mailed")
	}
	refuses(t, 1, o.data, o.create("carl", o.password)...) // the folder is in use
	refuses(t, 1, o.data, o.on("grant", "ada")...)
}

// A12: the operator gives the role to others and takes it back; it counts when
// the server runs again, and roles are shown as they are.
func TestA12_GrantedAndRevoked(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := harness.Start(t, harness.On(o.data), harness.Embedded())
	bob := s.NewPerson("bob")
	board := func(status int, slug ...string) {
		t.Helper()
		s.SignIn(bob.Account.Handle).Post("/v1/boards", map[string]any{"name": "Board " + bob.Account.Handle}).Want(status, slug...)
	}
	roles := func(want int) {
		t.Helper()
		if got, _ := s.SignIn(bob.Account.Handle).Get("/v1/me").Want(200).Map()["roles"].([]any); len(got) != want {
			t.Errorf("the roles are %v", got)
		}
	}
	board(403, "auth.forbidden")
	s.Stop()
	o.does("is an administrator now", o.on("grant", "@"+strings.ToUpper(bob.Account.Handle))...)
	o.does("is an administrator already", o.on("grant", bob.Account.ID)...)
	refuses(t, 1, `there is no account "nobody"`, o.on("grant", "nobody")...)
	s.Again(false)
	board(201)
	roles(2)
	s.Stop()
	refuses(t, 2, "the reason is missing", o.on("revoke", bob.Account.Handle, "--reason", " ")...)
	o.does("is no administrator any more", o.on("revoke", bob.Account.Handle, "--reason", "left the team")...)
	o.does("is no administrator", o.on("revoke", bob.Account.Handle, "--reason", "left the team")...)
	s.Again(false)
	board(403, "auth.forbidden")
	roles(1)
}

// A12: the operator suspends and lifts; the server says so when it runs again.
func TestA12_SuspendedOnTheCommandLine(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := harness.Start(t, harness.On(o.data), harness.Embedded())
	bob := s.NewPerson("bob")
	signIn := func(status int, slug ...string) {
		t.Helper()
		s.Client().Post("/v1/sessions", map[string]any{"login": bob.Account.Handle, "password": harness.Password}).Want(status, slug...)
	}
	s.Stop()
	refuses(t, 2, "the reason is missing", o.on("suspend", bob.Account.Handle, "--reason", " ")...)
	refuses(t, 2, "until", o.on("suspend", bob.Account.Handle, "--reason", "spam", "--until", "2020-01-01T00:00:00Z")...)
	refuses(t, 2, "until", o.on("suspend", bob.Account.Handle, "--reason", "spam", "--until", "tomorrow")...)
	refuses(t, 1, `there is no account "nobody"`, o.on("suspend", "nobody", "--reason", "spam")...)
	o.does("is not suspended", o.on("lift", bob.Account.Handle)...)
	o.does("is suspended", o.on("suspend", bob.Account.Handle, "--reason", "spam", "--until", "2100-01-31T12:00:00+02:00")...)
	s.Again(false)
	signIn(403, "account.suspended")
	s.Stop()
	o.does("is not suspended any more", o.on("lift", bob.Account.Handle, "--reason", "a mistake")...)
	s.Again(false)
	signIn(201)
}
