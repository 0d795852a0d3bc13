package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

// O4: one JSON object a line where stderr is no terminal, whatever the values
// hold.
func TestLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := NewLog(&b, "info", "auto")
	log.Info("a\n{\"level\":\"ERROR\"}", "handle", "x\n\x00\x1b[31m\u2028\xff")
	log.Debug("too low")
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 1 {
		t.Fatalf("%d lines: %q", len(lines), b.String())
	}
	var line struct{ Time, Level, Msg, Handle string }
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatal(err)
	}
	if line.Level != "INFO" || line.Time == "" || !strings.HasPrefix(line.Msg, "a\n") {
		t.Errorf("got %+v", line)
	}
	if strings.ContainsAny(b.String(), "\x00\x1b") {
		t.Errorf("control characters: %q", b.String())
	}
}

func TestTextIsEscaped(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	NewLog(&b, "debug", "text").Debug("m", "k", "x\nlevel=ERROR \x1b[31m")
	if got := b.String(); strings.Count(got, "\n") != 1 || strings.Contains(got, "\x1b") || !strings.Contains(got, "level=DEBUG") {
		t.Errorf("got %q", got)
	}
}

// O4: levels.
func TestLevels(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1, "": 3} {
		var b bytes.Buffer
		log := NewLog(&b, level, "json")
		log.Debug("d")
		log.Info("i")
		log.Warn("w")
		log.Error("e")
		if got := strings.Count(b.String(), "\n"); got != want {
			t.Errorf("%q: %d lines, want %d", level, got, want)
		}
	}
}

// Invariant 9: what is named like a secret is never logged.
func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		var b bytes.Buffer
		NewLog(&b, "info", format).With("access_token", "hunter2").Info("m",
			"password", "hunter2", "newPassword", "hunter2", "Authorization", "Bearer hunter2", "set-cookie", "hunter2",
			slog.Group("request", "refreshToken", "hunter2", "api-key", "hunter2", "path", "/v1/me"))
		if strings.Contains(b.String(), "hunter2") || strings.Count(b.String(), Hidden) != 7 || !strings.Contains(b.String(), "/v1/me") {
			t.Errorf("%s: %s", format, b.String())
		}
	}
}
