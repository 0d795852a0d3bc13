package eventstore_test

import (
	"net"
	"sync"
	"testing"
)

// wire is a TCP connection to a server with somebody in the middle, who can
// keep what either says, or cut everything.
type wire struct {
	testing.TB
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex
	wake  *sync.Cond
	mute  bool // keep back what the server says
	deaf  bool // keep back what the client says
	heard int  // bytes that the client sent while mute or deaf
	conns map[net.Conn]bool
}

func wireTo(t testing.TB, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{TB: t, listener: l, target: target, conns: map[net.Conn]bool{}}
	w.wake = sync.NewCond(&w.mu)
	w.running.Go(w.accept)
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		w.running.Wait()
	})
	return w
}

func (w *wire) url() string { return "esdb://" + w.listener.Addr().String() + "?tls=false" }

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mu.Lock()
		w.conns[client], w.conns[server] = true, true
		w.mu.Unlock()
		w.running.Go(func() { w.carry(server, client, false) })
		w.running.Go(func() { w.carry(client, server, true) })
	}
}

// carry copies one direction until either end is closed.
func (w *wire) carry(to, from net.Conn, answers bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		w.mu.Lock()
		if !answers && (w.mute || w.deaf) {
			w.heard += n
		}
		for (answers && w.mute || !answers && w.deaf) && w.conns[from] {
			w.wake.Wait()
		}
		gone := !w.conns[from]
		w.mu.Unlock()
		if gone {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// silence keeps answers back, or lets them through again.
func (w *wire) silence(mute bool) { w.keep(mute, false) }

// keep keeps answers back, and requests, or lets them through again.
func (w *wire) keep(mute, deaf bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mute, w.deaf, w.heard = mute, deaf, 0
	w.wake.Broadcast()
}

// sent is how many bytes the client sent since.
func (w *wire) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard
}

// cut closes every connection; what was kept back is lost. New ones are whole.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mute, w.deaf = false, false
	for c := range w.conns {
		_ = c.Close()
	}
	clear(w.conns)
	w.wake.Broadcast()
}
