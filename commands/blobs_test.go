package commands_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/parleyhq/parley/commands"
)

// A13: names of files are our own alphabet.
func TestCheckBlobKey(t *testing.T) {
	t.Parallel()
	for key, ok := range map[string]bool{
		"images/0190/thumb": true, "a": true, "0_-": true,
		"": false, "/a": false, "a/": false, "a//b": false, "..": false, "a/../b": false, "./a": false, "a.b": false, "A": false,
		"a\\b": false, "a b": false, "ä": false, "a\n": false, "a\x00": false, "-a": false,
		strings.Repeat("a", 200): true, strings.Repeat("a", 201): false,
	} {
		if err := commands.CheckBlobKey(key); (err == nil) != ok {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestExactly(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		content io.Reader
		size    int64
		want    string
		err     error
	}{
		"exact":               {strings.NewReader("abc"), 3, "abc", nil},
		"byte by byte":        {iotest.OneByteReader(strings.NewReader("abc")), 3, "abc", nil},
		"end with data":       {iotest.DataErrReader(strings.NewReader("abc")), 3, "abc", nil},
		"empty":               {strings.NewReader(""), 0, "", nil},
		"short":               {strings.NewReader("ab"), 3, "ab", commands.ErrBlobSize},
		"long":                {strings.NewReader("abcd"), 3, "", commands.ErrBlobSize},
		"long, byte by byte":  {iotest.OneByteReader(strings.NewReader("abcd")), 3, "ab", commands.ErrBlobSize},
		"negative":            {strings.NewReader(""), -1, "", commands.ErrBlobSize},
		"empty but not":       {strings.NewReader("a"), 0, "", commands.ErrBlobSize},
		"broken":              {io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(broken)), 3, "ab", broken},
		"broken at the end":   {io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), 3, "", broken},
		"broken without size": {iotest.ErrReader(broken), 0, "", broken},
	} {
		got, err := io.ReadAll(commands.Exactly(c.content, c.size))
		if !bytes.Equal(got, []byte(c.want)) || !errors.Is(err, c.err) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}
