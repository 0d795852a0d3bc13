package acceptance

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// rounds is how often the process is killed; PARLEY_TEST_KILL_ROUNDS asks for more.
func rounds(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("PARLEY_TEST_KILL_ROUNDS"))
	if err != nil {
		return 4
	}
	return n
}

// acked is what the writers were told is safe.
type acked struct {
	mu   sync.Mutex
	text map[float64]string // by number
}

func (a *acked) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.text)
}

// Invariants 1, 2 and 7 on the real process: writers write, the process is
// killed with signal 9 at any moment, and nothing acknowledged is lost, no
// number is used twice, and a socket that comes back with its last number
// gets exactly what it missed.
func TestO1_KilledAtAnyMomentLosesNothing(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t)
	ada, ben := s.NewPerson("ada"), s.NewPerson("ben")
	room := ada.Post("/v1/rooms", map[string]any{"kind": "direct", "members": []string{ben.Account.ID}}).Want(201).ID()
	path := "/v1/rooms/" + room + "/messages"
	safe := &acked{text: map[float64]string{}}
	last := uint64(1) // the room's creation
	epoch := ""
	for round := range rounds(t) {
		socket := ben.Dial()
		epoch = check(t, socket, epoch)
		socket.Subscribe("room:"+room, map[string]any{"after": last, "epoch": epoch})

		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() { write(t, ada.Clone(), path, fmt.Sprintf("%d.%d", round, w), safe) })
		}
		time.Sleep(time.Duration(50+(round*137)%400) * time.Millisecond)
		for range 5 { // the subscriber sees some of it before the end
			last = follows(t, socket.Next(), last)
		}
		s.Eventually("enough messages to lose", func() bool { return safe.len() >= 20*(round+1) })
		s.Kill()
		writers.Wait()
		socket.WaitClosed()

		s.Again(true)
		s.Move(ada)
		s.Move(ben)
		last = catchUp(t, ben, room, epoch, last, safe)
	}
	compare(t, ben, path, safe)
}

// write sends messages until the server is gone.
func write(t *testing.T, c *harness.Client, path, name string, safe *acked) {
	for i := range 100_000 {
		text := fmt.Sprintf("%s.%d", name, i)
		a, err := c.Try("POST", path, map[string]any{"text": text, "clientId": text})
		if err != nil || a.Status == http.StatusBadGateway { // behind a proxy
			return
		}
		if a.Status != 201 {
			t.Errorf("a living server answers %s", a)
			return
		}
		number, _ := a.Map()["number"].(float64)
		safe.mu.Lock()
		if other, twice := safe.text[number]; twice {
			t.Errorf("number %v stands for %q and %q", number, other, text)
		}
		safe.text[number] = text
		safe.mu.Unlock()
	}
}

// check says that the log is still in the same epoch.
func check(t *testing.T, s *harness.Socket, epoch string) string {
	t.Helper()
	if epoch != "" && s.Epoch != epoch {
		t.Fatalf("epoch %s became %s", epoch, s.Epoch)
	}
	return s.Epoch
}

// follows says that a frame is the next in order.
func follows(t *testing.T, f harness.Frame, last uint64) uint64 {
	t.Helper()
	if f.N != last+1 {
		t.Fatalf("after %d comes %s", last, f.Raw)
	}
	return f.N
}

// catchUp comes back with the last number and reads up to the newest.
func catchUp(t *testing.T, c *harness.Client, room, epoch string, last uint64, safe *acked) uint64 {
	t.Helper()
	socket := c.Dial()
	defer socket.Close()
	check(t, socket, epoch)
	granted := socket.Subscribe("room:"+room, map[string]any{"after": last, "epoch": epoch})
	if granted.Recovered == nil || !*granted.Recovered {
		t.Fatalf("not recovered: %s", granted.Raw)
	}
	for last < granted.N {
		f := socket.Next()
		last = follows(t, f, last)
		if text, ok := safe.text[float64(last)]; ok && f.Map()["text"] != text {
			t.Errorf("number %d was acknowledged as %q and comes back as %s", last, text, f.Raw)
		}
	}
	return last
}

// compare reads the whole history and looks for everything acknowledged.
func compare(t *testing.T, c *harness.Client, path string, safe *acked) {
	t.Helper()
	found := map[float64]string{}
	for after := 0.0; ; {
		items := c.Get(fmt.Sprintf("%s?after=%.0f&limit=100", path, after)).Want(200).Items()
		for _, m := range items {
			after, _ = m["number"].(float64)
			found[after], _ = m["text"].(string)
		}
		if len(items) == 0 {
			break
		}
	}
	for number, text := range safe.text {
		if found[number] != text {
			t.Errorf("message %.0f %q is %q after the restarts", number, text, found[number])
		}
	}
}
