package push

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// pieceSize is the most that one system call writes of several frames.
const pieceSize = 64 << 10

// writers write what waits for sockets, everything of one socket in one
// system call, and never wait for a client: a socket whose buffer is full gets
// a goroutine of its own until it is empty again. Sockets that are ready wait
// in a list; each is in it at most once, so their number bounds it.
type writers struct {
	mu      sync.Mutex
	waiting sync.Cond
	ready   []*conn // from head on
	head    int
	added   uint64 // sockets that were ever put into the list
	taken   uint64 // of them, those that a writer took out
	settled sync.Cond
	idle    int // writers that wait
	stopped bool
}

// handful is how many sockets a writer takes out of the list at once.
const handful = 16

func newWriters() *writers {
	w := &writers{}
	w.waiting.L, w.settled.L = &w.mu, &w.mu
	return w
}

// add puts sockets into the list.
func (w *writers) add(cs ...*conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready = append(w.ready, cs...)
	w.added += uint64(len(cs))
	switch {
	case w.idle == 0:
	case len(cs) <= handful:
		w.waiting.Signal()
	default:
		w.waiting.Broadcast()
	}
}

// settle waits until the writers came to everything that is in the list now:
// whoever produces faster than the node can write waits here, and no healthy
// client pays for it.
func (w *writers) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for goal := w.added; w.taken < goal && !w.stopped; {
		w.settled.Wait()
	}
}

func (w *writers) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.waiting.Broadcast()
	w.settled.Broadcast()
}

// next waits for sockets and takes a handful, leaving other writers theirs;
// none when the writers stop.
func (w *writers) next(into []*conn) []*conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.head == len(w.ready) {
		w.ready, w.head = w.ready[:0], 0
		if w.stopped {
			return nil
		}
		w.idle++
		w.waiting.Wait()
		w.idle--
	}
	n := min(handful, (len(w.ready)-w.head+1)/2)
	into = append(into[:0], w.ready[w.head:w.head+n]...)
	clear(w.ready[w.head : w.head+n])
	w.head += n
	w.taken += uint64(n)
	w.settled.Broadcast()
	if w.head >= 1024 && 2*w.head >= len(w.ready) {
		left := copy(w.ready, w.ready[w.head:])
		clear(w.ready[left:])
		w.ready, w.head = w.ready[:left], 0
	}
	return into
}

// run is one writer; Server starts a few.
func (w *writers) run() {
	p := newPen()
	hand := make([]*conn, 0, handful)
	for {
		if hand = w.next(hand); len(hand) == 0 {
			return
		}
		for _, c := range hand {
			if p.write(c) {
				w.add(c) // behind the others
			}
		}
		clear(hand)
	}
}

// pen is what one writer works with.
type pen struct {
	piece []byte // frames joined, at most pieceSize
	now   []byte // what the next attempt writes
	n     int
	err   error
	try   func(fd uintptr) bool // attempt, bound once
}

func newPen() *pen {
	p := &pen{piece: make([]byte, 0, pieceSize)}
	p.try = p.attempt
	return p
}

// write writes what waits for c, as far as the network takes it. more: other
// frames wait by now.
func (p *pen) write(c *conn) (more bool) {
	taken, last := c.take()
	if taken == nil {
		return false
	}
	frames := taken.frames
	if c.raw == nil {
		c.block(nil, frames, last)
		return false
	}
	for i := 0; i < len(frames); {
		piece, n := p.join(frames[i:])
		i += n
		sent, err := p.attemptWrite(c.raw, piece)
		if err != nil {
			c.broken()
			return false
		}
		if sent < len(piece) {
			rest := append([]byte(nil), piece[sent:]...)
			c.block(rest, frames[i:], last)
			return false
		}
	}
	taken.recycle()
	if last {
		c.finish()
		return false
	}
	return c.settled()
}

// join gives the first frame as it is when it stands alone, else as many as
// fit a piece.
func (p *pen) join(frames [][]byte) (piece []byte, n int) {
	if len(frames) == 1 || len(frames[0])+len(frames[1]) > pieceSize {
		return frames[0], 1
	}
	p.piece = p.piece[:0]
	for _, f := range frames {
		if len(p.piece)+len(f) > pieceSize {
			break
		}
		p.piece = append(p.piece, f...)
		n++
	}
	return p.piece, n
}

// attemptWrite writes without waiting; fewer bytes than asked for mean that
// the network takes no more right now.
func (p *pen) attemptWrite(raw syscall.RawConn, b []byte) (int, error) {
	p.now, p.n, p.err = b, 0, nil
	if err := raw.Write(p.try); err != nil {
		return 0, err
	}
	return p.n, p.err
}

// block lets a goroutine write that may wait for the network.
func (c *conn) block(rest []byte, frames [][]byte, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		c.state = writeDone
		return
	}
	c.state = writeBlocked
	c.s.running.Go(func() { c.drain(rest, frames, last) }) // the reader is counted until it says gone
}

// drain writes until nothing waits, each write within Config.Write; after
// that the socket is idle again.
func (c *conn) drain(rest []byte, frames [][]byte, last bool) {
	for {
		if len(rest) > 0 {
			frames = append([][]byte{rest}, frames...)
			rest = nil
		}
		for len(frames) > 0 {
			n, size := 0, 0
			for n < len(frames) && (n == 0 || size+len(frames[n]) <= pieceSize) {
				size += len(frames[n])
				n++
			}
			piece := net.Buffers(frames[:n:n])
			frames = frames[n:]
			if !c.deadline() {
				c.broken()
				return
			}
			if _, err := piece.WriteTo(c.net); err != nil {
				c.broken()
				return
			}
		}
		if last {
			c.finish()
			return
		}
		var taken *queue
		if taken, last = c.take(); taken == nil {
			c.undeadline()
			return
		}
		frames = taken.frames // the rest of it is garbage: drains are rare
	}
}

// undeadline takes the time limit off again: an attempt that does not wait
// would meet it otherwise.
func (c *conn) undeadline() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == 0 {
		_ = c.net.SetWriteDeadline(time.Time{})
	}
}

// deadline gives the next write its time; a socket that is being closed has
// its own already.
func (c *conn) deadline() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != 0 {
		return true
	}
	return c.net.SetWriteDeadline(time.Now().Add(c.s.cfg.Write)) == nil
}

// finish ends our direction after the close frame, so that the client reads it
// before the connection goes, and gives the client's direction a short time.
func (c *conn) finish() {
	c.mu.Lock()
	c.state = writeDone
	c.mu.Unlock()
	_ = c.net.SetReadDeadline(time.Now().Add(linger))
	type halfCloser interface{ CloseWrite() error }
	if h, ok := c.net.(halfCloser); ok {
		_ = h.CloseWrite()
	}
}

// broken gives the connection up; the reader notices and cleans up.
func (c *conn) broken() {
	c.mu.Lock()
	c.state = writeDone
	if c.closed == 0 {
		c.closed = CloseGoingAway
	}
	c.queue, c.bytes = nil, 0
	c.wake()
	c.mu.Unlock()
	_ = c.net.Close()
}

// queue is frames that wait for a socket. Sockets that have nothing to say
// have none.
type queue struct{ frames [][]byte }

var queues = sync.Pool{New: func() any { return &queue{make([][]byte, 0, 8)} }}

func (q *queue) recycle() {
	if cap(q.frames) > 256 {
		return
	}
	clear(q.frames)
	q.frames = q.frames[:0]
	queues.Put(q)
}

var errShort = errors.New("push: the connection takes nothing")
