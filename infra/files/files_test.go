package files_test

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/files"
)

func newMail(t *testing.T, dir string, now func() time.Time) *files.Mail {
	t.Helper()
	m, err := files.NewMail(dir, "Parley <parley@localhost>", now, func() uuid.UUID { return uuid.Must(uuid.NewV7()) })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A1: mails are whole files in the order in which they were sent, and say what
// was written in any script.
func TestMail(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mail")
	at := time.Date(2030, 1, 2, 3, 4, 5, 6e6, time.UTC)
	m := newMail(t, dir, func() time.Time { return at })
	texts := []string{"Guten Tag, Jürgen\n\n日本語 – https://example.org/verify#abc=def\n.\nFrom here\n", "two", "three"}
	for _, text := range texts {
		letter := commands.Mail{To: "jürgen@example.org", Subject: "Bestätigung für Jürgen 🎉", Text: text}
		if err := m.Send(context.Background(), letter); err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != len(texts) {
		t.Fatalf("files: %v %v", names, err)
	}
	slices.Sort(names)
	for i, name := range names {
		if got := filepath.Base(name)[:21]; got != "20300102T030405.006Z-" {
			t.Errorf("name begins with %s", got)
		}
		checkLetter(t, name, texts[i])
	}
}

func checkLetter(t *testing.T, name, text string) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || subject != "Bestätigung für Jürgen 🎉" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if to, err := msg.Header.AddressList("To"); err != nil || to[0].Address != "jürgen@example.org" {
		t.Errorf("to %v, %v", to, err)
	}
	body, err := io.ReadAll(msg.Body)
	if err != nil || string(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))) != text {
		t.Errorf("text %q, %v; want %q", body, err, text)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A recipient must not bring headers of its own.
func TestMailRefusesInjection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := newMail(t, dir, time.Now)
	err := m.Send(context.Background(), commands.Mail{To: "a@example.org\r\nBcc: b@example.org", Subject: "x", Text: "y"})
	if err == nil {
		t.Error("a second header was taken")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

// S1: a key is made once, whoever asks at the same time.
func TestKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "jwt.pem")
	var wg sync.WaitGroup
	got := make([][]byte, 8)
	for i := range got {
		wg.Go(func() {
			key, err := files.Key(path, func() ([]byte, error) { return []byte(uuid.NewString()), nil })
			if err != nil {
				t.Error(err)
			}
			got[i] = key
		})
	}
	wg.Wait()
	for _, key := range got {
		if len(key) == 0 || !bytes.Equal(key, got[0]) {
			t.Errorf("%q and %q", key, got[0])
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := files.Key(filepath.Join(t.TempDir(), "absent"), nil); err == nil {
		t.Error("an absent key was read")
	}
}

// S1: the key before a rotation is accepted for a while.
func TestSigningKeysOverlap(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jwt.pem")
	for name, content := range map[string]string{path: "new", path + ".previous": "old"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	keys, err := files.SigningKeys(path, 24*time.Hour, nil)
	if err != nil || len(keys) != 2 || string(keys[0].Bytes) != "new" || string(keys[1].Bytes) != "old" {
		t.Fatalf("%v %v", keys, err)
	}
	if !keys[0].Until.IsZero() || !keys[1].Until.Equal(at.Add(24*time.Hour)) {
		t.Errorf("until %v and %v", keys[0].Until, keys[1].Until)
	}
}

func TestSetupToken(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "setup-token")
	s := files.NewSetupToken(path)
	for _, want := range []string{"", "one", "two"} {
		if want != "" {
			if err := s.Save(ctx, want); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Load(ctx); err != nil || got != want {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for range 2 {
		if err := s.Remove(ctx); err != nil {
			t.Error(err)
		}
	}
	if got, err := s.Load(ctx); got != "" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}
