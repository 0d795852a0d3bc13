//go:build unix

package push

import (
	"errors"
	"net"
	"syscall"
)

// rawOf gives a plain socket's descriptor for writes that do not wait.
func rawOf(c net.Conn) syscall.RawConn {
	if s, ok := c.(*net.TCPConn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// attempt is one write(2) on a descriptor that does not block.
func (p *pen) attempt(fd uintptr) bool {
	for p.n < len(p.now) {
		n, err := syscall.Write(int(fd), p.now[p.n:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return true
		case err != nil:
			p.err = err
			return true
		case n <= 0:
			p.err = errShort
			return true
		}
		p.n += n
	}
	return true
}
