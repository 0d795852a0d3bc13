//go:build stack

package bench

import (
	"cmp"
	"os"
	"slices"
	"testing"
)

// Every pair that needs servers runs on them, on very little work, and leaves
// nothing behind there.
func TestPairsOnServers(t *testing.T) {
	t.Parallel()
	servers := Servers{
		Postgres: os.Getenv("PARLEY_TEST_POSTGRES"), Kafka: os.Getenv("PARLEY_TEST_KAFKA"), Elasticsearch: os.Getenv("PARLEY_TEST_ELASTICSEARCH"),
	}
	if cmp.Or(servers.Postgres, servers.Kafka, servers.Elasticsearch) == "" {
		t.Fatal("PARLEY_TEST_POSTGRES, PARLEY_TEST_KAFKA and PARLEY_TEST_ELASTICSEARCH name no servers: see `make stack`")
	}
	dir := t.TempDir()
	without := map[string]bool{}
	for _, p := range Pairs(small(dir, "", Servers{})) {
		without[p.What] = p.Needs == nil
	}
	pairs := slices.DeleteFunc(Pairs(small(dir, "", servers)), func(p Pair) bool { return without[p.What] })
	if len(pairs) < 7 {
		t.Fatalf("%d pairs", len(pairs))
	}
	compare(t, dir, pairs)
}
