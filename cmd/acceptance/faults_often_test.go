//go:build stack

package acceptance

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parleyhq/parley/deploy/servers/servertest"
)

// deaths is how often each process dies.
const deaths = 6

// O2, invariants 1, 5, 6 and 7: relays and projectors die by signal 9 again
// and again while people write, both of a role each time, so that the leader is
// among them. Every other time they die while Kafka owes the relay an
// acknowledgement, and Postgres the projector a commit, both of which come
// when they are gone; the other times at any moment.
func TestO2_LeadersAreKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	kafka, postgres := servertest.Start(t, servertest.Kafka), servertest.Start(t, servertest.Postgres)
	b := newBusy(t, map[string]string{"kafka": kafka.URL(), "postgres": postgres.URL()})
	for round := range deaths {
		if round%2 == 0 {
			kafka.Pause()
			b.settle(5) // Kafka has been sent some of it
			b.die("relay", round)
			kafka.Resume()
			postgres.Pause()
			sometime()
			b.die("projector", round)
			postgres.Resume()
		} else {
			sometime()
			b.die("relay", round)
			sometime()
			b.die("projector", round)
		}
		for _, role := range []string{"relay", "projector"} {
			for _, n := range b.s.Cluster.Nodes(role) {
				n.Start()
			}
		}
		b.settle(5)
		b.flows()
	}
	b.intact()
}

// die kills both processes of a role, one and soon the other, in turn.
func (b *busy) die(role string, round int) {
	b.t.Helper()
	nodes := b.s.Cluster.Nodes(role)
	nodes[round%2].Kill()
	sometime()
	nodes[1-round%2].Kill()
}

// sometime lets a moment pass that nobody chose: the very thing under test.
func sometime() { time.Sleep(rand.N(200 * time.Millisecond)) }
