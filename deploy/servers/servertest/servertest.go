//go:build linux

package servertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Kind is a server that deploy/servers/run knows.
type Kind string

// The kinds.
const (
	Postgres      Kind = "postgres"
	Redis         Kind = "redis"
	Kafka         Kind = "kafka"
	Elasticsearch Kind = "elasticsearch"
)

const (
	startWithin = 90 * time.Second // until it answers, on a machine at work
	stopWithin  = 30 * time.Second
	startTries  = 3 // another process may take a port that was free

	// Ports are taken below those that the system gives to outgoing connections,
	// so that a server that was killed finds its own free again.
	firstPort, ports = 20000, 12000
)

// Server is one server process. Its methods may be called from any goroutine
// of the test, one at a time; what goes wrong in them fails the test.
type Server struct {
	t            testing.TB
	kind         Kind
	scripts      string // deploy/servers
	dir          string
	port, second int

	mu      sync.Mutex
	process *process // nil while it is stopped
}

// Start starts a server and returns when it answers. It ends with the test.
func Start(t testing.TB, kind Kind) *Server {
	t.Helper()
	scripts, err := findScripts()
	if err != nil {
		t.Fatal(err)
	}
	for try := 1; ; try++ {
		s := &Server{t: t, kind: kind, scripts: scripts, dir: t.TempDir()}
		s.port, s.second = freePort(t), freePort(t)
		t.Cleanup(s.remove)
		if err = s.start(); err == nil {
			return s
		}
		if try == startTries {
			t.Fatalf("%v; its log:\n%s", err, s.Log())
		}
	}
}

// URL is the server's address as a setting spells it.
func (s *Server) URL() string {
	switch s.kind {
	case Postgres:
		return "postgres://postgres@" + s.Addr() + "/postgres?sslmode=disable"
	case Elasticsearch:
		return "http://" + s.Addr()
	default:
		return string(s.kind) + "://" + s.Addr()
	}
}

// Addr is the server's host and port. It stays the same for ever.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Log is what the server has printed so far.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Stop ends the server as an operator would. It may be running, paused or
// stopped.
func (s *Server) Stop() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(); err != nil {
		s.t.Errorf("stop %s: %v", s.kind, err)
	}
}

// Kill ends the server and its children at once, with SIGKILL.
func (s *Server) Kill() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	if err := s.process.kill(); err != nil {
		s.t.Errorf("kill %s: %v", s.kind, err)
	}
	s.process = nil
}

// Pause stops the server and its children in their tracks: connections stay
// open, and nothing is answered, until Resume.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal("pause", func(p *process) error { return p.pause() })
}

// Resume lets a paused server go on.
func (s *Server) Resume() {
	s.t.Helper()
	s.signal("resume", func(p *process) error { return p.resume() })
}

// Restart starts the server again on the same port and data, after Stop or
// Kill, or stops it first; it returns when the server answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.stop()
	if err == nil {
		err = s.start()
	}
	if err != nil {
		s.t.Errorf("restart %s: %v; its log:\n%s", s.kind, err, s.Log())
	}
}

func (s *Server) signal(verb string, do func(*process) error) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.New("it does not run")
	if s.process != nil {
		err = do(s.process)
	}
	if err != nil {
		s.t.Errorf("%s %s: %v", verb, s.kind, err)
	}
}

// start begins a process and waits until it answers.
func (s *Server) start() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	port, second := strconv.Itoa(s.port), strconv.Itoa(s.second)
	cmd := exec.Command(filepath.Join(s.scripts, "run"), string(s.kind), s.dir, port, second)
	cmd.Stdout, cmd.Stderr = log, log
	if s.process, err = begin(cmd); err != nil {
		return err
	}
	within := strconv.Itoa(int(startWithin.Seconds()))
	wait := exec.Command(filepath.Join(s.scripts, "wait"), string(s.kind), strconv.Itoa(s.process.pid), within, port, second)
	if out, err := wait.CombinedOutput(); err != nil {
		_ = s.process.kill()
		s.process = nil
		return fmt.Errorf("start %s: %s (%w)", s.kind, out, err)
	}
	return nil
}

func (s *Server) stop() error {
	if s.process == nil {
		return nil
	}
	how := syscall.SIGTERM
	if s.kind == Postgres {
		how = syscall.SIGINT // SIGTERM would wait for every client
	}
	err := s.process.stop(how)
	s.process = nil
	return err
}

// remove ends the server and takes away what Postgres kept elsewhere because
// its user cannot reach a folder of the test.
func (s *Server) remove() {
	s.Kill()
	if elsewhere, err := os.Readlink(filepath.Join(s.dir, "data")); err == nil {
		_ = os.RemoveAll(elsewhere)
	}
}

// findScripts is deploy/servers of this module: tests run in their package's
// folder.
func findScripts() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "deploy", "servers"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working folder")
		}
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	for range 200 {
		port := firstPort + rand.IntN(ports)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = l.Close()
		return port
	}
	t.Fatalf("no free port between %d and %d", firstPort, firstPort+ports)
	return 0
}

// begin starts cmd in a goroutine that keeps its thread until the process has
// ended: the kernel kills the child when the thread that began it ends, which
// is thus only ever the end of this process.
func begin(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &process{ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is no news: it was told to
		}
	}()
	return p, <-started
}
