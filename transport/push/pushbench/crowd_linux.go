package pushbench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// crowd is many clients: bare descriptors, and one loop that reads them and
// counts the frames (RFC 6455, unmasked) that come.
type crowd struct {
	fds    []int
	states []parser
	epoll  int
	wake   [2]int // a pipe that ends the loop

	frames, bytes atomic.Int64
	goal          atomic.Int64
	reached       chan struct{}
	reading       sync.WaitGroup
	failed        atomic.Pointer[error]
}

// parser counts frames in a stream that comes in pieces.
type parser struct {
	skip   int64
	header [10]byte
	have   int
}

func (p *parser) feed(b []byte) (frames int64) {
	for len(b) > 0 {
		if p.skip > 0 {
			n := min(p.skip, int64(len(b)))
			p.skip -= n
			b = b[n:]
			continue
		}
		p.header[p.have] = b[0]
		p.have++
		b = b[1:]
		size, whole := p.size()
		if whole {
			p.skip, p.have = size, 0
			frames++
		}
	}
	return frames
}

// size is the payload's, once the header is whole.
func (p *parser) size() (int64, bool) {
	if p.have < 2 {
		return 0, false
	}
	switch n := p.header[1] & 0x7f; n {
	case 126:
		return int64(p.header[2])<<8 | int64(p.header[3]), p.have == 4
	case 127:
		var v int64
		for _, c := range p.header[2:10] {
			v = v<<8 | int64(c)
		}
		return v, p.have == 10
	default:
		return int64(n), true
	}
}

// raiseLimit lets this process open as many files as it may.
func raiseLimit() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil && l.Cur < l.Max {
		l.Cur = l.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	}
}

// MostSockets is how many sockets, with both ends here, this process may open.
func MostSockets() int {
	raiseLimit()
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 256
	}
	return max(1, (int(min(l.Cur, 1<<20))-200)/2)
}

// connect is one client: hello is sent, and what is answered is not read.
func connect(addr *net.TCPAddr, hello []byte) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	to := &syscall.SockaddrInet4{Port: addr.Port}
	copy(to.Addr[:], addr.IP.To4())
	for {
		if err = syscall.Connect(fd, to); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	for len(hello) > 0 && err == nil {
		var n int
		if n, err = syscall.Write(fd, hello); err == nil {
			hello = hello[n:]
		}
	}
	if err != nil {
		_ = syscall.Close(fd)
		return 0, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

// readUntil reads a client until done says so of all that came.
func readUntil(fd int, done func([]byte) bool) ([]byte, error) {
	var all []byte
	b := make([]byte, 4096)
	for !done(all) {
		n, err := syscall.Read(fd, b)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return all, fmt.Errorf("the server hung up: %w, %q", err, all)
		}
		all = append(all, b[:n]...)
	}
	return all, nil
}

// newCrowd makes n clients one after another. begin does what a client does
// before it only reads, and returns how much of its stream it has read beyond
// that.
func newCrowd(addr net.Addr, n int, hello func(i int) []byte, begin func(i, fd int) ([]byte, error)) (*crowd, error) {
	c := &crowd{states: make([]parser, n), reached: make(chan struct{}, 1)}
	var err error
	for i := range n {
		var fd int
		var h []byte
		if hello != nil {
			h = hello(i)
		}
		if fd, err = connect(addr.(*net.TCPAddr), h); err != nil {
			c.close()
			return nil, err
		}
		c.fds = append(c.fds, fd)
		if begin == nil {
			continue
		}
		rest, err := begin(i, fd)
		if err != nil {
			c.close()
			return nil, err
		}
		c.frames.Add(c.states[i].feed(rest))
	}
	return c, nil
}

// read starts the loop.
func (c *crowd) read() error {
	var err error
	if c.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if err = syscall.Pipe(c.wake[:]); err != nil {
		return err
	}
	watch := func(fd, tag int) error {
		return syscall.EpollCtl(c.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(tag)})
	}
	if err = watch(c.wake[0], -1); err != nil {
		return err
	}
	for i, fd := range c.fds {
		if err = syscall.SetNonblock(fd, true); err == nil {
			err = watch(fd, i)
		}
		if err != nil {
			return err
		}
	}
	c.reading.Go(c.loop)
	return nil
}

func (c *crowd) loop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	events := make([]syscall.EpollEvent, 512)
	b := make([]byte, 256<<10)
	for {
		n, err := syscall.EpollWait(c.epoll, events, -1)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			c.fail(err)
			return
		}
		var frames, bytes int64
		for _, e := range events[:n] {
			if e.Fd < 0 {
				return
			}
			got, err := syscall.Read(c.fds[e.Fd], b)
			switch {
			case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			case err != nil || got == 0:
				c.fail(fmt.Errorf("client %d was cut off: %w", e.Fd, err))
				return
			default:
				frames += c.states[e.Fd].feed(b[:got])
				bytes += int64(got)
			}
		}
		c.bytes.Add(bytes)
		if total := c.frames.Add(frames); total >= c.goal.Load() && frames > 0 {
			select {
			case c.reached <- struct{}{}:
			default:
			}
		}
	}
}

func (c *crowd) fail(err error) {
	c.failed.Store(&err)
	select {
	case c.reached <- struct{}{}:
	default:
	}
}

// await waits until that many frames came in all.
func (c *crowd) await(ctx context.Context, total int64) error {
	c.goal.Store(total)
	for c.frames.Load() < total {
		if err := c.failed.Load(); err != nil {
			return *err
		}
		select {
		case <-c.reached:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d frames came: %w", c.frames.Load(), total, ctx.Err())
		}
	}
	return nil
}

func (c *crowd) close() {
	if c.wake[1] != 0 {
		_, _ = syscall.Write(c.wake[1], []byte{0})
		c.reading.Wait()
		_ = syscall.Close(c.wake[0])
		_ = syscall.Close(c.wake[1])
		_ = syscall.Close(c.epoll)
	}
	for _, fd := range c.fds {
		_ = syscall.Close(fd)
	}
}
