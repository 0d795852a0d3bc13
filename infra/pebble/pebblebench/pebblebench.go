package pebblebench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
)

// Payload is the size of an event's data, in bytes.
const Payload = 256

// maxGroup is how many waiting writes the floor takes with one fsync: as many
// as the log does.
const maxGroup = 1024

// Append lets writers, each with a stream of its own, append events one after
// another to a new log in the absent or empty folder dir, for the duration. It
// returns the events per second. The folder stays.
func Append(ctx context.Context, dir string, writers int, duration time.Duration) (perSecond float64, err error) {
	log, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	return Run(ctx, writers, duration, func(ctx context.Context, writer int) func() error {
		stream := event.StreamName("bench", fmt.Sprint(writer))
		expected := event.NoStream
		data := Data(writer)
		var id uuid.UUID // ids are given to a log; making them is not its work
		binary.BigEndian.PutUint64(id[:], uint64(writer)+1)
		return func() error {
			binary.BigEndian.PutUint64(id[8:], binary.BigEndian.Uint64(id[8:])+1)
			r, err := log.Append(ctx, stream, expected, []event.Event{{
				ID: id, Type: "bench.ran.v1", ContentType: event.ContentBinary, Data: data,
			}})
			expected = event.At(r.Revision)
			return err
		}
	})
}

// Floor lets writers write payloads one after another to a new raw file in the
// folder dir, which exists, for the duration; whatever waits is written and
// synced together. It returns the payloads per second. The file stays.
func Floor(ctx context.Context, dir string, writers int, duration time.Duration) (perSecond float64, err error) {
	file, err := os.OpenFile(filepath.Join(dir, "floor"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	g := &group{file: file, queue: make(chan *write, maxGroup)}
	var committer sync.WaitGroup
	committer.Go(g.run)
	defer committer.Wait()
	defer close(g.queue)
	return Run(ctx, writers, duration, func(_ context.Context, writer int) func() error {
		w := &write{data: Data(writer), done: make(chan error, 1)}
		return func() error {
			g.queue <- w
			return <-w.done
		}
	})
}

// group is the floor's group commit.
type group struct {
	file  *os.File
	queue chan *write
}

type write struct {
	data []byte
	done chan error
}

func (g *group) run() {
	var waiting []*write
	var buffer []byte
	for first := range g.queue {
		waiting, buffer = append(waiting[:0], first), frame(buffer[:0], first.data)
	drain:
		for len(waiting) < maxGroup {
			select {
			case w, ok := <-g.queue:
				if !ok {
					break drain
				}
				waiting, buffer = append(waiting, w), frame(buffer, w.data)
			default:
				break drain
			}
		}
		_, err := g.file.Write(buffer)
		if err == nil {
			err = g.file.Sync()
		}
		for _, w := range waiting {
			w.done <- err
		}
	}
}

func frame(b, data []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}

// Run lets writers do their work, made by begin, again and again for the
// duration, and returns how often a second it was done.
func Run(ctx context.Context, writers int, duration time.Duration, begin func(ctx context.Context, writer int) func() error) (float64, error) {
	var count atomic.Int64
	var over atomic.Bool
	errs := make([]error, writers)
	var crowd sync.WaitGroup
	start := time.Now()
	for w := range writers {
		crowd.Go(func() {
			work := begin(ctx, w)
			n := 0
			for !over.Load() && errs[w] == nil {
				errs[w] = work()
				n++
			}
			count.Add(int64(n))
		})
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	over.Store(true)
	crowd.Wait()
	elapsed := time.Since(start)
	return float64(count.Load()) / elapsed.Seconds(), errors.Join(append(errs, ctx.Err())...)
}

// Data is the data of a writer's events: not all zeros, so that compression
// does not make them free.
func Data(seed int) []byte {
	b := make([]byte, Payload)
	x := uint64(seed)*0x9E3779B97F4A7C15 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}
