package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxSecret bounds the file of a secret, in bytes.
const maxSecret = 64 << 10

// Secret reads a secret that stands in a file by itself; line ends behind it
// are no part of it. Errors are one sentence that names the file.
func Secret(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no file %s", path)
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	secret := strings.TrimRight(string(raw), "\r\n")
	switch {
	case err != nil:
		return "", err
	case len(raw) > maxSecret:
		return "", fmt.Errorf("%s is too large for a secret", path)
	case secret == "":
		return "", fmt.Errorf("%s is empty", path)
	}
	return secret, nil
}
