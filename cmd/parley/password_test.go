package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/settings"
)

// O6: a password comes from a file or from standard input, as it stands there
// without the line's end; what is none is wrong use.
func TestReadPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, test := range map[string]struct{ text, want string }{
		"a line":       {"correct horse\n", "correct horse"},
		"no end":       {"correct horse", "correct horse"},
		"from Windows": {"correct horse\r\n", "correct horse"},
		"blanks":       {" correct horse \n", " correct horse "},
		"empty":        {"\n", ""},
		"nothing":      {"", ""},
		"too large":    {strings.Repeat("x", maxPasswordFile+1), ""},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{file, "-"} {
			got, err := readPassword(t.Context(), streams{in: strings.NewReader(test.text)}, from, "ada")
			var usage *settings.UsageError
			if got != test.want || (test.want == "") != errors.As(err, &usage) {
				t.Errorf("%s from %s: %q %v", name, from, got, err)
			}
		}
	}
	var usage *settings.UsageError
	for _, file := range []string{"", filepath.Join(dir, "none"), dir} {
		if got, err := readPassword(t.Context(), streams{in: strings.NewReader("x")}, file, "ada"); got != "" || !errors.As(err, &usage) {
			t.Errorf("%q: %q %v", file, got, err)
		}
	}
}
