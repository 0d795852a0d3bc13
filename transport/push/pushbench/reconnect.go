//go:build linux

package pushbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// What each client of Reconnect missed, and how many share a room.
const (
	missed  = 20
	perRoom = 20
	atOnce  = 512 // clients that are on their way at the same time
)

// Reconnect lets clients come to a node that just started, all at once, each
// with the number it had in its room: handshake with a ticket, hello,
// subscribe, and the 20 messages that it missed. It gives clients a second and
// how many bytes each one got.
func Reconnect(ctx context.Context, store event.Store, clients int) (perSecond float64, bytesEach int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := newSite(store, uuid.New(), nil)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	accounts := make([]uuid.UUID, clients)
	wishes := make([][]byte, clients)
	for i := 0; i < clients; i += perRoom {
		members := accounts[i:min(i+perRoom, clients)]
		for j := range members {
			members[j] = uuid.New()
		}
		room, err := s.room(ctx, members...)
		if err == nil {
			err = s.say(ctx, room, members[0], missed)
		}
		if err != nil {
			return 0, 0, err
		}
		for j := range members {
			wishes[i+j] = masked(`{"id":"1","do":"subscribe","topic":"room:` + room.String() + `","after":1}`)
		}
	}
	hellos := make([][]byte, clients)
	for i, a := range accounts {
		hellos[i] = append(s.hello(a), wishes[i]...)
	}
	var bytes atomic.Int64
	took, err := all(clients, func(i int) error {
		n, err := comeBack(s.listen.Addr().(*net.TCPAddr), hellos[i])
		bytes.Add(int64(n))
		return err
	})
	return float64(clients) / took.Seconds(), int(bytes.Load()) / clients, err
}

// comeBack is one client, up to the last frame that it missed.
func comeBack(addr *net.TCPAddr, hello []byte) (int, error) {
	split := headEnd(hello)
	fd, err := connect(addr, hello[:split])
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	rest, err := shaken(fd)
	if err != nil {
		return 0, err
	}
	if _, err := syscall.Write(fd, hello[split:]); err != nil {
		return 0, err
	}
	var p parser
	frames, fed := p.feed(rest), len(rest)
	_, err = readUntil(fd, func(b []byte) bool {
		if len(b) > 0 {
			frames += p.feed(b[fed-len(rest):])
			fed = len(rest) + len(b)
		}
		return frames >= missed+2 && p.skip == 0
	})
	return fed, err
}

// headEnd is where the request ends and the first frame begins.
func headEnd(b []byte) int {
	for i := 4; i <= len(b); i++ {
		if string(b[i-4:i]) == "\r\n\r\n" {
			return i
		}
	}
	return len(b)
}

// all runs clients, atOnce of them at a time.
func all(clients int, client func(i int) error) (time.Duration, error) {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var crew sync.WaitGroup
	start := time.Now()
	for range min(atOnce, clients) {
		crew.Go(func() {
			for i := int(next.Add(1)) - 1; i < clients && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := client(i); err != nil {
					err = fmt.Errorf("client %d: %w", i, err)
					failed.Store(&err)
				}
			}
		})
	}
	crew.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return time.Since(start), nil
}

// ReconnectFloor lets as many clients connect to a bare listener that answers
// a request and a wish of the same sizes with that many bytes, in two writes.
// It gives clients a second.
func ReconnectFloor(ctx context.Context, clients, bytesEach int) (float64, error) {
	raiseLimit()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	const asked, wished, head = 270, 90, 160 // bytes of a handshake, a subscribe, the handshake's answer
	var serving sync.WaitGroup
	defer serving.Wait()
	defer l.Close()
	payload := make([]byte, bytesEach)
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				b := make([]byte, asked)
				if _, err := io.ReadFull(conn, b); err != nil {
					return
				}
				if _, err := conn.Write(payload[:head]); err != nil {
					return
				}
				if _, err := io.ReadFull(conn, b[:wished]); err == nil {
					_, _ = conn.Write(payload)
				}
			})
		}
	})
	request, wish := make([]byte, asked), make([]byte, wished)
	took, err := all(clients, func(int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		fd, err := connect(l.Addr().(*net.TCPAddr), request)
		if err != nil {
			return err
		}
		defer syscall.Close(fd)
		if _, err := readUntil(fd, func(b []byte) bool { return len(b) >= head }); err != nil {
			return err
		}
		if _, err := syscall.Write(fd, wish); err != nil {
			return err
		}
		_, err = readUntil(fd, func(b []byte) bool { return len(b) >= bytesEach })
		return err
	})
	return float64(clients) / took.Seconds(), err
}
