//go:build stack

package acceptance

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/projections/process"
)

// waved is what the next release writes, and this one cannot read.
type waved struct {
	To uuid.UUID `json:"to"`
}

// nextRelease is a process of the next release, as far as releases go: its
// catalogue has one type more.
type nextRelease struct {
	t        *testing.T
	engines  *stack.Stack
	commands *commands.Commands
}

func startNextRelease(t *testing.T, c *harness.Cluster) *nextRelease {
	t.Helper()
	own, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := event.NewCatalogue(own.Definitions(), []event.Definition{event.Of[waved]("wave.waved.v1", event.People, nil)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := settings.Parse(append(c.Flags(), "--data="+t.TempDir()), nil)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	cfg := app.StackConfig(set, log, nil)
	cfg.Catalogue = catalogue
	n := &nextRelease{t: t}
	if n.engines, err = stack.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.engines.Close() })
	if n.commands, err = app.NewCommands(set, n.engines, "http://localhost", log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.commands.Close(context.Background()) })
	releases, err := process.NewReleases(t.Context(), process.ReleasesConfig{
		DB: n.engines.State, Commands: n.commands, Catalogue: catalogue, Node: "next", Roles: []string{"api"}, Version: "next",
		TTL: 30 * time.Second, Every: 50 * time.Millisecond, Now: time.Now, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := releases.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- releases.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

// mayWave says whether the new type may be written.
func (n *nextRelease) mayWave() bool {
	n.t.Helper()
	release, err := n.commands.CheckRelease(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	return !slices.Contains(release.Pending, "wave.waved.v1")
}

// O2: processes of two releases work side by side; what only the newer one can
// read is not written before the last older process has gone, and then the
// older release says why it does not start.
func TestO2_TwoReleasesSideBySide(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t, harness.OnCluster(nil))
	person := s.NewPerson("ada")
	next := startNextRelease(t, s.Cluster)
	for range 5 {
		if next.mayWave() {
			t.Fatal("the new type may be written beside processes that cannot read it")
		}
		person.Patch("/v1/me/profile", body{"bio": "still here"}).Want(200)
	}
	nodes := slices.Concat(s.Cluster.Nodes("api"), s.Cluster.Nodes("projector"), s.Cluster.Nodes("relay"), s.Cluster.Nodes("push"))
	for i, n := range nodes {
		if next.mayWave() {
			t.Fatalf("%d older processes are there, and the new type may be written", len(nodes)-i)
		}
		n.Stop()
	}
	s.Eventually("the new type to be enabled", next.mayWave)

	old := exec.Command(harness.Binary(t), append([]string{"serve", "--roles=api", "--http=127.0.0.1:0", "--data=" + filepath.Join(t.TempDir(), "data")}, s.Cluster.Flags()...)...)
	old.Env = os.Environ()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		out, _ := old.CombinedOutput()
		if status := old.ProcessState.ExitCode(); status != 1 || !strings.Contains(string(out), "too old for the community") || !strings.Contains(string(out), "wave.waved.v1") {
			t.Errorf("the older release ends with %d: %s", status, out)
		}
	}()
	select {
	case <-ended:
	case <-time.After(harness.Patience):
		_ = old.Process.Kill()
		<-ended
		t.Error("the older release goes on")
	}
}
