package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Node is one process of a Cluster. Its methods that signal need processes:
// StartProcess.
type Node struct {
	Role string

	t     testing.TB
	begin starter
	args  []string

	mu   sync.Mutex
	run  running // nil: it does not run
	last running // the newest one, for its log
	base string  // http://127.0.0.1:port, of this process alone
}

// now is what runs, where, and what ran last.
func (n *Node) now() (run, last running, base string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.run, n.last, n.base
}

// take is what runs; from here on nobody is sent there.
func (n *Node) take() running {
	n.mu.Lock()
	defer n.mu.Unlock()
	run := n.run
	n.run = nil
	return run
}

func (n *Node) start() error {
	run, base, err := n.begin(n.t, n.args)
	if err != nil {
		return errors.Join(errors.New("role "+n.Role), err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.run, n.last, n.base = run, run, base
	return nil
}

func (n *Node) stop(ctx context.Context) error {
	if run := n.take(); run != nil {
		return run.stop(ctx)
	}
	return nil
}

func (n *Node) kill() error {
	if run := n.take(); run != nil {
		return run.kill()
	}
	return nil
}

// Client talks to this process alone.
func (n *Node) Client() *Client {
	_, _, base := n.now()
	return newClient(n.t, base)
}

// Kill ends the process with signal 9.
func (n *Node) Kill() {
	n.t.Helper()
	if err := n.kill(); err != nil {
		n.t.Fatal(err)
	}
}

// Stop ends the process as an operator would.
func (n *Node) Stop() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := n.stop(ctx); err != nil {
		n.t.Fatal(err)
	}
}

// Start starts it again, on another port.
func (n *Node) Start() {
	n.t.Helper()
	if err := n.start(); err != nil {
		n.t.Fatal(err)
	}
}

// Pause stops the process where it stands, as a machine that sleeps; Resume
// wakes it.
func (n *Node) Pause() { n.signal(syscall.SIGSTOP) }

// Resume wakes a paused process.
func (n *Node) Resume() { n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) {
	n.t.Helper()
	run, _, _ := n.now()
	p, ok := run.(*process)
	if !ok {
		n.t.Fatal("only a process can be paused: use StartProcess")
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

// Memory is what the process takes, in KiB: what is resident, and how much of
// that is its own and no page of a file, which others share.
func (n *Node) Memory() (resident, own int) {
	n.t.Helper()
	run, _, _ := n.now()
	p, ok := run.(*process)
	if !ok {
		n.t.Fatal("only a process takes memory of its own: use StartProcess")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		n.t.Fatal(err)
	}
	for key, kib := range map[string]*int{"VmRSS:": &resident, "RssAnon:": &own} {
		_, after, _ := strings.Cut(string(status), key)
		if _, err := fmt.Sscan(after, kib); err != nil {
			n.t.Fatalf("no %s in %s", key, status)
		}
	}
	return resident, own
}

// Ready waits until the process says that it can serve.
func (n *Node) Ready() {
	n.t.Helper()
	deadline := time.Now().Add(2 * Patience) // of nine processes that begin at once
	for {
		a, err := n.Client().Try("GET", "/readyz", nil)
		if err == nil && a.Status == 200 {
			return
		}
		if time.Now().After(deadline) {
			_, last, _ := n.now()
			n.t.Fatalf("%s is not ready: %v %v\n%s", n.Role, a, err, tail(last.log(), 40))
		}
		time.Sleep(20 * time.Millisecond)
	}
}
