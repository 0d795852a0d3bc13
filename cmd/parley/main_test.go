package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/settings"
)

// program is the binary under test, built once.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "parley-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		program = filepath.Join(dir, "parley")
		if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// call runs the program to its end in an empty folder.
func call(t *testing.T, environ []string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &err, t.TempDir()
	cmd.Env = append(environ, "HOME="+t.TempDir())
	_ = cmd.Run() // the status tells
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// O6: exit status 0 done, 1 failed, 2 wrong use; one sentence on stderr, and
// nothing that looks like a program's inside.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args, env []string
		status    int
		want      string
	}{
		"no command":       {nil, nil, 2, "expected one of"},
		"unknown command":  {[]string{"sreve"}, nil, 2, "sreve"},
		"unknown flag":     {[]string{"serve", "--htttp=:0"}, nil, 2, "unknown flag --htttp"},
		"unknown variable": {[]string{"serve"}, []string{"PARLEY_HTPP=:0"}, 2, `did you mean "PARLEY_HTTP"?`},
		"wrong value":      {[]string{"serve", "--http=nowhere"}, nil, 2, "--http: expected host:port"},
		"argument":         {[]string{"serve", "now"}, nil, 2, "now"},
		"data is a file":   {[]string{"serve", "--http=127.0.0.1:0", "--data", file}, nil, 1, file},
		"config refuses":   {[]string{"config", "--captcha=x"}, nil, 2, "--captcha: expected one of"},
		"version":          {[]string{"version"}, []string{"PARLEY_HTPP=:0"}, 0, ""},
		"config":           {[]string{"config"}, nil, 0, ""},
		"bench no pattern": {[]string{"bench", "--only=("}, nil, 2, "--only is no regular expression"},
		"bench nothing":    {[]string{"bench", "--only=^$"}, nil, 2, "--only matches nothing"},
		"admin no email":   {[]string{"admin", "create", "--handle=a"}, nil, 2, "--email"},
		"admin no secret":  {[]string{"admin", "create", "--email=a@example.org", "--handle=ada"}, nil, 2, "give --password-file"},
		"admin no file":    {[]string{"admin", "create", "--email=a@example.org", "--handle=ada", "--password-file=x"}, nil, 2, "--password-file: open x"},
		"admin not there":  {[]string{"admin", "create", "--email=a@example.org", "--handle=ada", "--password-file=-"}, nil, 2, "--password-file: it is empty"},
		"grant nobody":     {[]string{"admin", "grant"}, nil, 2, "<account>"},
		"grant no folder":  {[]string{"admin", "grant", "ada"}, nil, 1, "there is no data folder ./data"},
		"revoke, no why":   {[]string{"admin", "revoke", "ada"}, nil, 2, "--reason"},
		"bench no server":  {[]string{"bench", "--only=^relay", "--postgres=postgres://p"}, nil, 2, "2 rows are left out for want of --kafka: `make stack`"},
		"bench no turn":    {[]string{"bench", "--rounds=0"}, nil, 2, "--rounds and --each"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, status := call(t, test.env, test.args...)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if test.status == 0 {
				if stderr != "" || stdout == "" {
					t.Errorf("stdout %q, stderr %q", stdout, stderr)
				}
				return
			}
			if !strings.HasPrefix(stderr, "parley: ") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, test.want) {
				t.Errorf("stderr %q, want one sentence with %q", stderr, test.want)
			}
			if strings.Contains(stderr, "goroutine") || strings.Contains(stderr, ".go:") {
				t.Errorf("stderr shows the inside: %q", stderr)
			}
		})
	}
}

// O6: help names every command, and each explains itself with an example.
func TestHelp(t *testing.T) {
	t.Parallel()
	top, _, status := call(t, nil, "--help")
	if status != 0 {
		t.Fatalf("status %d", status)
	}
	for _, command := range []string{"serve", "admin", "seed", "bench", "config", "version"} {
		if !strings.Contains(top, "\n  "+command+" ") {
			t.Errorf("--help does not name %s:\n%s", command, top)
		}
		own, stderr, status := call(t, nil, command, "--help")
		if status != 0 || stderr != "" || !strings.Contains(own, "Example:\n\n    parley "+command) {
			t.Errorf("%s --help: status %d, stderr %q, stdout\n%s", command, status, stderr, own)
		}
	}
	for _, command := range []string{"create", "grant", "revoke"} {
		own, stderr, status := call(t, nil, "admin", command, "--help")
		if status != 0 || stderr != "" || !strings.Contains(own, "Example:\n\n    parley admin "+command) {
			t.Errorf("admin %s --help: status %d, stderr %q, stdout\n%s", command, status, stderr, own)
		}
	}
	serve, _, _ := call(t, nil, "serve", "--help")
	defaults, err := settings.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range defaults.Rows() {
		if !strings.Contains(serve, "--"+r.Name) {
			t.Errorf("serve --help leaves out --%s", r.Name)
		}
	}
}

// The program measures itself, and the other processes that it starts for
// that are itself.
func TestBench(t *testing.T) {
	t.Parallel()
	out, stderr, status := call(t, nil, "bench", "--only=durable append.*64|until ready|size of", "--rounds=1", "--each=10ms", "--json")
	var results []struct {
		What   string
		Parley float64
		Error  string
	}
	if err := json.Unmarshal([]byte(out), &results); err != nil || status != 0 || stderr != "" {
		t.Fatalf("status %d, stderr %q, %v: %s", status, stderr, err, out)
	}
	if len(results) != 3 {
		t.Errorf("got %s", out)
	}
	for _, r := range results {
		if r.Parley <= 0 || r.Error != "" {
			t.Errorf("%+v", r)
		}
	}
}

// O6: every setting with its value and its source; secrets hidden.
func TestConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "p.toml")
	if err := os.WriteFile(file, []byte("smtp = \"smtp://me:hunter2@h:25\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"PARLEY_LOG_LEVEL=warn"}
	args := []string{"config", "--config", file, "--http=:0"}
	lines, _, _ := call(t, env, args...)
	got := map[string]string{}
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		got[words[0]] = words[1] + " " + words[len(words)-1]
	}
	raw, _, _ := call(t, env, append(args, "--json")...)
	var rows []settings.Row
	if err := json.Unmarshal([]byte(raw), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(got) || len(rows) < 100 {
		t.Errorf("%d rows, %d lines", len(rows), len(got))
	}
	want := map[string]string{
		"http": ":0 flag", "log-level": "warn env", "smtp": "smtp://*** file", "data": "./data default", "grpc": "- default",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: got %q, want %q", name, got[name], value)
		}
	}
	if strings.Contains(lines+raw, "hunter2") {
		t.Error("a secret is shown")
	}
}

// O1, O3: serve says where it listens on its first line, answers, and ends
// with 0 when asked to.
func TestServeAndStop(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), program, "serve", "--http=127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
		cmd.Env = []string{"HOME=" + t.TempDir()}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(stdout)
		line, err := reader.ReadString('\n')
		base, ok := strings.CutPrefix(strings.TrimSpace(line), "parley listening on ")
		if err != nil || !ok {
			t.Fatalf("first line %q, %v, stderr %s", line, err, stderr.String())
		}
		answer, err := (&http.Client{Timeout: time.Minute}).Get(base + "/livez")
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("/livez: %d", answer.StatusCode)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, reader)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v, stderr %s", signal, err, stderr.String())
		}
	}
}

// A bug is one sentence too: the memory of a server is not for a terminal.
func TestPanicIsOneSentence(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	status := run(t.Context(), []string{"version"}, nil, streams{out: panics{}, err: &stderr})
	if status != exitFailed || stderr.String() != "parley: this is a bug of ours: no paper\n" {
		t.Errorf("status %d, stderr %q", status, stderr.String())
	}
}

// panics is a writer that does.
type panics struct{}

func (panics) Write([]byte) (int, error) { panic("no paper") }
