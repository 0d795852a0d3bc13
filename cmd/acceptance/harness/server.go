package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
)

// Server is one running Parley with a folder of its own: one process, or a
// Cluster.
type Server struct {
	t         testing.TB
	Data      string   // its data folder
	Base      string   // http://127.0.0.1:port
	Cluster   *Cluster // nil: everything embedded in one process
	flags     []string
	embedded  bool
	clustered bool
	servers   map[string]string
	adminOnce *sync.Once
	run       running
}

// running is a server, in process or as a process.
type running interface {
	stop(context.Context) error // graceful
	kill() error
	log() string
	out() string
}

// Option changes how a server is started.
type Option func(*Server)

// Flags adds flags of parley serve.
func Flags(flags ...string) Option {
	return func(s *Server) { s.flags = append(s.flags, flags...) }
}

// AsShipped leaves every setting as a newcomer has it.
func AsShipped() Option { return func(s *Server) { s.flags = nil } }

// On uses that data folder instead of an empty one.
func On(data string) Option { return func(s *Server) { s.Data = data } }

// Embedded keeps a test of the embedded stack on it, also where the suite runs
// on the distributed one.
func Embedded() Option { return func(s *Server) { s.embedded = true } }

// OnCluster runs a test on the distributed stack, wherever the suite runs;
// servers take the place of the shared ones, by their setting.
func OnCluster(servers map[string]string) Option {
	return func(s *Server) { s.clustered, s.servers = true, servers }
}

// Distributed says whether the suite runs on the distributed stack:
// PARLEY_TEST_STACK is distributed.
func Distributed() bool { return os.Getenv("PARLEY_TEST_STACK") == "distributed" }

// Start runs a server and stops it when the test ends. The clocks of limits
// are off unless a test turns them on, and requests may wait almost as long as
// a client has the patience.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	return start(t, os.Getenv("PARLEY_TEST_PROCESS") == "1", options)
}

// StartProcess runs the real binary, whatever the environment says, so that
// the test can kill it.
func StartProcess(t testing.TB, options ...Option) *Server {
	t.Helper()
	return start(t, true, options)
}

// StartLog runs the log of a cluster and nothing else yet: Again starts the
// processes of the roles above it.
func StartLog(t testing.TB) *Server {
	t.Helper()
	s := prepare(t, []Option{OnCluster(nil)})
	if err := s.Cluster.startLog(startProcess); err != nil {
		t.Fatalf("start: %v", err)
	}
	s.run = whole{s.Cluster}
	s.Ready()
	return s
}

func start(t testing.TB, process bool, options []Option) *Server {
	t.Helper()
	s := prepare(t, options)
	s.launch(process)
	return s
}

// prepare makes a server that does not run yet, and stops it when the test
// ends.
func prepare(t testing.TB, options []Option) *Server {
	t.Helper()
	s := &Server{t: t, adminOnce: new(sync.Once), flags: []string{"--rate-limits=off", "--captcha=off", "--hash-memory=64KiB", "--hash-time=1", "--position-wait=50s", "--request-timeout=55s", "--hash-wait=50s"}}
	for _, o := range options {
		o(s)
	}
	if s.Data == "" {
		s.Data = filepath.Join(t.TempDir(), "data")
	}
	if s.clustered || Distributed() && !s.embedded {
		s.Cluster = newCluster(t, s.Data, s.servers)
	}
	t.Cleanup(func() {
		if s.run == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := s.run.stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		Discreet(t, "the log", s.run.log())
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.recent(40))
		}
	})
	return s
}

func (s *Server) launch(process bool) {
	s.t.Helper()
	begin := starter(startInProcess)
	if process {
		begin = startProcess
	}
	if s.Cluster != nil {
		begin = s.Cluster.start(begin)
	}
	run, base, err := begin(s.t, append([]string{"--data", s.Data, "--http", "127.0.0.1:0"}, s.flags...))
	if err != nil {
		s.t.Fatalf("start: %v", err)
	}
	s.run, s.Base = run, base
	s.Ready()
}

// Stop ends the server as an operator would.
func (s *Server) Stop() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := s.run.stop(ctx); err != nil {
		s.t.Fatalf("stop: %v\n%s", err, tail(s.run.log(), 40))
	}
	Discreet(s.t, "the log", s.run.log())
	s.run = nil
}

// Kill ends the process with signal 9; it needs StartProcess.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.run.kill(); err != nil {
		s.t.Fatal(err)
	}
	Discreet(s.t, "the log", s.run.log())
	s.run = nil
}

// Again starts the server on the same folder after Stop or Kill, on another
// port: clients made before talk to the old one.
func (s *Server) Again(process bool) {
	s.t.Helper()
	s.launch(process)
}

// Ready waits until the server says that it can serve.
func (s *Server) Ready() {
	s.t.Helper()
	if s.Cluster != nil {
		s.Cluster.Ready()
		return
	}
	c := s.Client()
	s.Eventually("/readyz", func() bool { return c.Get("/readyz").Status == 200 })
}

// Stdout is what the server has written to stdout.
func (s *Server) Stdout() string { return s.run.out() }

// Log is what the server has written to stderr.
func (s *Server) Log() string { return s.run.log() }

// Client is a new person's browser.
func (s *Server) Client() *Client { return newClient(s.t, s.Base) }

// Move lets a client of before a restart talk to the server as it runs now.
func (s *Server) Move(c *Client) *Client {
	c.base = s.Base
	return c
}

var listening = regexp.MustCompile(`^parley listening on (http://\S+)\n`)

// output gathers a stream and says when its first line is whole.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	first chan struct{}
	once  sync.Once
}

func newOutput() *output { return &output{first: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	if bytes.IndexByte(o.buf.Bytes(), '\n') >= 0 {
		o.once.Do(func() { close(o.first) })
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// await waits for the line that says where the server listens.
func await(stdout *output, ended <-chan struct{}, log func() string) (string, error) {
	select {
	case <-stdout.first:
	case <-ended:
		return "", errors.New("it ended at once:\n" + tail(log(), 40))
	case <-time.After(Patience):
		return "", errors.New("it does not listen:\n" + tail(log(), 40))
	}
	match := listening.FindStringSubmatch(stdout.String())
	if match == nil {
		return "", fmt.Errorf("first line of stdout: %q", stdout.String())
	}
	return match[1], nil
}

// recent is the end of the log: of each process, where there are several.
func (s *Server) recent(lines int) string {
	if s.Cluster != nil {
		return s.Cluster.gather(func(r running) string { return tail(r.log(), lines) })
	}
	return tail(s.run.log(), lines)
}

// starter starts one process of `parley serve`, or what stands for it.
type starter func(t testing.TB, args []string) (running, string, error)

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// inProcess is a server in a goroutine of the test.
type inProcess struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
	stdout *output
	stderr *output
}

func startInProcess(t testing.TB, args []string) (running, string, error) {
	t.Helper()
	set, err := settings.Parse(args, nil)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &inProcess{cancel: cancel, ended: make(chan struct{}), stdout: newOutput(), stderr: newOutput()}
	go func() {
		defer close(r.ended)
		r.err = app.Run(ctx, set, r.stdout, r.stderr)
	}()
	base, err := await(r.stdout, r.ended, r.log)
	if err != nil {
		cancel()
		<-r.ended
		return nil, "", errors.Join(err, r.err)
	}
	return r, base, nil
}

func (r *inProcess) stop(ctx context.Context) error {
	r.cancel()
	select {
	case <-r.ended:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *inProcess) kill() error { return errors.New("only a process can be killed: use StartProcess") }

func (r *inProcess) log() string {
	select {
	case <-r.ended:
		return fmt.Sprintf("%s\n(ended: %v)", r.stderr.String(), r.err)
	default:
		return r.stderr.String()
	}
}

func (r *inProcess) out() string { return r.stdout.String() }

// process is the real binary.
type process struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error
	stdout *output
	stderr *output
}

var built string // folder of the program, once there is one

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "parley-test-")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "parley")
	build := exec.Command("go", "build", "-o", path, "github.com/parleyhq/parley/cmd/parley")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, uncache(path)
})

// Binary is the path of the program, built once for all tests of a package.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Clean removes what Binary built, which is large; after the last test.
func Clean() error {
	if built == "" {
		return nil
	}
	return os.RemoveAll(built)
}

func startProcess(t testing.TB, args []string) (running, string, error) {
	t.Helper()
	cmd := exec.Command(Binary(t), append([]string{"serve"}, args...)...)
	r := &process{cmd: cmd, ended: make(chan struct{}), stdout: newOutput(), stderr: newOutput()}
	cmd.Stdout, cmd.Stderr = r.stdout, r.stderr
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	go func() {
		defer close(r.ended)
		r.err = cmd.Wait()
	}()
	base, err := await(r.stdout, r.ended, r.log)
	if err != nil {
		_ = r.kill()
		return nil, "", err
	}
	return r, base, nil
}

func (r *process) stop(ctx context.Context) error {
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-r.ended:
		return r.err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), r.kill())
	}
}

func (r *process) kill() error {
	if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-r.ended
	return nil
}

func (r *process) log() string { return r.stderr.String() }

func (r *process) out() string { return r.stdout.String() }
