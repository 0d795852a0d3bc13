//go:build linux && stack

package servers_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// set is a set of servers of the test's own.
type set struct {
	t   *testing.T
	dir string
}

func newSet(t *testing.T) set {
	s := set{t, t.TempDir()}
	t.Cleanup(func() {
		s.run("down")
		if elsewhere, err := os.Readlink(filepath.Join(s.dir, "servers", "postgres", "data")); err == nil {
			_ = os.RemoveAll(elsewhere)
		}
	})
	return s
}

// run runs one of the scripts, and tells what it said and whether it succeeded.
func (s set) run(script string, args ...string) (string, bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "./"+script, args...)
	cmd.Env = append(os.Environ(), "STACK_DIR="+s.dir)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func (s set) must(script string, args ...string) string {
	s.t.Helper()
	out, ok := s.run(script, args...)
	if !ok {
		s.t.Fatalf("%s: %s", script, out)
	}
	return out
}

func (s set) pid(server string) int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "run", server+".pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(string(text))[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

func (s set) file(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// Servers start once, come back where they were after a crash, and leave when
// they are told to.
func TestUpAndDown(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	s.must("up", "postgres", "redis")
	env, first := s.file("env"), s.pid("redis")
	for _, want := range []string{
		"export PARLEY_POSTGRES='postgres://postgres@127.0.0.1:", "export PARLEY_REDIS='redis://127.0.0.1:",
		"export PARLEY_JWT_KEY_FILE='" + s.dir, "export PARLEY_MASTER_KEY_FILE='" + s.dir,
	} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is missing from:\n%s", want, env)
		}
	}
	if strings.Contains(env, "KAFKA") {
		t.Errorf("a server that was not started has an address:\n%s", env)
	}
	if tests := s.file("test-env"); strings.Count(tests, "export PARLEY_TEST_") != 2 {
		t.Errorf("for tests:\n%s", tests)
	}
	if master := s.file("keys/master"); len(master) != 32 {
		t.Errorf("the master key has %d bytes", len(master))
	}
	keys := s.file("keys/jwt.pem") + s.file("keys/master")

	s.must("up", "postgres", "redis")
	if again := s.pid("redis"); again != first {
		t.Errorf("a server that ran was started again: %d, then %d", first, again)
	}
	crashed, err := os.FindProcess(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := crashed.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { out, ok := s.run("status"); return !ok && strings.Contains(out, "ended") })
	s.must("up", "postgres", "redis")
	if s.file("env") != env || s.file("keys/jwt.pem")+s.file("keys/master") != keys {
		t.Errorf("after a crash the addresses or keys are others:\n%s%s", env, s.file("env"))
	}
	s.must("down", "redis")
	if out := s.must("status"); !strings.Contains(out, "postgres       answers") || !strings.Contains(out, "redis          not started") {
		t.Errorf("after stopping one:\n%s", out)
	}
	postgres := s.pid("postgres")
	s.must("down")
	if alive(postgres) {
		t.Error("Postgres outlived down")
	}
	if _, err := os.Stat(filepath.Join(s.dir, "env")); err == nil {
		t.Error("addresses of servers that do not run were left")
	}
}

// A process that was given the number of a server that crashed is left alone.
func TestDownKnowsItsOwn(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	if err := os.MkdirAll(filepath.Join(s.dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	stale := fmt.Sprintf("%d 12345\n", other.Process.Pid)
	if err := os.WriteFile(filepath.Join(s.dir, "run", "redis.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must("down")
	if !alive(other.Process.Pid) {
		t.Error("another process was ended")
	}
}

// What cannot start is told with its log.
func TestUpFails(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	if err := os.MkdirAll(filepath.Join(s.dir, "servers"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "servers", "redis"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, ok := s.run("up", "redis")
	if ok || !strings.Contains(out, "redis ended before it answered") || !strings.Contains(out, "mkdir") {
		t.Errorf("%v: %s", ok, out)
	}
	if out, ok := s.run("up", "nonsense"); ok || !strings.Contains(out, "there is no server nonsense") {
		t.Errorf("%v: %s", ok, out)
	}
}

// alive tells whether a process acts; one that ended may be listed until
// somebody asks for it.
func alive(pid int) bool {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(state), ") Z")
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within a minute")
		}
	}
}
