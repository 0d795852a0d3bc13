package acceptance

import (
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// O2, Q4: a process of the role log is a log and no more. Official clients
// write every stream there, Parley's own too; it survives a kill; it opens the
// folder of a community as well, and nothing else answers there.
func TestQ4_BareLog(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t, harness.Embedded(), harness.Flags("--roles=log", "--grpc=127.0.0.1:0"))
	c := logClient(t, s)
	for _, stream := range []string{"account-1", "weather-1"} {
		_, err := c.AppendToStream(t.Context(), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, thing("a"))
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
	}
	s.Client().Get("/v1/boards").Want(404)
	s.Client().Get("/livez").Want(200)
	if strings.Contains(s.Stdout(), "setup") {
		t.Errorf("a bare log wants an administrator: %q", s.Stdout())
	}
	refuses(t, 1, "in use", "serve", "--data", s.Data, "--http", "127.0.0.1:0")
	refuses(t, 2, "--grpc", "serve", "--roles", "log", "--data", s.Data, "--http", "127.0.0.1:0")
	s.Kill()
	s.Again(true)
	found, err := readLog(logClient(t, s).ReadStream(t.Context(), "account-1", esdb.ReadStreamOptions{}, 10))
	if err != nil || len(found) != 1 {
		t.Errorf("after a kill: %d events, %v", len(found), err)
	}

	community := harness.Start(t, harness.Embedded())
	community.NewPerson("lea")
	community.Stop()
	bare := harness.Start(t, harness.Embedded(), harness.On(community.Data), harness.Flags("--roles=log", "--grpc=127.0.0.1:0"))
	all, err := readLog(logClient(t, bare).ReadAll(t.Context(), esdb.ReadAllOptions{}, 1000))
	if err != nil || len(all) == 0 {
		t.Errorf("a community's folder: %d events, %v", len(all), err)
	}
}
