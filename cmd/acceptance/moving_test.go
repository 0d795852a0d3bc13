//go:build stack

package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/eventstore"
)

// moving is a community in a folder, and the people in it who look whether
// they find everything again.
type moving struct {
	t              *testing.T
	data           string
	s              *harness.Server // where they are now
	ada, ben, root *harness.Client
	board, post    string
	room           string
	found          map[string]any // by person and path
	walrus         []string       // what a search finds
}

// newMoving makes a sample community and lets two people live in it.
func newMoving(t *testing.T) *moving {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if status, _, stderr := parley(t, "seed", "--data", data, "--accounts=15", "--posts=60", "--messages=300"); status != 0 {
		t.Fatalf("seed: exit %d: %s", status, stderr)
	}
	m := &moving{t: t, data: data, s: harness.StartProcess(t, harness.Embedded(), harness.On(data))}
	m.root = m.s.Client()
	m.root.SignIn("sample_admin", "parley-sample-password").Want(201)
	m.ada, m.ben = m.s.NewPerson("ada"), m.s.NewPerson("ben")
	m.board = newBoard(m.s, m.root)
	seeing(m.root, m.ada, m.ben)

	m.post = makePost(m.ada, m.board, body{"title": "A walrus moves", "body": "with #all it has"})
	hidden := makePost(m.ada, m.board, body{"title": "Nobody's walrus", "body": "text", "anonymous": true})
	m.walrus = []string{m.post, hidden}
	gone := makePost(m.ada, m.board, body{"title": "A walrus that left"})
	m.ada.Delete("/v1/posts/" + gone).Want(204)
	seeing(m.ada, m.ben)
	comment := m.ben.Post("/v1/posts/"+m.post+"/comments", body{"body": "Where to?"}).Want(201).ID()
	m.ben.Put("/v1/posts/"+m.post+"/reactions/like", nil).Want(204)
	m.ben.Put("/v1/accounts/"+m.ada.Account.ID+"/follow", nil).Want(204)
	seeing(m.ben, m.ada)
	m.ada.Post("/v1/posts/"+m.post+"/comments", body{"body": "South", "parentId": comment}).Want(201)
	m.ada.Patch("/v1/me/profile", body{"bio": "Likes ice"}).Want(200)
	m.ada.Put("/v1/notifications/read", body{"number": 1}).Want(204)
	m.room = group(m.ada, m.ben)
	for i := range 12 {
		m.ada.Post("/v1/rooms/"+m.room+"/messages", body{"text": fmt.Sprint("message ", i), "clientId": fmt.Sprint(i)}).Want(201)
	}
	m.ada.Delete("/v1/rooms/" + m.room + "/messages/3").Want(204)
	seeing(m.ada, m.ben)
	m.ben.Put("/v1/rooms/"+m.room+"/read", body{"number": 7}).Want(204)
	seeing(m.ben, m.ada, m.root)
	m.found = m.look()
	return m
}

// look reads everything that each person sees.
func (m *moving) look() map[string]any {
	m.t.Helper()
	found := map[string]any{}
	for name, c := range map[string]*harness.Client{"ada": m.ada, "ben": m.ben, "root": m.root, "nobody": m.s.Client()} {
		paths := []string{"/v1/boards?limit=100", "/v1/boards/" + m.board + "/posts", "/v1/posts/" + m.post, "/v1/posts/" + m.post + "/comments", "/v1/hashtags/all/posts", "/v1/feed?public=true&limit=100"}
		if name != "nobody" {
			paths = append(paths, "/v1/me", "/v1/accounts/"+m.ada.Account.ID, "/v1/accounts/"+m.ada.Account.ID+"/followers", "/v1/notifications?limit=100", "/v1/rooms", "/v1/feed?limit=100")
		}
		if name == "ada" || name == "ben" {
			paths = append(paths, "/v1/rooms/"+m.room, "/v1/rooms/"+m.room+"/members", "/v1/rooms/"+m.room+"/messages?after=0&limit=100")
		}
		for _, path := range paths {
			page := c.Get(path).Want(200).Map()
			delete(page, "next") // a cursor belongs to its log
			found[name+" "+path] = page
		}
	}
	return found
}

// copies runs `parley copy` to its end.
func (m *moving) copies(to *harness.Server, more ...string) (status int, stdout, stderr string) {
	m.t.Helper()
	return parley(m.t, m.command(to, more)...)
}

func (m *moving) command(to *harness.Server, more []string) []string {
	return slices.Concat([]string{"copy", "--data", m.data}, to.Cluster.Flags(), more)
}

// refused wants a copy to fail with one sentence and leave the target as it is.
func (m *moving) refused(to *harness.Server, want string, more ...string) {
	m.t.Helper()
	before := head(m.t, to)
	status, stdout, stderr := m.copies(to, more...)
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := lines[len(lines)-1]
	if status != 1 || stdout != "" || !strings.HasPrefix(last, "parley: ") || !strings.Contains(last, want) || strings.Contains(stderr, "goroutine") || strings.Contains(stderr, "hunter2") {
		m.t.Errorf("copy %v: exit %d, want 1 and %q named\n%s%s", more, status, want, stdout, stderr)
	}
	if after := head(m.t, to); after != before {
		m.t.Errorf("copy %v wrote: the log was at %d and is at %d", more, before, after)
	}
}

func head(t *testing.T, s *harness.Server) uint64 {
	t.Helper()
	store := openLog(t, s)
	at, err := store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func openLog(t *testing.T, s *harness.Server) *eventstore.Store {
	t.Helper()
	store, err := eventstore.Open(t.Context(), eventstore.Options{URL: s.Cluster.EventStore})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// cut kills a copy with signal 9 when the target holds so many events; nothing
// of it is on its way afterwards.
func (m *moving) cut(to *harness.Server, events uint64) {
	m.t.Helper()
	ctx, stop := context.WithTimeout(m.t.Context(), time.Minute)
	defer stop()
	store := openLog(m.t, to)
	cmd := exec.CommandContext(ctx, harness.Binary(m.t), m.command(to, nil)...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	for ctx.Err() == nil {
		if at, err := store.Head(ctx); err == nil && at >= events {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	_ = cmd.Process.Kill() // it may have ended: that is found out below
	err := cmd.Wait()
	var killed *exec.ExitError
	if !errors.As(err, &killed) || killed.Exited() {
		m.t.Fatalf("a copy was to be killed, and ended with %v: %s", err, log.String())
	}
	to.Cluster.Log().Stop() // once the last append of the dead is done
	to.Cluster.Log().Start()
	to.Ready()
}

// O7, invariants 1, 2, 8 and 9: a community moves from its folder to the
// servers. The copy is killed in the middle and run again. Everybody finds
// everything, may go on at once, and nobody is told anything twice.
func TestO7_ACommunityMoves(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	to := harness.StartLog(t)
	m.refused(to, "in use") // by the server that still runs
	m.s.Stop()
	signing, err := os.ReadFile(filepath.Join(m.data, "jwt-eddsa.key"))
	if err == nil {
		err = os.WriteFile(to.Cluster.SigningKeyFile(), signing, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}

	m.cut(to, 150)
	m.refused(to, "master key", "--master-key-file="+keyFile(t))
	status, stdout, stderr := m.copies(to)
	var events, resumed, keys int
	if _, err := fmt.Sscanf(stdout, "copied %d events (%d were there already) and %d keys", &events, &resumed, &keys); err != nil || status != 0 || resumed < 100 || resumed > events-200 || keys < 18 {
		t.Fatalf("copy: exit %d: %s%s", status, stdout, stderr)
	}
	if status, again, stderr := m.copies(to); status != 0 || !strings.Contains(again, fmt.Sprintf("copied %d events (%d were there already)", events, events)) {
		t.Errorf("once more: exit %d: %s%s", status, again, stderr)
	}

	to.Again(true)
	m.arrive(to)
	in := openInside(t, to.Cluster, nil)
	in.checkTables()
	in.checkKafka()
	m.goOn()
	in.checkTables()
	in.checkKafka()
	m.refused(to, "a server, or another copy, is running on the target", "--lease-ttl=1s")
}

// arrive wants everybody to find what they left.
func (m *moving) arrive(to *harness.Server) {
	m.t.Helper()
	old := m.ada.Position
	m.s = to
	for _, c := range []*harness.Client{m.ada, m.ben, m.root} {
		c.Position = ""
		to.Move(c) // still signed in
	}
	m.ada.Get("/v1/feed", harness.Header{Name: "Parley-Position", Value: old}).Want(409, "position.epoch")
	until(m.t, "the tables to hold what was copied", func() bool {
		return m.ada.Get("/v1/posts/"+m.post).Status == 200 && len(m.ben.Get("/v1/rooms").Items()) > 0
	})
	until(m.t, "the search to find what was copied", func() bool {
		a := m.ada.Get("/v1/search?q=walrus")
		return a.Status == 200 && len(a.Items()) == len(m.walrus)
	})
	wantFound(m.t, m.ada, "walrus", "", m.walrus...)
	if d := cmp.Diff(m.found, m.look()); d != "" {
		m.t.Errorf("what was there is not what is here (-before +after):\n%s", d)
	}
	m.ada = to.SignIn(m.ada.Account.Handle)
	m.ben.Post("/v1/sessions/refresh", nil).Want(200)
	m.root.SignIn("sample_admin", "parley-sample-password").Want(201)
	m.root.SignIn("sample_admin", "parley-sample-passwort").Want(401)
}

// goOn wants everybody to write on where they were.
func (m *moving) goOn() {
	m.t.Helper()
	before, unread, _ := told(m.ben)
	sent := m.ada.Post("/v1/rooms/"+m.room+"/messages", body{"text": "here we are"}).Want(201).Map() // told, as ben had read there
	if sent["number"] != 15.0 {                                                                      // after the room, 12 messages and the end of one
		m.t.Errorf("the next message is number %v", sent["number"])
	}
	if again := m.ada.Post("/v1/rooms/"+m.room+"/messages", body{"text": "message 5", "clientId": "5"}); again.Status != 200 {
		m.t.Errorf("a message of before that is sent again: %s", again)
	}
	m.ada.Put("/v1/accounts/"+m.ben.Account.ID+"/follow", nil).Want(204)
	post := makePost(m.ada, m.board, body{"title": "A walrus arrived"})
	seeing(m.ada, m.ben)
	after, now, _ := told(m.ben)
	if len(after) != len(before)+1 || now != unread+2 || !strings.HasPrefix(after[0], "follow ada") || !slices.Equal(after[1:], before) {
		m.t.Errorf("told before: %v, %v unread; after: %v, %v unread", before, unread, after, now)
	}
	wantFound(m.t, m.ben, "walrus", "", append(m.walrus, post)...)
	newcomer := m.s.NewPerson("cid")
	newcomer.Get("/v1/posts/" + post).Want(200)
}

// O7: what cannot be copied, or not there, is said in a sentence, and nothing
// is written.
func TestO7_ACopyIsRefused(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if status, _, stderr := parley(t, "seed", "--data", data, "--accounts=3", "--posts=3", "--messages=3"); status != 0 {
		t.Fatalf("seed: exit %d: %s", status, stderr)
	}
	to := harness.StartLog(t)
	m := &moving{t: t, data: data, s: harness.StartProcess(t, harness.Embedded(), harness.On(data))}
	late := m.s.NewPerson("late")
	m.s.Stop()
	m.refused(to, "master key", "--source-master-key-file="+keyFile(t))
	m.refused(to, "no such file", "--source-master-key-file="+filepath.Join(t.TempDir(), "none"))
	t.Run("away", func(t *testing.T) {
		for server, nobody := range map[string]string{
			"eventstore": "esdb://parley:hunter2@127.0.0.1:1?tls=false", "kafka": "kafka://parley:hunter2@127.0.0.1:1", "postgres": "postgres://parley:hunter2@127.0.0.1:1/parley",
			"elasticsearch": "http://parley:hunter2@127.0.0.1:1", "redis": "redis://parley:hunter2@127.0.0.1:1",
		} {
			t.Run(server, func(t *testing.T) {
				t.Parallel()
				elsewhere := *m
				elsewhere.t, elsewhere.data = t, filepath.Join(t.TempDir(), "data")
				if err := os.CopyFS(elsewhere.data, os.DirFS(data)); err != nil { // a folder is for one at a time
					t.Fatal(err)
				}
				elsewhere.refused(to, server+" does not answer", "--"+server+"="+nobody, "--open-timeout=5s")
			})
		}
	})
	if status, _, stderr := parley(t, "admin", "grant", "--data", data, late.Account.ID); status != 0 {
		t.Fatalf("admin grant: exit %d: %s", status, stderr)
	}
	m.refused(to, "has not told everybody yet") // no server ran since
	_, err := openLog(t, to).Append(t.Context(), "weather-1", event.NoStream, []event.Event{{
		ID: uuid.New(), Type: "rained", Time: time.Now(), ContentType: event.ContentJSON, Data: []byte(`{}`), Metadata: []byte(`{}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	m.refused(to, "another log than the source", "--leave-untold")
}

// keyFile is a key that fits nothing.
func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, bytes.Repeat([]byte{9}, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
