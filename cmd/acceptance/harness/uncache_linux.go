package harness

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// uncache makes a program that was just written lie in the kernel's cache as
// one that was installed: read from the disk. Some kernels keep what was
// written in pieces of 2 MiB, and count a whole one for each byte that a
// process touches.
func uncache(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	const dontNeed = 4 // POSIX_FADV_DONTNEED; length 0: to the end
	if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0); errno != 0 {
		err = errors.Join(err, fmt.Errorf("fadvise %s: %w", path, errno))
	}
	return errors.Join(err, f.Close())
}
