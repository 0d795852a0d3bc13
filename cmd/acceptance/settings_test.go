package acceptance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// setting is a line of `parley config --json`.
type setting struct{ Name, Value, Source string }

// parleyWith runs the program to its end in that environment and returns what
// it wrote and its exit status.
func parleyWith(t *testing.T, environ []string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Binary(t), args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &err, t.TempDir()
	cmd.Env = append(environ, "HOME="+cmd.Dir)
	_ = cmd.Run() // the status tells
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

func settingsFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A flag beats the environment, which beats the file, which beats the
// default; `parley config` says which it was, and hides secrets, also those
// that came from files.
func TestO6_SettingsAndTheirSources(t *testing.T) {
	t.Parallel()
	config := settingsFile(t, "parley.toml", "access-ttl = \"3m\"\nrefresh-ttl = \"30h\"\nsession-mode = \"single\"\n")
	smtp := settingsFile(t, "smtp", "smtp://me:hunter2@mail.example:25\n")
	environ := []string{"PARLEY_ACCESS_TTL=2m", "PARLEY_REFRESH_TTL=20h", "PARLEY_SMTP_FILE=" + smtp, "PARLEY_CONFIG=" + config}
	stdout, stderr, status := parleyWith(t, environ, "config", "--json", "--access-ttl", "1m")
	if status != 0 || strings.Contains(stdout, "hunter2") {
		t.Fatalf("status %d, stderr %q, stdout %s", status, stderr, stdout)
	}
	var rows []setting
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil {
		t.Fatal(err)
	}
	got := map[string]setting{}
	for _, r := range rows {
		got[r.Name] = r
	}
	for _, want := range []setting{
		{"access-ttl", "1m", "flag"}, {"refresh-ttl", "20h", "env"}, {"session-mode", "single", "file"},
		{"binding", "none", "default"}, {"smtp", "smtp://***", "env"}, {"http", "127.0.0.1:8080", "default"},
	} {
		if got[want.Name] != want {
			t.Errorf("got %+v, want %+v", got[want.Name], want)
		}
	}
}

// What is unknown or wrong refuses to start: exit status 2 and one sentence
// that names the setting as it was spelled, and never a secret.
func TestO6_WrongSettingsRefuseToStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ, args []string
		want          string
	}{
		"flag":         {nil, []string{"--htttp=:0"}, "--htttp"},
		"variable":     {[]string{"PARLEY_HTPP=:0"}, nil, `PARLEY_HTPP, did you mean "PARLEY_HTTP"?`},
		"key":          {nil, []string{"--config", settingsFile(t, "parley.toml", "htpp = \":0\"")}, `"htpp", did you mean "http"?`},
		"no TOML":      {nil, []string{"--config", settingsFile(t, "parley.toml", "http")}, "parley.toml:1:"},
		"value":        {[]string{"PARLEY_ACCESS_TTL=soon"}, nil, "PARLEY_ACCESS_TTL: "},
		"not above 0":  {nil, []string{"--ticket-ttl=0s"}, "--ticket-ttl: "},
		"word":         {nil, []string{"--captcha=sometimes"}, "--captcha: expected one of always, adaptive, off"},
		"secret":       {[]string{"PARLEY_POSTGRES=hunter2"}, nil, "PARLEY_POSTGRES: expected a URL"},
		"missing file": {nil, []string{"--redis-file=/nowhere/redis"}, "there is no file /nowhere/redis"},
		"twice":        {nil, []string{"--smtp=smtp://h:1", "--smtp-file=/nowhere"}, "keep one"},
		"half a stack": {nil, []string{"--postgres=postgres://h/n"}, "all of --eventstore, --kafka, --postgres, --elasticsearch and --redis"},
		"without a key": {[]string{
			"PARLEY_EVENTSTORE=esdb://h:1", "PARLEY_KAFKA=kafka://h:1", "PARLEY_POSTGRES=postgres://h/n", "PARLEY_ELASTICSEARCH=http://h:1", "PARLEY_REDIS=redis://h:1",
		}, nil, "--jwt-key-file and --master-key-file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, status := parleyWith(t, test.environ, append([]string{"serve", "--data", t.TempDir()}, test.args...)...)
			if status != 2 || stdout != "" {
				t.Errorf("status %d, stdout %q", status, stdout)
			}
			if !strings.HasPrefix(stderr, "parley: ") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "hunter2") {
				t.Errorf("stderr %q, want one sentence with %q", stderr, test.want)
			}
		})
	}
}
