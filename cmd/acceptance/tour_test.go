package acceptance

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// O1: the tour of the README works, line by line, against a server as a
// newcomer starts it; the process is killed where the tour says so.
func TestO1_TheTourOfTheREADME(t *testing.T) {
	t.Parallel()
	folder := t.TempDir() // the tour looks for ./data
	s := harness.StartProcess(t, harness.On(filepath.Join(folder, "data")), harness.AsShipped())
	tour := newTour(t, folder)
	if s.Cluster != nil {
		tour.administrator = s.Cluster.AdminCreate
	}
	tour.walk(s)
}

// O1: the same tour, for whoever began with `make sample`: its administrator
// is there.
func TestO1_TheTourOfTheSample(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	data := filepath.Join(folder, "data")
	if out, err := makeSample(t, data); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := harness.StartProcess(t, harness.Embedded(), harness.On(data), harness.AsShipped())
	tour := newTour(t, folder)
	tour.administrator = func(_, _, _ string) ([]byte, error) { return nil, nil }
	tour.walk(s)
}

// walk plays all blocks of the page.
func (r *tour) walk(s *harness.Server) {
	r.t.Helper()
	blocks := shellBlocks(r.t, "../../README.md")
	for i, block := range blocks {
		if i == len(blocks)-1 { // "Kill it, start it again."
			s.Kill()
			s.Again(true)
		}
		r.play(strings.ReplaceAll(block, "http://127.0.0.1:8080", s.Base), s.Base)
	}
	if r.promises < 12 {
		r.t.Errorf("the tour shows only %d answers", r.promises)
	}
}

// shellBlocks are the ```sh blocks of a page, in order.
func shellBlocks(t *testing.T, page string) []string {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, part := range strings.Split(string(raw), "\n```sh\n")[1:] {
		block, _, closed := strings.Cut(part, "\n```\n")
		if !closed {
			t.Fatalf("an open block: %s", part)
		}
		blocks = append(blocks, block)
	}
	if len(blocks) < 7 {
		t.Fatalf("%s has %d blocks of shell", page, len(blocks))
	}
	return blocks
}

// tour is one shell, as a reader has it.
type tour struct {
	t        *testing.T
	in       io.WriteCloser
	out      *bufio.Reader
	promises int
	// administrator makes the first one where there is no set-up link; it is nil
	// where there is.
	administrator func(email, handle, password string) ([]byte, error)
}

// endOfLine is printed by the shell after each line of the tour.
const endOfLine = "--- end of line, status "

func newTour(t *testing.T, folder string) *tour {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Fatal("the tour is written for bash and curl: ", err)
	}
	bin := filepath.Join(folder, "bin")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "websocat"), "./websocat")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	shell := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile")
	shell.Dir = folder
	shell.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	shell.Stdout, shell.Stderr = write, write
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() {
		_ = in.Close()
		_ = shell.Wait()
		_ = read.Close()
	})
	return &tour{t: t, in: in, out: bufio.NewReader(read)}
}

// play runs the lines of a block; "#>" says what the line before must have
// printed. The address in the block is the server's of now.
func (r *tour) play(block, base string) {
	r.t.Helper()
	r.run("BASE=" + base)
	var printed, last string
	for line := range strings.Lines(block) {
		line = strings.TrimRight(line, "\n")
		want, isPromise := strings.CutPrefix(line, "#> ")
		switch {
		case isPromise:
			r.promises++
			r.keep(want, printed, last)
		case r.administrator != nil && strings.Contains(line, "/v1/setup"):
			r.setUp()
			printed = `"roles":["member","administrator"]`
		default:
			printed, last = r.run(line), line
		}
	}
}

// setUp makes the administrator of the tour on the command line.
func (r *tour) setUp() {
	r.t.Helper()
	if out, err := r.administrator("root@example.org", "root_admin", "open the pod bay doors"); err != nil {
		r.t.Fatalf("parley admin create: %v: %s", err, out)
	}
}

// keep wants a promise kept. Who reads without a position may see a moment
// before: on another process, and in searches everywhere. A line that only
// reads is read again there.
func (r *tour) keep(want, printed, line string) {
	r.t.Helper()
	late := r.administrator != nil || strings.Contains(line, "/v1/search")
	again := late && !strings.Contains(line, " -d ") && !strings.Contains(line, "-X ")
	for end := time.Now().Add(harness.Patience); !strings.Contains(printed, want); printed = r.run(line) {
		if !again || time.Now().After(end) {
			r.t.Fatalf("the tour promises %s\nbut it printed %s", want, printed)
		}
	}
}

// run gives one line to the shell and reads what it prints. A line that fails
// fails the test.
func (r *tour) run(line string) string {
	r.t.Helper()
	if _, err := fmt.Fprintf(r.in, "%s\nprintf '\\n%s%%d\\n' $?\n", line, endOfLine); err != nil {
		r.t.Fatal(err)
	}
	var printed strings.Builder
	for {
		text, err := r.out.ReadString('\n')
		if err != nil {
			r.t.Fatalf("%s: %v: %s", line, err, printed.String())
		}
		status, done := strings.CutPrefix(text, endOfLine)
		if !done {
			printed.WriteString(text)
			continue
		}
		if status != "0\n" {
			r.t.Fatalf("%s: exit %s%s", line, status, printed.String())
		}
		return printed.String()
	}
}
