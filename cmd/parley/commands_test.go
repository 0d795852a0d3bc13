package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// O2, O6: whoever types a command does not wait for ever for a server that is
// away, and hears which one it is; no password is said.
func TestServersThatAreAway(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key") // and password
	if err := os.WriteFile(key, []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	servers := []string{
		"--eventstore=esdb://parley:hunter2@127.0.0.1:1?tls=false", "--kafka=kafka://parley:hunter2@127.0.0.1:1", "--postgres=postgres://parley:hunter2@127.0.0.1:1/x",
		"--elasticsearch=http://parley:hunter2@127.0.0.1:1", "--redis=redis://parley:hunter2@127.0.0.1:1", "--master-key-file=" + key, "--jwt-key-file=" + key,
		"--jwt-alg=HS256", "--open-timeout=200ms", "--connect-timeout=100ms", "--call-retries=0", "--data=" + t.TempDir(),
	}
	for _, args := range [][]string{
		{"admin", "create", "--email=ada@example.org", "--handle=ada", "--password-file=" + key},
		{"admin", "grant", "ada"},
		{"rebuild", "tables"},
	} {
		stdout, stderr, status := call(t, nil, append(args, servers...)...)
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		last := lines[len(lines)-1]
		if status != 1 || stdout != "" || !strings.HasPrefix(last, "parley: ") || !strings.Contains(last, " does not answer, tried for 200ms: ") {
			t.Errorf("%v: exit %d: %s%s", args, status, stdout, stderr)
		}
		if strings.Contains(stderr, "hunter2") {
			t.Errorf("%v tells a password: %s", args, stderr)
		}
	}
}
