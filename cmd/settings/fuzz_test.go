package settings

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// O6: whatever a settings file holds, loading it gives settings or one
// sentence.
func FuzzSettingsFile(f *testing.F) {
	for _, seed := range []string{
		"access-ttl = \"5m\"", "[oidc]\ngoogle = \"https://a.b,c\"", "roles = [\"api\", 1, [true]]", "a = ", "\xff", "config = \"x\"",
		"[[oidc]]\na=1", "smtp = \"smtp://\\u0000\"", "thumbnails = [-1]", "data = \"\\n\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "p.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Load([]string{"--config", path}, nil)
		var usage *UsageError
		switch {
		case err == nil:
			s.Rows()
		case !errors.As(err, &usage):
			t.Errorf("%v is no UsageError", err)
		case strings.Contains(err.Error(), path+":") && strings.Contains(err.Error(), "\n"):
			t.Errorf("more than one line: %q", err)
		}
	})
}
