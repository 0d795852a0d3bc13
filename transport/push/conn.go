package push

import (
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/parleyhq/parley/commands"
)

// conn is one socket. One goroutine reads it; whatever is to be written waits
// in its queue until a writer (writer.go) takes everything at once.
//
// Locks are taken in this order: topic.mu, hub.mu, conn.mu.
type conn struct {
	s   *Server
	net net.Conn
	raw syscall.RawConn // nil where the connection is no plain socket
	ws  *websocket.Conn // reads only: what it writes goes nowhere (handshake.go)

	mu     sync.Mutex
	queue  *queue // whole frames, at most Config.QueueFrames; nil: none
	bytes  int    // of queue
	state  writeState
	closed CloseCode // 0 while open; nothing is queued after it
	gone   bool      // the reader has left
	space  chan struct{}
	actor  commands.Actor // Account never changes
	socket uuid.UUID      // in the table of all nodes; uuid.Nil: not in it
	subs   []*sub
	replay []*sub // waiting for their past, served by one goroutine while not empty

	timer   *time.Timer
	pinged  time.Time // zero: no pong is awaited
	heard   time.Time // of the newest frame
	working bool      // a command is under way

	viewer *viewer // of the account, once signed in

	client commands.Client // on the other end

	// The reader's own.
	tokens  float64
	filled  time.Time
	refused int
	typed   map[uuid.UUID]time.Time
}

// writeState says who writes to a socket next.
type writeState uint8

const (
	writeIdle    writeState = iota
	writeReady              // waits for a writer, or is in its hands
	writeBlocked            // its buffer is full: a goroutine of its own waits for the network
	writeDone               // the last frame was written, or never will be
)

// push queues a frame. due: the caller has to hand c to the writers. pressed:
// the queue is more than half full although the network takes what it gets.
// A queue that is full closes the socket.
func (c *conn) push(frame []byte) (due, pressed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != 0 {
		return false, false
	}
	if n := c.waiting(); n >= c.s.cfg.QueueFrames || c.bytes+len(frame) > c.s.cfg.QueueBytes && n > 0 {
		return c.closeLocked(CloseTooSlow), false
	}
	c.put(frame)
	if c.state == writeIdle {
		c.state = writeReady
		return true, false
	}
	return false, c.state == writeReady && c.halfFull()
}

// put queues a frame, bounds or not. The caller holds c.mu.
func (c *conn) put(frame []byte) {
	if c.queue == nil {
		c.queue = queues.Get().(*queue)
	}
	c.queue.frames = append(c.queue.frames, frame)
	c.bytes += len(frame)
}

// waiting is how many frames wait. The caller holds c.mu.
func (c *conn) waiting() int {
	if c.queue == nil {
		return 0
	}
	return len(c.queue.frames)
}

func (c *conn) halfFull() bool {
	return 2*c.waiting() > c.s.cfg.QueueFrames || 2*c.bytes > c.s.cfg.QueueBytes
}

// send queues a frame and sees to it that it is written.
func (c *conn) send(frame []byte) {
	if due, _ := c.push(frame); due {
		c.s.writers.add(c)
	}
}

// offer sends unless the queue is half full: the past waits, the live does
// not.
func (c *conn) offer(frame []byte) bool {
	c.mu.Lock()
	full := c.closed == 0 && c.halfFull()
	c.mu.Unlock()
	if !full {
		c.send(frame)
	}
	return !full
}

// say encodes and sends.
func (c *conn) say(v any) {
	frame, err := textFrame(v)
	if err != nil {
		c.s.log.Error("a frame cannot be written", "error", err)
		return
	}
	c.send(frame)
}

// close ends the socket with a code; the first one counts. It does not wait.
func (c *conn) close(code CloseCode) {
	c.mu.Lock()
	due := c.closed == 0 && c.closeLocked(code)
	c.mu.Unlock()
	if due {
		c.s.writers.add(c)
	}
}

// closeLocked makes the close frame the last of the queue and gives it the
// time of a write, whatever keeps the network or this node busy. What waited
// for a client that is too slow is dropped.
func (c *conn) closeLocked(code CloseCode) (due bool) {
	c.closed = code
	if code == CloseTooSlow || code == CloseNoPong {
		c.queue, c.bytes = nil, 0
	}
	c.put(closeFrame(code))
	c.wake()
	end := time.Now().Add(c.s.cfg.Write)
	_ = c.net.SetWriteDeadline(end)
	_ = c.net.SetReadDeadline(end.Add(linger)) // sooner once the last word is written: finish
	if c.state == writeIdle {
		c.state = writeReady
		return true
	}
	return false
}

// leaving says whether the socket is being closed: what its client says from
// then on is not heard.
func (c *conn) leaving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed != 0
}

// wake tells who waits for space that there is some, or never will be.
func (c *conn) wake() {
	if c.space != nil {
		close(c.space)
		c.space = nil
	}
}

// roomy waits until less than half of the queue is used. It gives false when
// the socket is closed.
func (c *conn) roomy() bool {
	for {
		c.mu.Lock()
		if c.closed != 0 {
			c.mu.Unlock()
			return false
		}
		if !c.halfFull() {
			c.mu.Unlock()
			return true
		}
		if c.space == nil {
			c.space = make(chan struct{})
		}
		space := c.space
		c.mu.Unlock()
		<-space // the writers wake it, and every close does
	}
}

// take hands the whole queue to a writer. last: it ends with the close frame.
// Without one the socket becomes idle.
func (c *conn) take() (taken *queue, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken, last = c.queue, c.closed != 0
	c.queue, c.bytes = nil, 0
	if taken == nil {
		c.state = writeIdle
		if last {
			c.state = writeDone
		}
	}
	c.wake()
	return taken, last
}

// settled makes the socket idle if nothing waits; more: something does.
func (c *conn) settled() (more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue != nil {
		return true
	}
	c.state = writeIdle
	return false
}

// tick runs by the timer: it pings, notices who does not answer, and ends
// sockets whose token has expired.
func (c *conn) tick() {
	now := time.Now()
	c.mu.Lock()
	if c.closed != 0 {
		c.mu.Unlock()
		return
	}
	expired := !c.actor.Expires.IsZero() && !c.s.cfg.Now().Before(c.actor.Expires)
	awaited := !c.pinged.IsZero() && c.heard.Before(c.pinged) && !c.working
	dead := awaited && now.Sub(c.pinged) >= c.s.cfg.Pong
	ping := !expired && !awaited && now.Sub(c.pinged) >= c.s.cfg.Ping
	if ping {
		c.pinged = now
	}
	c.schedule(now)
	c.mu.Unlock()
	switch {
	case expired:
		c.close(CloseTokenExpired)
	case dead:
		c.close(CloseNoPong)
	case ping:
		c.send(pingFrame)
	}
}

// schedule sets the timer to whatever comes first. The caller holds c.mu.
func (c *conn) schedule(now time.Time) {
	next := c.s.cfg.Ping
	if !c.pinged.IsZero() {
		next = c.pinged.Add(c.s.cfg.Ping).Sub(now)
		if c.heard.Before(c.pinged) {
			awaited := c.pinged.Add(c.s.cfg.Pong).Sub(now)
			if awaited <= 0 { // a command keeps the reader from seeing the pong
				awaited = c.s.cfg.Pong
			}
			next = min(next, awaited)
		}
	}
	if !c.actor.Expires.IsZero() {
		next = min(next, c.actor.Expires.Sub(c.s.cfg.Now()))
	}
	next = max(next, time.Millisecond)
	if c.timer == nil {
		c.timer = time.AfterFunc(next, c.tick)
	} else {
		c.timer.Reset(next)
	}
}
