//go:build stack

package acceptance

import (
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// F2, N7: with two projectors, of which one after the other is killed with
// signal 9 while posts become due, each post is published once.
func TestF2_DueOnSeveralNodes(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t, harness.OnCluster(nil), harness.Flags("--due-every=20ms"))
	admin, alice := s.Admin(), s.NewPerson("alice")
	board := newBoard(s, admin)
	seeing(admin, alice)
	var all []string
	for i := range 40 {
		all = append(all, schedule(alice, board, 2*time.Second+time.Duration(i)*100*time.Millisecond, nil).ID())
	}
	at := func(n int) {
		t.Helper()
		s.Eventually("publications", func() bool { return len(published(alice)) >= n })
	}
	projectors := s.Cluster.Nodes("projector")
	at(5)
	projectors[0].Kill()
	at(20)
	projectors[0].Start()
	projectors[0].Ready()
	projectors[1].Kill()
	at(len(all))
	projectors[1].Start()
	projectors[1].Ready()
	s.Stop()
	publishedOnce(t, s, all)
}
