//go:build stack

package acceptance

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// busy is a community of several processes in which people never stop
// writing, whatever happens to it.
type busy struct {
	t           *testing.T
	s           *harness.Server
	ada, ben    *harness.Client
	room, board string
	servers     map[string]string

	done    chan struct{} // writers stop
	writers sync.WaitGroup
	reading sync.WaitGroup

	mu       sync.Mutex
	messages map[string]uint64 // acknowledged: number by text
	posts    map[string]string // acknowledged: title by id
	newest   string            // id of the newest post
	seen     []uint64          // numbers of the room, as the subscriber got them
	goal     uint64            // the subscriber stops with this number; 0: not yet
}

// newBusy starts the processes and the load. servers take the place of the
// shared ones.
func newBusy(t *testing.T, servers map[string]string) *busy {
	t.Helper()
	s := harness.StartProcess(t, harness.OnCluster(servers), harness.Flags("--breaker-slow=1s")) // or a server that hangs costs much time
	b := &busy{t: t, s: s, servers: servers, done: make(chan struct{}), messages: map[string]uint64{}, posts: map[string]string{}}
	admin := s.Admin()
	b.board = newBoard(s, admin)
	b.ada, b.ben = s.NewPerson("ada"), s.NewPerson("ben")
	seeing(admin, b.ada)
	b.room = b.ada.Post("/v1/rooms", map[string]any{"kind": "direct", "members": []string{b.ben.Account.ID}}).Want(201).ID()
	seeing(b.ada, b.ben)
	for i := range 2 {
		b.writers.Go(func() { b.write(b.ada.Clone(), fmt.Sprint("m", i)) })
	}
	b.writers.Go(func() { b.publish(b.ben.Clone()) })
	b.reading.Go(b.subscribe)
	t.Cleanup(func() { b.end(0) })
	b.settle(20)
	return b
}

// write sends messages, each again until it is acknowledged.
func (b *busy) write(c *harness.Client, name string) {
	for i := 0; !b.over(); i++ {
		text := fmt.Sprintf("%s.%d", name, i)
		a := b.until(c, "/v1/rooms/"+b.room+"/messages", body{"text": text, "clientId": text})
		if a == nil {
			return
		}
		number, _ := a.Map()["number"].(float64)
		b.mu.Lock()
		b.messages[text] = uint64(number)
		b.mu.Unlock()
		b.rest()
	}
}

// publish writes posts. A post that was not acknowledged may be there: the
// next one has another title.
func (b *busy) publish(c *harness.Client) {
	for i := 0; ; i++ {
		title := fmt.Sprint("post ", i)
		a, err := c.Try("POST", "/v1/boards/"+b.board+"/posts", body{"title": title, "body": "text"})
		if b.over() {
			return
		}
		if err != nil || a.Status >= 500 {
			b.pause()
			continue
		}
		if a.Status != 201 {
			b.t.Errorf("a post: %s", a)
			return
		}
		b.mu.Lock()
		b.newest = a.ID()
		b.posts[b.newest] = title
		b.mu.Unlock()
		b.rest()
	}
}

// until posts until it is acknowledged, or nil when the load shall stop first.
func (b *busy) until(c *harness.Client, path string, in body) *harness.Answer {
	for {
		a, err := c.Try("POST", path, in)
		switch {
		case err == nil && (a.Status == 200 || a.Status == 201):
			return a
		case err == nil && a.Status < 500:
			b.t.Errorf("POST %s: %s", path, a)
			return nil
		}
		if b.over() {
			return nil
		}
		b.pause()
	}
}

func (b *busy) over() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// rest keeps the load at what a shared machine bears; pause is for a server
// that does not answer.
func (b *busy) rest()  { time.Sleep(5 * time.Millisecond) }
func (b *busy) pause() { time.Sleep(50 * time.Millisecond) }

// subscribe follows the room, coming back with the last number whenever it
// loses the connection.
func (b *busy) subscribe() {
	c := b.ben.Clone()
	for !b.complete() {
		ticket, err := c.Try("POST", "/v1/push/tickets", nil)
		if err != nil || ticket.Status != 201 {
			b.pause()
			continue
		}
		word, _ := ticket.Map()["ticket"].(string)
		socket, _, err := c.DialWith(http.Header{"Sec-WebSocket-Protocol": {harness.Subprotocol + ", ticket." + word}}, "")
		if err != nil {
			b.pause()
			continue
		}
		b.follow(socket)
		socket.Close()
	}
}

// follow reads one connection to its end.
func (b *busy) follow(socket *harness.Socket) {
	epoch := ""
	for !b.complete() {
		f, got, open := socket.Poll(time.Second)
		switch {
		case !open:
			return
		case !got:
		case f.Hello != nil:
			epoch = f.Hello.Epoch
			if !socket.Write(map[string]any{"id": "1", "do": "subscribe", "topic": "room:" + b.room, "after": b.last(), "epoch": epoch}) {
				return
			}
		case f.Re != nil && (f.OK == nil || !*f.OK):
			b.t.Logf("the subscriber is refused: %s", f.Raw)
			b.pause()
			return
		case f.Reset:
			b.t.Errorf("the subscriber is reset: %s", f.Raw)
		case f.N > 0 && f.Topic == "room:"+b.room && f.Re == nil:
			b.mu.Lock()
			b.seen = append(b.seen, f.N)
			b.mu.Unlock()
		}
	}
}

func (b *busy) last() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.seen) == 0 {
		return 0
	}
	return b.seen[len(b.seen)-1]
}

func (b *busy) complete() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.goal == endNow || b.goal > 0 && len(b.seen) > 0 && b.seen[len(b.seen)-1] >= b.goal
}

const endNow = ^uint64(0)

// end stops the load; the subscriber stops with the number goal, or at once.
func (b *busy) end(goal uint64) {
	if !b.over() {
		close(b.done)
	}
	b.writers.Wait()
	b.mu.Lock()
	if goal == 0 {
		goal = endNow
	}
	b.goal = goal
	b.mu.Unlock()
	b.reading.Wait()
}

// settle waits until n more messages and one more post were acknowledged.
func (b *busy) settle(n int) {
	b.t.Helper()
	messages, posts := b.counts()
	deadline := time.Now().Add(90 * time.Second)
	for {
		m, p := b.counts()
		if m >= messages+n && p > posts {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the community does not recover: %d messages and %d posts in 90 s", m-messages, p-posts)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// flows waits until what was acknowledged by now has come to the subscriber,
// and into the tables.
func (b *busy) flows() {
	b.t.Helper()
	b.mu.Lock()
	post, number := b.newest, uint64(0)
	for _, n := range b.messages {
		number = max(number, n)
	}
	b.mu.Unlock()
	deadline := time.Now().Add(90 * time.Second)
	for told, shown := false, false; !told || !shown; time.Sleep(20 * time.Millisecond) {
		told = b.last() >= number
		if !shown {
			a, err := b.s.Client().Try("GET", "/v1/posts/"+post, nil)
			shown = err == nil && a.Status == 200
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the community does not recover: the subscriber has number %d of %d, and the newest post is shown: %v", b.last(), number, shown)
		}
	}
}

func (b *busy) counts() (messages, posts int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.messages), len(b.posts)
}

// O2, invariants 1, 5, 6 and 7: every process of every role is killed with
// signal 9 while people write, and started again.
func TestO2_EachRoleIsKilled(t *testing.T) {
	t.Parallel()
	b := newBusy(t, nil)
	for _, role := range []string{"api", "projector", "relay", "push"} {
		for i, n := range b.s.Cluster.Nodes(role) {
			n.Kill()
			b.settle(10)
			n.Start()
			n.Ready()
			t.Logf("%s %d was killed", role, i)
		}
	}
	b.s.Cluster.Log().Kill()
	time.Sleep(200 * time.Millisecond)
	b.s.Cluster.Log().Start()
	b.settle(20)
	b.intact()
}

// O2, invariants 5 and 6: a leader that was only paused, and wakes after
// another took over, changes nothing.
func TestO2_APausedLeaderWakes(t *testing.T) {
	t.Parallel()
	b := newBusy(t, nil)
	for _, role := range []string{"projector", "relay"} {
		for _, n := range b.s.Cluster.Nodes(role) {
			n.Pause()
			b.settle(10)
			time.Sleep(4 * time.Second) // longer than --lease-ttl
			b.settle(10)
			n.Resume()
			b.settle(10)
		}
	}
	b.intact()
}
