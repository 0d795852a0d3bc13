//go:build examples

package acceptance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

const liveProgram = "../../examples/live/dist/main.js"

// O10, N3: the live subscriber prints what comes, each message once and in
// order, though the server is killed and stopped under it and it was away
// itself; it ends where it is told not to come back.
func TestO10_Live(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(liveProgram); err != nil {
		t.Fatal("build examples/live first (npm ci && npm run build): ", err)
	}
	i := importing{t, harness.Start(t, harness.Embedded())}
	i.s.Admin()
	i.sample()
	i.s.Stop()
	i.s.Again(true)
	v := &viewing{t: t, s: i.s, reader: i.s.NewPerson("reader"), friend: i.s.NewPerson("friend")}
	v.room = group(v.reader, v.friend)
	v.serve()
	v.reader.Put("/v1/accounts/"+v.friend.Account.ID+"/follow", nil).Want(204)

	v.start()
	v.numbered() // from here on nothing may be missed
	v.act()
	i.s.Kill()
	v.again()
	v.act()
	i.s.Stop()
	v.again()
	v.act()
	v.follow()
	v.end(syscall.SIGINT, 0)

	v.say() // while nobody looks
	v.say()
	v.start()
	v.act()
	i.s.Move(v.reader).Delete("/v1/sessions").Want(204)
	v.end(nil, 1)
	v.awaits("live: the server closed with 4102: do not come back")
	v.inOrder()
}

// viewing is the program, and what happens before its eyes.
type viewing struct {
	t              *testing.T
	s              *harness.Server
	reader, friend *harness.Client
	room           string
	said           int

	front   string // the address of the server, which stays while it restarts
	behind  atomic.Pointer[url.URL]
	numbers string // file

	cmd   *exec.Cmd
	ended chan struct{} // closed when all output was read
	mu    sync.Mutex
	lines []string // that it printed, in all its lives
}

// anew stands before the lines of each life.
const anew = "--- started"

// serve keeps one address for a server that moves.
func (v *viewing) serve() {
	v.numbers = filepath.Join(v.t.TempDir(), "numbers.json")
	v.move()
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(v.behind.Load()) },
		ErrorLog: log.New(io.Discard, "", 0), // it is away now and then
	})
	v.t.Cleanup(func() {
		front.Close()
		if v.t.Failed() {
			v.t.Logf("it printed\n%s", strings.Join(v.printed(), "\n"))
		}
	})
	v.front = front.URL
}

// move makes everybody talk to the server where it is now.
func (v *viewing) move() {
	to, err := url.Parse(v.s.Base)
	if err != nil {
		v.t.Fatal(err)
	}
	v.behind.Store(to)
	v.s.Move(v.reader)
	v.s.Move(v.friend)
}

func (v *viewing) again() {
	v.t.Helper()
	v.s.Again(true)
	v.move()
}

// start starts the program, anew or for the first time.
func (v *viewing) start() {
	v.t.Helper()
	v.cmd = exec.Command("node", liveProgram, "--server", v.front, "--login", v.reader.Account.Handle, "--room", v.room, "--numbers", v.numbers)
	v.cmd.Env = append(os.Environ(), "PARLEY_PASSWORD="+harness.Password)
	read, write, err := os.Pipe()
	if err != nil {
		v.t.Fatal(err)
	}
	v.cmd.Stdout, v.cmd.Stderr = write, write
	err = v.cmd.Start()
	_ = write.Close()
	if err != nil {
		v.t.Fatal(err)
	}
	v.mu.Lock()
	v.lines = append(v.lines, anew)
	v.mu.Unlock()
	cmd, ended := v.cmd, make(chan struct{})
	v.ended = ended
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			v.mu.Lock()
			v.lines = append(v.lines, lines.Text())
			v.mu.Unlock()
		}
	}()
	v.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = read.Close()
	})
}

// end waits for the end of the program, which it may be told of, and for its
// status.
func (v *viewing) end(by os.Signal, status int) {
	v.t.Helper()
	if by != nil {
		if err := v.cmd.Process.Signal(by); err != nil {
			v.t.Fatal(err)
		}
	}
	v.s.Eventually("the end of the program", func() bool {
		select {
		case <-v.ended:
			return true
		default:
			return false
		}
	})
	_ = v.cmd.Wait()
	if got := v.cmd.ProcessState.ExitCode(); got != status {
		v.t.Errorf("exit %d, want %d", got, status)
	}
}

func (v *viewing) printed() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.lines)
}

// awaits waits for a line.
func (v *viewing) awaits(want string) {
	v.t.Helper()
	v.s.Eventually("the line "+want, func() bool { return slices.Contains(v.printed(), want) })
}

// numbered waits until the program knows where the room and the inbox are.
func (v *viewing) numbered() {
	v.t.Helper()
	v.s.Eventually("the numbers", func() bool {
		raw, _ := os.ReadFile(v.numbers)
		var kept map[string]any
		return json.Unmarshal(raw, &kept) == nil && kept["inbox"] != nil && kept["room:"+v.room] != nil
	})
}

// say says something in the room. Messages have the numbers from 2 on: 1 is
// the room itself.
func (v *viewing) say() string {
	v.t.Helper()
	v.said++
	text := fmt.Sprint("message ", v.said)
	v.friend.Post("/v1/rooms/"+v.room+"/messages", body{"text": text}).Want(201)
	return fmt.Sprintf("room %d: friend: %s", v.said+1, text)
}

// act makes something happen on each topic, and wants it printed.
func (v *viewing) act() {
	v.t.Helper()
	v.say()
	said := v.say()
	title := fmt.Sprint("A post after message ", v.said)
	v.friend.Post("/v1/boards/"+here("board", "coffee")+"/posts", body{"title": title, "body": "text"}).Want(201)
	v.awaits(said)
	v.awaits(fmt.Sprintf("board: %q by friend", title))
	v.awaits(fmt.Sprintf("feed: %q by friend", title))
}

// follow is told in the inbox, behind the room and the posts.
func (v *viewing) follow() {
	v.t.Helper()
	v.friend.Put("/v1/accounts/"+v.reader.Account.ID+"/follow", nil).Want(204)
	v.s.Eventually("the follower", func() bool {
		return slices.ContainsFunc(v.printed(), func(l string) bool {
			return strings.HasPrefix(l, "inbox ") && strings.HasSuffix(l, ": follow by friend")
		})
	})
}

// inOrder wants every message, and what the inbox was told, once and in order;
// a post comes once in each life, of each topic.
func (v *viewing) inOrder() {
	v.t.Helper()
	next, seen := map[string]int{"room": 2, "inbox": 0}, map[string]bool{}
	for _, line := range v.printed() {
		if line == anew {
			clear(seen)
		}
		var n int
		topic, rest, _ := strings.Cut(line, " ")
		if _, err := fmt.Sscanf(rest, "%d:", &n); err == nil {
			if next[topic] != 0 && n != next[topic] {
				v.t.Errorf("%d is next of %s: %s", next[topic], topic, line)
			}
			next[topic] = n + 1
		}
		if strings.Contains(line, "A post after") && seen[line] {
			v.t.Errorf("twice: %s", line)
		}
		seen[line] = true
	}
	if next["room"] != v.said+2 || next["inbox"] == 0 {
		v.t.Errorf("%d messages were said; next are %v", v.said, next)
	}
}
