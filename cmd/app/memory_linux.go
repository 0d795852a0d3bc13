package app

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// releaseProgram takes the pages of the program out of this process's memory.
// They stay in the kernel's cache, where the next call finds them: the start
// reads nearly all of a program of which little runs later, and what is mapped
// is what the kernel gives up last. A failure costs memory and nothing else.
func releaseProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
	for _, m := range programMaps(smaps, program) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// programMaps finds in smaps (proc_pid_smaps(5)) the mappings of a program that
// can be read again from its file: those that nobody may write and that hold no
// page of this process's own, as what the loader relocates does.
func programMaps(smaps io.Reader, program string) (found []mapping) {
	var m mapping
	ours := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		if key, isValue := strings.CutSuffix(fields[0], ":"); isValue {
			if key == "Anonymous" && ours && fields[1] == "0" {
				found = append(found, m)
			}
			continue
		}
		_, err := fmt.Sscanf(fields[0], "%x-%x", &m.start, &m.end)
		ours = err == nil && !strings.Contains(fields[1], "w") && strings.HasSuffix(lines.Text(), " "+program)
	}
	return found
}
