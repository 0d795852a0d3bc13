package app

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const smaps = `00402000-01fea000 r-xp 00002000 fe:00 10002908   /opt/my parley
Size:              28576 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
01fea000-03d49000 r--p 01bea000 fe:00 10002908   /opt/my parley
Anonymous:             0 kB
03d49000-03d4a000 r--p 03949000 fe:00 10002908   /opt/my parley
Anonymous:             4 kB
03d4a000-03eae000 rw-p 0394a000 fe:00 10002908   /opt/my parley
Anonymous:             0 kB
03eae000-05f0d000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7f2b14b3e000-7f2b14c94000 r-xp 00026000 fe:00 326269   /usr/lib/libc.so.6
Anonymous:             0 kB
7f2b14c94000-7f2b14c95000 r--p 00026000 fe:00 326270   /opt/my parley.old
Anonymous:             0 kB
`

// Pages that are in no file, or not as they are here, must not be released.
func TestProgramMaps(t *testing.T) {
	t.Parallel()
	got := programMaps(strings.NewReader(smaps), "/opt/my parley")
	want := []mapping{{0x402000, 0x1fea000}, {0x1fea000, 0x3d49000}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mapping{})); diff != "" {
		t.Error(diff)
	}
}

// A program whose pages were released goes on.
func TestReleaseProgram(t *testing.T) {
	t.Parallel()
	for range 3 {
		releaseProgram()
	}
}
