//go:build stack

package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/deploy/servers/servertest"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
)

// idleBound is how much memory an idle process may have resident, in KiB. The
// aim is 60 MiB, and 53 to 58 are taken, three quarters of them pages of the
// program that all processes share: a kernel may map a few MiB more of those.
const idleBound = 64 << 10

// O2: nine processes that start at once on empty servers make everything
// once; idle ones are small.
func TestO2_EmptyServers(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t, harness.OnCluster(nil))
	for _, role := range []string{"api", "projector", "relay", "push"} {
		for _, n := range s.Cluster.Nodes(role) {
			rss, own := n.Memory()
			for end := time.Now().Add(harness.Patience); rss > idleBound && time.Now().Before(end); rss, own = n.Memory() {
				time.Sleep(50 * time.Millisecond) // it settles when it is ready
			}
			t.Logf("%s takes %d MiB, %d of them its own", role, rss>>10, own>>10)
			if rss > idleBound {
				t.Errorf("an idle %s takes %d MiB", role, rss>>10)
			}
		}
	}
	in := openInside(t, s.Cluster, nil)
	for _, stream := range []string{ops.EpochStream, ops.TypesStream} {
		events := 0
		for _, err := range in.store.Stream(t.Context(), stream, 0, event.Forward) {
			if err != nil {
				t.Fatal(err)
			}
			events++
		}
		if events != 1 {
			t.Errorf("%s has %d events", stream, events)
		}
	}
	for _, context := range []string{"people", "forum", "chat", "inbox", "ops", "outside"} {
		if n := len(in.partitions(in.names + "." + context)); n != 2 {
			t.Errorf("topic %s has %d partitions", context, n)
		}
	}
	in.checkTables()
	in.checkKafka()
}

// O2, O3: a process whose server is away answers at once, says what it waits
// for, tells nobody the password, and begins by itself when the server comes.
func TestO2_AServerIsAwayAtTheStart(t *testing.T) {
	t.Parallel()
	server := servertest.Start(t, servertest.Redis)
	s := harness.StartProcess(t, harness.OnCluster(map[string]string{"redis": server.URL()}))
	server.Stop()
	n := s.Cluster.Nodes("api")[0]
	n.Kill()
	n.Start()
	c := n.Client()
	c.Get("/livez").Want(http.StatusOK)
	c.Get("/v1/boards").Want(http.StatusServiceUnavailable)
	deadline := time.Now().Add(harness.Patience)
	for {
		a := c.Get("/readyz").Want(http.StatusServiceUnavailable)
		if isDown(a, "redis") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("/readyz does not name what is away: %s", a.Raw)
		}
		time.Sleep(20 * time.Millisecond)
	}
	server.Restart()
	n.Ready()
	c.Get("/v1/boards").Want(http.StatusOK)
}

// O2, O6: wrong addresses and passwords are named without what is secret, and
// a stop ends the waiting.
func TestO2_WrongServers(t *testing.T) {
	t.Parallel()
	keys := t.TempDir()
	flags := []string{"serve", "--roles=api", "--http=127.0.0.1:0", "--data=" + keys, "--retry-longest=200ms", "--connect-timeout=500ms", "--log-level=debug"}
	for name, url := range map[string]string{
		"eventstore": "esdb://parley:hunter2@127.0.0.1:1?tls=false", "kafka": "kafka://parley:hunter2@127.0.0.1:1",
		"postgres": "postgres://parley:hunter2@127.0.0.1:1/parley", "elasticsearch": "http://parley:hunter2@127.0.0.1:1",
		"redis": "redis://parley:hunter2@127.0.0.1:1",
	} {
		flags = append(flags, "--"+name+"="+url)
	}
	for flag, size := range map[string]int{"jwt-key-file": 32, "master-key-file": 32} {
		path := filepath.Join(keys, flag)
		if err := os.WriteFile(path, bytes.Repeat([]byte{7}, size), 0o600); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, "--"+flag+"="+path)
	}
	cmd := exec.Command(harness.Binary(t), append(flags, "--jwt-alg=HS256")...)
	var stdout, stderr lines
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	base := ""
	until(t, "the address", func() bool {
		_, base, _ = strings.Cut(stdout.String(), "parley listening on ")
		return strings.HasSuffix(base, "\n")
	})
	base = strings.TrimSpace(base)
	until(t, "five dependencies that are down", func() bool {
		res, err := http.Get(base + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var ready struct {
			Dependencies []struct{ Name, State string }
		}
		if err := json.NewDecoder(res.Body).Decode(&ready); err != nil || res.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("/readyz: %d %v", res.StatusCode, err)
		}
		down := map[string]bool{}
		for _, d := range ready.Dependencies {
			down[d.Name] = d.State == "down"
		}
		return len(down) == 5 && down["eventstore"] && down["kafka"] && down["postgres"] && down["elasticsearch"] && down["redis"]
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("stopped while it waits, it ends with %v", err)
		}
	case <-time.After(harness.Patience):
		_ = cmd.Process.Kill()
		t.Error("it does not stop while it waits")
	}
	if log := stdout.String() + stderr.String(); strings.Contains(log, "hunter2") {
		t.Errorf("a secret is in the log:\n%s", log)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(harness.Patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// O2, F10: Elasticsearch loses all its indexes; nothing breaks, and a rebuild
// that an administrator asks for brings everything back.
func TestO2_ElasticsearchIsEmptied(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t, harness.OnCluster(nil))
	admin := s.Admin()
	board := newBoard(s, admin)
	id := makePost(admin, board, body{"title": "A lonely walrus", "body": "text"})
	wantFound(t, admin, "walrus", "", id)
	emptyElasticsearch(t, harness.Servers(t, nil)["elasticsearch"], s.Cluster.Namespace)
	if a := admin.Get("/v1/search?q=walrus"); a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable {
		t.Errorf("without an index: %s", a)
	}
	makePost(admin, board, body{"title": "Another walrus", "body": "text"}) // writing goes on
	if a := admin.Post("/v1/admin/projections/search/rebuild", nil); a.Status != http.StatusAccepted && a.Error != "projection.rebuilding" {
		t.Fatalf("a rebuild: %s", a)
	}
	until(t, "the search to find both", func() bool {
		a := admin.Get("/v1/search?q=walrus")
		return a.Status == http.StatusOK && len(a.Items()) == 2
	})
}

// emptyElasticsearch deletes every index of a namespace.
func emptyElasticsearch(t *testing.T, url, namespace string) {
	t.Helper()
	res, err := http.Get(url + "/_cat/indices/" + namespace + "*?h=index&expand_wildcards=all")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var names bytes.Buffer
	if _, err := names.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	deleted := 0
	for _, name := range strings.Fields(names.String()) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, url+"/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		gone, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = gone.Body.Close()
		if gone.StatusCode == http.StatusOK {
			deleted++
		}
	}
	if deleted == 0 {
		t.Fatal(fmt.Sprint("there was no index of ", namespace, " among ", names.String()))
	}
}

// lines is what a process writes, safe to read meanwhile.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
