package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// authenticate is what finding out who calls costs a request whose token was
// seen before.
func (p Plan) authenticate() Pair {
	return Pair{What: "authenticate a request, token seen before", Unit: "µs", Open: func(ctx context.Context) (Sides, error) {
		s, err := p.site(ctx, 1)
		if err != nil {
			return Sides{}, err
		}
		token := s.people[0].token
		return Sides{Close: s.close, Parley: func(ctx context.Context, d time.Duration) (float64, error) {
			const between = 256 // looks at the clock
			n := 0
			begun := time.Now()
			for n == 0 || time.Since(begun) < d {
				for range between {
					if _, err := s.app.Commands().Authenticate(ctx, token); err != nil {
						return 0, err
					}
				}
				n += between
			}
			return float64(time.Since(begun).Microseconds()) / float64(n), nil
		}}, nil
	}}
}

// nowhere is a ResponseWriter that costs nothing.
type nowhere struct {
	header http.Header
	status int
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w *nowhere) WriteHeader(status int)      { w.status = status }

// signedIn is a whole request of somebody who is signed in, without a network
// and to a handler that does nothing; the floor is the same of nobody.
func (p Plan) signedIn() Pair {
	return Pair{
		What: "signed-in request, handler that does nothing", Unit: "µs", Floor: "the same request without a token", Aim: "≤ 10 µs over it",
		Open: func(ctx context.Context) (Sides, error) {
			s, err := p.site(ctx, 1)
			if err != nil {
				return Sides{}, err
			}
			empty, err := s.app.REST().Floor()
			if err != nil {
				return Sides{}, errors.Join(err, s.close())
			}
			h := empty.Handler()
			ask := func(token string) Turn {
				return func(ctx context.Context, d time.Duration) (float64, error) { return serveNothing(ctx, h, token, d) }
			}
			return Sides{Parley: ask(s.people[0].token), Base: ask(""), Close: s.close}, nil
		},
	}
}

// serveNothing serves one request again and again, and gives what one costs.
func serveNothing(ctx context.Context, h http.Handler, token string, d time.Duration) (microseconds float64, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/v1/nothing", http.NoBody)
	if err != nil {
		return 0, err
	}
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("User-Agent", "parley-bench")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	const between = 256 // looks at the clock
	w := &nowhere{header: http.Header{}}
	n := 0
	begun := time.Now()
	for n == 0 || time.Since(begun) < d {
		for range between {
			clear(w.header)
			if h.ServeHTTP(w, r); w.status != http.StatusNoContent {
				return 0, fmt.Errorf("answered %d", w.status)
			}
		}
		n += between
	}
	return float64(time.Since(begun).Nanoseconds()) / 1000 / float64(n), nil
}

// start is the time from making a process with an empty folder to its saying
// that it is ready.
func (p Plan) start() Pair {
	return Pair{What: "start on an empty folder, until ready", Unit: "ms", Open: ready(
		func(ctx context.Context, _ time.Duration) (float64, error) {
			var took time.Duration
			err := p.process(ctx, func(_ int, since time.Duration) error { took = since; return nil })
			return took.Seconds() * 1000, err
		}, nil)}
}

// resident is the memory of a process that just became ready.
func (p Plan) resident() Pair {
	return Pair{What: "resident memory after the start", Unit: "MiB", Open: ready(
		func(ctx context.Context, _ time.Duration) (kib float64, err error) {
			if runtime.GOOS != "linux" {
				return 0, errors.ErrUnsupported // no /proc
			}
			err = p.process(ctx, func(pid int, _ time.Duration) error {
				kib, err = residentKiB(pid)
				return err
			})
			return kib / 1024, err
		}, nil)}
}

func (p Plan) size() Pair {
	return Pair{What: "size of the program", Unit: "MiB", Open: ready(
		func(context.Context, time.Duration) (float64, error) {
			info, err := os.Stat(p.Executable)
			if err != nil {
				return 0, err
			}
			return float64(info.Size()) / (1 << 20), nil
		}, nil)}
}

// process runs a Parley of its own in a new folder, lets look look at it once
// it is ready, and stops it.
func (p Plan) process(ctx context.Context, look func(pid int, took time.Duration) error) (err error) {
	dir, drop, err := p.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Executable, "serve", "--http=127.0.0.1:0", "--data", filepath.Join(dir, "data"))
	for _, v := range os.Environ() { // as shipped, whatever settings are set here
		if !strings.HasPrefix(v, "PARLEY_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	err = awaitListening(ctx, lines)
	if err == nil {
		err = look(cmd.Process.Pid, time.Since(begun))
	}
	err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM))
	_, _ = lines.WriteTo(&bytes.Buffer{}) // to its end, before Wait closes it
	if err = errors.Join(err, cmd.Wait()); err != nil {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return err
}

// awaitListening reads where a process listens and waits until it is ready.
func awaitListening(ctx context.Context, stdout *bufio.Reader) error {
	line, err := stdout.ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "parley listening on ")
	if err != nil || !ok {
		return fmt.Errorf("it does not say where it listens: %q, %w", line, err)
	}
	return awaitReady(ctx, base)
}

// awaitReady waits until what serves at a base URL says that it is ready.
func awaitReady(ctx context.Context, base string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return err
	}
	for {
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		if err := answer.Body.Close(); err != nil {
			return err
		}
		if answer.StatusCode == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// residentKiB reads VmRSS, see proc_pid_status(5).
func residentKiB(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
		}
	}
	return 0, errors.New("/proc tells no VmRSS")
}
