//go:build linux

package servertest

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a running server with its children (Postgres has one for each
// connection, in sessions of their own, so a process group does not do).
type process struct {
	pid   int
	ended chan struct{} // closed when it was waited for
}

// stop sends a signal and waits; what does not end is killed, and an error.
func (p *process) stop(how syscall.Signal) error {
	if err := p.resume(); err != nil {
		return err
	}
	if err := send(p.pid, how); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("it did not end within %v and was killed", stopWithin), p.kill())
	}
}

// kill ends the whole family: first it is paused, so that nobody is born
// meanwhile.
func (p *process) kill() error {
	if err := p.pause(); err != nil {
		return err
	}
	family := append(children(p.pid), p.pid)
	for _, pid := range family {
		if err := send(pid, syscall.SIGKILL); err != nil {
			return err
		}
	}
	deadline := time.After(stopWithin)
	for _, pid := range family {
		for alive(pid) {
			select {
			case <-deadline:
				return fmt.Errorf("process %d outlived SIGKILL by %v", pid, stopWithin)
			case <-time.After(time.Millisecond):
			}
		}
	}
	<-p.ended
	return nil
}

// pause stops the parent first: it has no more children from then on.
func (p *process) pause() error {
	if err := send(p.pid, syscall.SIGSTOP); err != nil {
		return err
	}
	for _, pid := range children(p.pid) {
		if err := send(pid, syscall.SIGSTOP); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) resume() error {
	for _, pid := range append(children(p.pid), p.pid) {
		if err := send(pid, syscall.SIGCONT); err != nil {
			return err
		}
	}
	return nil
}

// send signals a process; one that ended before needs none.
func send(pid int, signal syscall.Signal) error {
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %v to process %d: %w", signal, pid, err)
	}
	return nil
}

// children are the living children of a process and theirs.
func children(of int) []int {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", of))
	if err != nil {
		return nil
	}
	var out []int
	for _, task := range tasks {
		list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", of, task.Name()))
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(list)) {
			if pid, err := strconv.Atoi(word); err == nil {
				out = append(append(out, pid), children(pid)...)
			}
		}
	}
	return out
}

// alive tells whether a process still acts: one that ended may be listed until
// its parent asks for it.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
