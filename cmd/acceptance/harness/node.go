package harness

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"
)

// Node is one process of a Cluster. Its methods that signal need processes:
// StartProcess.
type Node struct {
	Role string
	Base string // http://127.0.0.1:port, of this process alone

	t     testing.TB
	begin starter
	args  []string
	run   running
	last  running // the newest one, for its log
}

func (n *Node) start() error {
	run, base, err := n.begin(n.t, n.args)
	if err != nil {
		return errors.Join(errors.New("role "+n.Role), err)
	}
	n.run, n.last, n.Base = run, run, base
	return nil
}

func (n *Node) stop(ctx context.Context) error {
	if n.run == nil {
		return nil
	}
	defer func() { n.run = nil }()
	return n.run.stop(ctx)
}

func (n *Node) kill() error {
	if n.run == nil {
		return nil
	}
	defer func() { n.run = nil }()
	return n.run.kill()
}

// Client talks to this process alone.
func (n *Node) Client() *Client { return newClient(n.t, n.Base) }

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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
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
	p, ok := n.run.(*process)
	if !ok {
		n.t.Fatal("only a process can be paused: use StartProcess")
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

// Ready waits until the process says that it can serve.
func (n *Node) Ready() {
	n.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		a, err := n.Client().Try("GET", "/readyz", nil)
		if err == nil && a.Status == 200 {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%s is not ready: %v %v\n%s", n.Role, a, err, tail(n.run.log(), 40))
		}
		time.Sleep(20 * time.Millisecond)
	}
}
