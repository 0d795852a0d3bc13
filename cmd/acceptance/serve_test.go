package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// parley runs the program to its end and gives its exit status and stderr.
func parley(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	binary := harness.Binary(t)                                     // which may be built first
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second) // one that serves instead of refusing
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = []string{"HOME=" + t.TempDir()}
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// refuses wants one clear sentence that names the thing, and no trace.
func refuses(t *testing.T, want int, names string, args ...string) {
	t.Helper()
	status, stdout, stderr := parley(t, args...)
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := lines[len(lines)-1]
	if status != want || stdout != "" || !strings.Contains(last, names) || strings.Contains(stderr, "goroutine") || len(lines) > 2 {
		t.Errorf("parley %v: exit %d, want %d and %q named\n%s%s", args, status, want, names, stdout, stderr)
	}
}

// O1: serve needs nothing, says where it listens and how to begin, and is
// ready within a second on an empty folder.
func TestO1_ServeOnAnEmptyFolder(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := harness.StartProcess(t, harness.Embedded())
	s.Ready()
	t.Logf("ready after %s", time.Since(began))
	if out := s.Stdout(); !strings.Contains(out, s.Base+"/setup?token="+s.SetupToken()) {
		t.Errorf("stdout has no set-up link: %q", out)
	}
	err := filepath.WalkDir(s.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may read %s: %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	s.Stop() // exit 0
}

// O1: what is in the way is one sentence, and the exit status is 1.
func TestO1_WhatIsInTheWay(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t)

	refuses(t, 1, s.Data, "serve", "--http", "127.0.0.1:0", "--data", s.Data)

	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, 1, foreign, "serve", "--http", "127.0.0.1:0", "--data", foreign)
	if kept, err := os.ReadFile(filepath.Join(foreign, "thesis.txt")); err != nil || string(kept) != "mine" {
		t.Errorf("a foreign file was touched: %q %v", kept, err)
	}

	file := filepath.Join(foreign, "thesis.txt")
	refuses(t, 1, file, "serve", "--http", "127.0.0.1:0", "--data", file)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	empty := filepath.Join(t.TempDir(), "data")
	refuses(t, 1, l.Addr().String()+": another program does; --http takes", "serve", "--http", l.Addr().String(), "--data", empty)
	if _, err := os.Stat(empty); err == nil {
		t.Error("a server that could not listen made its folder")
	}
}

// O1: one flipped bit in the log's files is found, not served.
func TestO1_AFlippedBitRefusesToStart(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t)
	ada := s.NewPerson("ada")
	for i := range 50 {
		ada.Patch("/v1/me/profile", map[string]any{"bio": strings.Repeat(fmt.Sprint(i), 200)}).Want(200)
	}
	s.Kill()
	logs, err := filepath.Glob(filepath.Join(s.Data, "log", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no write-ahead log: %v %v", logs, err)
	}
	var largest string
	var size int64
	for _, name := range logs {
		if info, err := os.Stat(name); err == nil && info.Size() > size {
			largest, size = name, info.Size()
		}
	}
	raw, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	raw[2000] ^= 1 // in what was acknowledged long before the end
	if err := os.WriteFile(largest, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, 1, filepath.Base(largest), "serve", "--http", "127.0.0.1:0", "--data", s.Data)
}

// O3: health is told, with each dependency and how far each projection is.
func TestO3_Health(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	c := s.Client()
	c.Get("/livez").Want(200)
	s.Ready()
	for _, path := range []string{"/readyz", "/actuator/health"} {
		var ready struct {
			Dependencies []struct{ Name, State string }
			Projections  []struct {
				Name        string
				Lag         *int
				Rebuildable bool
			}
		}
		if err := json.Unmarshal(c.Get(path).Want(200).Raw, &ready); err != nil {
			t.Fatal(err)
		}
		if len(ready.Dependencies) == 0 || ready.Dependencies[0].State != "up" {
			t.Errorf("%s: dependencies %+v", path, ready.Dependencies)
		}
		found := false
		for _, p := range ready.Projections {
			found = found || p.Name == "tables" && p.Lag != nil && p.Rebuildable
		}
		if !found {
			t.Errorf("%s: projections %+v", path, ready.Projections)
		}
	}
	if a := c.Get("/metrics").Want(200); !bytes.Contains(a.Raw, []byte("parley_http_request_duration_seconds")) {
		t.Error("/metrics has no request durations")
	}
}

// O6: flags beat the environment, which beats the file; unknown keys of any of
// them refuse to start.
func TestO6_Settings(t *testing.T) {
	t.Parallel()
	refuses(t, 2, "--htpp", "serve", "--htpp", "127.0.0.1:0")
	refuses(t, 2, "--access-ttl", "serve", "--access-ttl", "-5m")
	refuses(t, 2, "--roles", "serve", "--roles", "api")
	refuses(t, 2, "--autocert", "serve", "--autocert", "community.example.org") // known, and not in this release
	file := filepath.Join(t.TempDir(), "parley.toml")
	if err := os.WriteFile(file, []byte("shutdown-timeout = \"3s\"\nboard-creaton = \"members\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, 2, "board-creaton", "serve", "--config", file)
	if err := os.WriteFile(file, []byte("shutdown-timeout = \"3s\"\nboard-creation = \"members\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := parley(t, "config", "--config", file, "--shutdown-timeout", "4s", "--json")
	if status != 0 {
		t.Fatal(status, stderr)
	}
	var rows []struct{ Name, Value, Source string }
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[r.Name] = r.Value + " by " + r.Source
	}
	for name, want := range map[string]string{"shutdown-timeout": "4s by flag", "board-creation": "members by file", "data": "./data by default"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}
