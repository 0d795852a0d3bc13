//go:build !unix

package push

import (
	"net"
	"syscall"
)

// rawOf gives nothing: every write is made by a goroutine that may wait.
func rawOf(net.Conn) syscall.RawConn { return nil }

func (p *pen) attempt(uintptr) bool {
	p.err = errShort
	return true
}
