package settings

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// O6: secrets come from files, by flag, environment and key; the stronger
// source wins whatever the spelling.
func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	a, b := write(t, "a", "smtp://a:1\n"), write(t, "b", "smtp://b:1")
	toml := "--config=" + write(t, "p.toml", fmt.Sprintf("smtp-file = %q", a))
	tests := map[string]struct {
		args, env []string
		want      string
		source    Source
	}{
		"flag":                       {[]string{"--smtp-file", a}, nil, "smtp://a:1", Flag},
		"environment":                {nil, []string{"PARLEY_SMTP_FILE=" + a}, "smtp://a:1", Env},
		"key":                        {[]string{toml}, nil, "smtp://a:1", File},
		"flag file over environment": {[]string{"--smtp-file", a}, []string{"PARLEY_SMTP=smtp://e:1"}, "smtp://a:1", Flag},
		"flag over environment file": {[]string{"--smtp=smtp://f:1"}, []string{"PARLEY_SMTP_FILE=" + a}, "smtp://f:1", Flag},
		"environment over key":       {[]string{toml}, []string{"PARLEY_SMTP_FILE=" + b}, "smtp://b:1", Env},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := parse(t, test.args, test.env)
			if err != nil {
				t.Fatal(err)
			}
			if s.SMTP != test.want || s.Source("smtp") != test.source {
				t.Errorf("got %q from %v, want %q from %v", s.SMTP, s.Source("smtp"), test.want, test.source)
			}
		})
	}
}

func TestSecretsRefused(t *testing.T) {
	t.Parallel()
	empty, wrong := write(t, "empty", "\n"), write(t, "wrong", "hunter2")
	tests := map[string]struct {
		args, env []string
		want      string
	}{
		"missing":             {[]string{"--smtp-file=/nowhere"}, nil, "--smtp-file: there is no file /nowhere"},
		"empty":               {nil, []string{"PARLEY_SMTP_FILE=" + empty}, "PARLEY_SMTP_FILE: " + empty + " is empty"},
		"both":                {[]string{"--smtp=smtp://h:1", "--smtp-file=" + wrong}, nil, "--smtp and --smtp-file are both given, keep one"},
		"both by environment": {nil, []string{"PARLEY_SMTP=smtp://h:1", "PARLEY_SMTP_FILE=" + wrong}, "PARLEY_SMTP and PARLEY_SMTP_FILE are both given, keep one"},
		"wrong content":       {[]string{"--smtp-file=" + wrong}, nil, "--smtp: expected a URL that begins with smtp:// or smtps://"},
		"wrong value":         {nil, []string{"PARLEY_SMTP=hunter2"}, "PARLEY_SMTP: expected a URL that begins with smtp:// or smtps://"},
		"wrong http":          {nil, []string{"PARLEY_ELASTICSEARCH=http://u:hunter2/@h"}, "PARLEY_ELASTICSEARCH: expected a URL like http://host"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, test.args, test.env)
			if err == nil || err.Error() != test.want || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// O6: secrets are hidden wherever settings are shown.
func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	args := []string{"--jwt-key-file=x", "--master-key-file=y"}
	for name, scheme := range map[string]string{
		"eventstore": "esdb", "kafka": "kafka", "postgres": "postgres", "elasticsearch": "http", "redis": "redis", "s3": "s3", "smtp": "smtp",
	} {
		args = append(args, fmt.Sprintf("--%s=%s://hunter2:hunter2@hunter2.example?key=hunter2", name, scheme))
	}
	s, err := parse(t, args, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(s.Rows())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown), "hunter2") || !strings.Contains(string(shown), `"postgres://***"`) {
		t.Errorf("shown: %s", shown)
	}
	if !s.Distributed() {
		t.Error("it should count as distributed")
	}
	for _, odd := range []string{"hunter2", "hunter2@h://x", strings.Repeat("h", 30) + "://x"} {
		if got := hidden(odd); strings.Contains(got, "h") && !strings.HasSuffix(got, "://***") {
			t.Errorf("hidden(%q) = %q", odd, got)
		}
	}
}
