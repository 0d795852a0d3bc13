//go:build linux

package pushbench

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"syscall"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// IdleMemory is the heap and stacks, in bytes, of one signed-in socket that
// reads its inbox and waits.
func IdleMemory(ctx context.Context, store event.Store, sockets int) (perSocket float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := newSite(store, uuid.New(), nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	wish := masked(`{"id":"1","do":"subscribe","topic":"inbox"}`)
	before := used()
	c, err := newCrowd(s.listen.Addr(), sockets, func(int) []byte { return s.hello(uuid.New()) }, func(_, fd int) ([]byte, error) {
		rest, err := shaken(fd)
		if err == nil {
			_, err = syscall.Write(fd, wish)
		}
		return rest, err
	})
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := c.read(); err != nil {
		return 0, err
	}
	if err := c.await(ctx, 2*int64(sockets)); err != nil {
		return 0, err
	}
	return (used() - before) / float64(sockets), nil
}

// IdleMemoryFloor is the same of a bare connection and a goroutine that reads
// it into one byte.
func IdleMemoryFloor(_ context.Context, sockets int) (float64, error) {
	raiseLimit()
	before := used()
	c, conns, err := bare(sockets)
	if err != nil {
		return 0, err
	}
	var readers sync.WaitGroup
	for _, conn := range conns {
		readers.Go(func() {
			var b [1]byte
			_, _ = conn.Read(b[:])
		})
	}
	after := used()
	closeAll(conns)
	readers.Wait()
	c.close()
	return (after - before) / float64(sockets), nil
}

// used is what lives, after the collector has been twice: the first time
// frees, the second shrinks stacks and empties pools.
func used() float64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
