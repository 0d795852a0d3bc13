//go:build stack

package eventgrpc_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Bounds of foreign programs.
const (
	installTime = 6 * time.Minute
	runTime     = 3 * time.Minute
)

// Q4: the official clients of other languages, as the programs that people
// write with them.
func TestForeignClients(t *testing.T) {
	t.Parallel()
	t.Run("node", func(t *testing.T) {
		t.Parallel()
		dir := install(t, "node", "package.json", func(dir string) {
			command(t, installTime, dir, "npm", "install", "--no-package-lock", "--no-audit", "--no-fund")
		})
		place(t, filepath.Join("testdata", "clients", "node", "client.js"), dir)
		for _, library := range []string{"@eventstore/db-client", "@kurrent/kurrentdb-client"} {
			t.Run(filepath.Base(library), func(t *testing.T) {
				t.Parallel()
				scheme := "esdb"
				if strings.HasPrefix(library, "@kurrent") {
					scheme = "kurrentdb"
				}
				held(t, 12, command(t, runTime, dir, "node", "client.js", library, scheme+"://"+start(t).address+"?tls=false"))
			})
		}
	})
	t.Run("python", func(t *testing.T) {
		t.Parallel()
		dir := install(t, "python", "requirements.txt", func(dir string) {
			command(t, installTime, dir, "python3", "-m", "venv", "venv")
			command(t, installTime, dir, filepath.Join("venv", "bin", "pip"), "install", "--disable-pip-version-check", "-r", "requirements.txt")
		})
		place(t, filepath.Join("testdata", "clients", "python", "client.py"), dir)
		held(t, 13, command(t, runTime, dir, filepath.Join("venv", "bin", "python"), "client.py", "esdb://"+start(t).address+"?tls=false"))
	})
}

// held wants a program to have run all its rules to the end.
func held(t *testing.T, rules int, output string) {
	t.Helper()
	t.Log("\n" + output)
	if n := strings.Count(output, "held: "); n != rules {
		t.Errorf("%d rules held, want %d", n, rules)
	}
}

// install brings the clients that a file of requirements names into a folder of
// the checkout, once for each content of that file.
func install(t *testing.T, language, requirements string, bring func(dir string)) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", ".stack", "clients", language))
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := os.ReadFile(filepath.Join("testdata", "clients", language, requirements))
	if err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(dir, "installed")
	if have, err := os.ReadFile(done); err == nil && bytes.Equal(have, wanted) {
		return dir
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	place(t, filepath.Join("testdata", "clients", language, requirements), dir)
	bring(dir)
	if err := os.WriteFile(done, wanted, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// place copies a file into a folder.
func place(t *testing.T, file, dir string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// command runs a program to its end and returns what it printed.
func command(t *testing.T, within time.Duration, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if strings.Contains(name, string(filepath.Separator)) {
		name = filepath.Join(dir, name)
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.WaitDelay = dir, 5*time.Second
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, output)
	}
	return string(output)
}
