package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const blackBox = `package acceptance

// TestA4_Verification proves more than its name: O1 too.
func TestA4_Verification(t *testing.T) {
	// A5, A6: the sentence behind goes on about A9.
	// Not a row: it speaks of A8.
}

func TestS1S2_Tokens(t *testing.T) {}

func TestS3Sliding(t *testing.T) {}

func helper() {} // A7
`

const whiteBox = `package account

// A4: codes.
func TestCodes(t *testing.T) {}

// A12; invariants 3 and 12.
func TestRoles(t *testing.T) {}
`

func TestFeatures(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"cmd/acceptance/verification_test.go":  blackBox,
		"domain/account/account_test.go":       whiteBox,
		"domain/account/testdata/away_test.go": "not Go",
		".stack/away_test.go":                  "not Go",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := features(&b, root); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(b.String(), "|---|---|---|---|\n")
	table, numbers, _ := strings.Cut(table, invariantsIntro)
	verification := "[TestA4_Verification](../cmd/acceptance/verification_test.go)"
	tokens := "[TestS1S2_Tokens](../cmd/acceptance/verification_test.go)"
	want := "| A4 | Email verification | " + verification + " | [TestCodes](../domain/account/account_test.go) |\n" +
		"| A5 | Password reset | " + verification + " |  |\n" +
		"| A6 | Change of password and email | " + verification + " |  |\n" +
		"| S1 | Access tokens | " + tokens + " |  |\n" +
		"| S2 | Refresh tokens | " + tokens + " |  |\n" +
		"| O1 | One binary | " + verification + " |  |\n"
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	roles := "[TestRoles](../domain/account/account_test.go)"
	if diff := cmp.Diff("| 3 | "+roles+" |\n| 12 | "+roles+" |\n", numbers); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := configuration(&b, ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `--http` | `PARLEY_HTTP` | `127.0.0.1:8080` | all | Address of",
		"| `--smtp` | `PARLEY_SMTP` | — | api, projector | Mail server",
		"One of `always`, `adaptive`, `off`.", "## Sessions and tokens\n", "Secret.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "| `--") && strings.Count(line, "|") != 6 {
			t.Errorf("a broken row: %s", line)
		}
	}
}
