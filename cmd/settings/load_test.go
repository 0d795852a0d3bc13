package settings

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// parse is Load without the refusal of what is not yet available.
func parse(t *testing.T, args, environ []string) (Settings, error) {
	t.Helper()
	var s Settings
	src := NewSources(environ)
	parser, err := kong.New(&s, kong.NoDefaultHelp(), kong.Resolvers(src), kong.Bind(src))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		err = src.Explain(err)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Fatalf("%v is no UsageError", err)
		}
		return s, err
	}
	return s, nil
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// O6: flags over environment over file over default, and each says so.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := "--config=" + write(t, "parley.toml", `access-ttl = "3m"`)
	tests := map[string]struct {
		args, env []string
		want      time.Duration
		source    Source
	}{
		"default":                   {nil, nil, 15 * time.Minute, Default},
		"file":                      {[]string{file}, nil, 3 * time.Minute, File},
		"environment":               {nil, []string{"PARLEY_ACCESS_TTL=2m"}, 2 * time.Minute, Env},
		"environment over file":     {[]string{file}, []string{"PARLEY_ACCESS_TTL=2m"}, 2 * time.Minute, Env},
		"file named by environment": {nil, []string{"PARLEY_CONFIG=" + strings.TrimPrefix(file, "--config=")}, 3 * time.Minute, File},
		"flag":                      {[]string{"--access-ttl=1m"}, nil, time.Minute, Flag},
		"flag over all":             {[]string{"--access-ttl=1m", file}, []string{"PARLEY_ACCESS_TTL=2m"}, time.Minute, Flag},
		"flag as the default is":    {[]string{"--access-ttl=15m", file}, nil, 15 * time.Minute, Flag},
		"empty environment":         {[]string{file}, []string{"PARLEY_ACCESS_TTL="}, 3 * time.Minute, File},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := parse(t, test.args, test.env)
			if err != nil {
				t.Fatal(err)
			}
			if s.AccessTTL != test.want || s.Source("access-ttl") != test.source {
				t.Errorf("got %v from %v, want %v from %v", s.AccessTTL, s.Source("access-ttl"), test.want, test.source)
			}
		})
	}
}

// O6: every kind of value reads the same from a flag, the environment and the
// file.
func TestKindsOfValues(t *testing.T) {
	t.Parallel()
	path := write(t, "parley.toml", `
roles = ["api", "push"]
body-size = "2MiB"
list-limit = 10
allow-private-webhooks = true
trusted-proxies = "10.1.2.3/8,::1"
sign-in-rate = "5/1s"
rate-limits = "off"
max-refresh = "5m"
webhook-retries = ["1s", "1m30s"]
thumbnails = [64, 128]
[oidc]
google = "https://accounts.google.com,a-client"
other = "https://id.example.org,b"
`)
	args := []string{
		"--roles=api,push", "--body-size=2MiB", "--list-limit=10", "--allow-private-webhooks",
		"--trusted-proxies=10.1.2.3/8,::1", "--sign-in-rate=5/1s", "--rate-limits=off", "--max-refresh=5m",
		"--webhook-retries=1s,1m30s", "--thumbnails=64,128",
		"--oidc=google=https://accounts.google.com,a-client;other=https://id.example.org,b",
	}
	var env []string
	for _, a := range args {
		name, value, ok := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		if !ok {
			value = "true"
		}
		env = append(env, EnvName(name)+"="+value)
	}
	want := map[string]string{
		"roles": "api,push", "body-size": "2MiB", "list-limit": "10", "allow-private-webhooks": "true",
		"trusted-proxies": "10.0.0.0/8,::1/128", "sign-in-rate": "5/1s", "rate-limits": "off", "max-refresh": "5m",
		"webhook-retries": "1s,1m30s", "thumbnails": "64,128",
		"oidc": "google=https://accounts.google.com,a-client;other=https://id.example.org,b",
	}
	for source, given := range map[Source][2][]string{File: {{"--config", path}, nil}, Env: {nil, env}, Flag: {args, nil}} {
		s, err := parse(t, given[0], given[1])
		if err != nil {
			t.Fatalf("%v: %v", source, err)
		}
		got := map[string]string{}
		for _, r := range s.Rows() {
			if r.Source == source.String() && r.Name != "config" {
				got[r.Name] = r.Value
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: -want +got\n%s", source, diff)
		}
	}
}

// O6: what is unknown or wrong is one sentence that names the setting as it
// was spelled.
func TestRefusals(t *testing.T) {
	t.Parallel()
	file := func(text string) []string { return []string{"--config", write(t, "p.toml", text)} }
	tests := map[string]struct {
		args, env []string
		want      string // the end of the sentence
	}{
		"unknown flag":           {[]string{"--htpp=:1"}, nil, `unknown flag --htpp, did you mean "--http"?`},
		"unknown variable":       {nil, []string{"PARLEY_ACCES_TTL=1m"}, `unknown environment variable PARLEY_ACCES_TTL, did you mean "PARLEY_ACCESS_TTL"?`},
		"unknown, nothing near":  {nil, []string{"PARLEY_XYZZY=1"}, `unknown environment variable PARLEY_XYZZY`},
		"unknown key":            {file(`acces-ttl = "1m"`), nil, `p.toml: unknown key "acces-ttl", did you mean "access-ttl"?`},
		"key that is no key":     {file(`config = "x"`), nil, `p.toml: config cannot be a key of the file itself`},
		"snake key":              {file(`access_ttl = "1m"`), nil, `p.toml: unknown key "access_ttl", did you mean "access-ttl"?`},
		"broken file":            {file("a = \n"), nil, `p.toml:1:5: not valid TOML`},
		"missing file":           {[]string{"--config=/nowhere/p.toml"}, nil, `--config: there is no file /nowhere/p.toml`},
		"folder as file":         {[]string{"--config=/"}, nil, `--config: / is a folder`},
		"file with a date":       {file(`node = 2020-01-01`), nil, `p.toml: node: expected a text, a number, true or false, a list or a table`},
		"wrong duration":         {nil, []string{"PARLEY_ACCESS_TTL=5"}, `PARLEY_ACCESS_TTL: expected duration but got "5": time: missing unit in duration "5"`},
		"duration as number":     {file(`access-ttl = 5`), nil, `p.toml: access-ttl: expected duration but got "5": time: missing unit in duration "5"`},
		"duration of nothing":    {[]string{"--access-ttl=0s"}, nil, `--access-ttl: must be above 0, not 0s`},
		"negative duration":      {[]string{"--shutdown-timeout=-1s"}, nil, `--shutdown-timeout: must be above 0, not -1s`},
		"negative in a list":     {[]string{"--webhook-retries=1s,-1s"}, nil, `--webhook-retries: must be above 0, not -1s`},
		"negative, zero allowed": {[]string{"--refresh-grace=-1s"}, nil, `--refresh-grace: must be above 0, not -1s`},
		"number too high":        {[]string{"--list-limit=1001"}, nil, `--list-limit: must be at most 1000, not 1001`},
		"no number":              {[]string{"--list-limit=ten"}, nil, `--list-limit: expected a valid 64 bit int but got "ten"`},
		"word of few":            {nil, []string{"PARLEY_CAPTCHA=alwys"}, `PARLEY_CAPTCHA: expected one of always, adaptive, off but got "alwys", did you mean "always"?`},
		"role":                   {file(`roles = ["apy"]`), nil, `p.toml: roles: expected one of api, projector, relay, push, log but got "apy", did you mean "api"?`},
		"no role":                {[]string{"--roles="}, nil, `--roles: must not be empty`},
		"no data":                {[]string{"--data="}, nil, `--data: must not be empty`},
		"address":                {[]string{"--http=8080"}, nil, `--http: expected host:port but got "8080"`},
		"port":                   {[]string{"--http=:66000"}, nil, `--http: expected host:port but got ":66000"`},
		"origin with a path":     {[]string{"--allowed-origins=https://a.b/"}, nil, `--allowed-origins: expected an origin like https://example.org, without a path, but got "https://a.b/"`},
		"network":                {[]string{"--trusted-proxies=10.0.0.0/40"}, nil, `--trusted-proxies: expected an address or a CIDR but got "10.0.0.0/40"`},
		"switch":                 {[]string{"--rate-limits=yes"}, nil, `--rate-limits: expected on or off but got "yes"`},
		"rate":                   {[]string{"--sign-in-rate=30"}, nil, `--sign-in-rate: expected a rate like 30/1m but got "30"`},
		"size":                   {[]string{"--body-size=big"}, nil, `--body-size: expected a size like 64KiB but got "big"`},
		"max refresh":            {[]string{"--max-refresh=0s"}, nil, `--max-refresh: expected a duration above 0 or off but got "0s"`},
		"reaction":               {[]string{"--reactions=like,a b"}, nil, `--reactions: expected a word of letters, digits, _, . and - but got "a b"`},
		"carrier":                {[]string{"--token-carriers=push=bearer,qwery"}, nil, `--token-carriers: expected one of bearer, raw, query, form, cookie but got "qwery", did you mean "query"?`},
		"route group":            {[]string{"--replay-guard=chats"}, nil, `--replay-guard: expected one of accounts, sessions, forum, chat, notifications, push, events, admin but got "chats", did you mean "chat"?`},
		"provider":               {[]string{"--oidc=google=https://a.b"}, nil, `--oidc: expected NAME=ISSUER,CLIENT_ID but got "google=https://a.b"`},
		"host":                   {[]string{"--autocert=https://a.b"}, nil, `--autocert: expected a host name like example.org but got "https://a.b"`},
		"mail":                   {[]string{"--mail-from=nobody"}, nil, `--mail-from: expected a mail address but got "nobody"`},
		"base url":               {[]string{"--base-url=example.org"}, nil, `--base-url: expected a URL that begins with http:// or https://`},
		"order of two":           {[]string{"--refresh-ttl=1m"}, nil, `--refresh-ttl must be longer than --access-ttl`},
		"half of a pair":         {[]string{"--tls-cert-file=x"}, nil, `--tls-cert-file and --tls-key-file are needed together`},
		"open log":               {[]string{"--grpc=0.0.0.0:2113"}, nil, `--grpc beyond loopback needs TLS (--tls-cert-file or --autocert)`},
		"log alone":              {[]string{"--roles=log,api"}, nil, `--roles log stands alone: a bare log serves no other role`},
		"log with a server":      {[]string{"--roles=log", "--grpc=127.0.0.1:0", "--kafka=kafka://h:1"}, nil, `--roles log stands alone: it takes no server`},
		"half a stack":           {[]string{"--postgres=postgres://h/n"}, nil, `the distributed stack needs all of --eventstore, --kafka, --postgres, --elasticsearch and --redis`},
		"two logs":               {append([]string{"--grpc=127.0.0.1:0"}, servers...), nil, `--grpc serves the embedded log, and --eventstore takes its place`},
		"namespace":              {[]string{"--namespace=A-b"}, nil, `--namespace: expected at most 20 of a-z, 0-9 and _, a letter first, but got "A-b"`},
		"distributed, no keys":   {servers, nil, `the distributed stack needs --jwt-key-file and --master-key-file: every node needs the same keys`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, test.args, test.env)
			if err == nil || !strings.HasSuffix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant … %s", err, test.want)
			}
		})
	}
}

// servers are the flags of the distributed stack.
var servers = []string{
	"--eventstore=esdb://h:1", "--kafka=kafka://h:1", "--postgres=postgres://h/n", "--elasticsearch=http://h:1", "--redis=redis://h:1",
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--grpc=127.0.0.1:2113"}, {"--grpc=[::1]:0"}, {"--grpc=localhost:2113"},
		{"--roles=log", "--grpc=0.0.0.0:2113"}, {"--http=:0"}, {"--slow-query=0s"}, {"--hash-parallel=0"},
		{"--allowed-origins=https://a.b,http://localhost:3000"}, {"--smtp=smtp://u:p@h:25"}, {"--reactions="},
		{"--kafka=kafka://a:1,b:2", "--jwt-key-file=x", "--master-key-file=y"},
	} {
		if _, err := parse(t, args, nil); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// Kubernetes adds variables for a service named parley; tests have their own.
func TestForeignVariables(t *testing.T) {
	t.Parallel()
	links := []string{
		"PARLEY_SERVICE_HOST=10.0.0.1", "PARLEY_SERVICE_PORT=80", "PARLEY_SERVICE_PORT_HTTP=80", "PARLEY_PORT=tcp://10.0.0.1:80",
		"PARLEY_PORT_80_TCP=tcp://10.0.0.1:80", "PARLEY_PORT_80_TCP_PROTO=tcp", "PARLEY_PUSH_SERVICE_HOST=10.0.0.2",
	}
	if _, err := parse(t, nil, append(links, "KUBERNETES_SERVICE_HOST=10.0.0.1", "PARLEY_TEST_PROCESS=1")); err != nil {
		t.Errorf("inside Kubernetes: %v", err)
	}
	for _, link := range links {
		if _, err := parse(t, nil, []string{link}); err == nil {
			t.Errorf("outside Kubernetes %s was let through", link)
		}
	}
	for _, f := range names() {
		if serviceLink.MatchString(EnvName(f)) {
			t.Errorf("%s would be taken for a service link", EnvName(f))
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for ttl, want := range map[string]int{"24h": 0, "25h": 1} { // S1
		s, err := parse(t, []string{"--access-ttl=" + ttl}, nil)
		if err != nil || len(s.Warnings()) != want {
			t.Errorf("%s: %v, %v", ttl, s.Warnings(), err)
		}
	}
}

// O6: what is known but not built is refused when somebody gives it, and no
// sooner.
func TestAvailable(t *testing.T) {
	t.Parallel()
	if _, err := Defaults(); err != nil {
		t.Fatalf("defaults: %v", err)
	}
	for _, name := range notYet {
		s := Settings{sources: map[string]Source{name: Env}}
		want := "--" + name + " is not available in this release (given by env)"
		if err := s.Available(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	v := reflect.TypeFor[Settings]()
	seen := map[string]bool{}
	for i := range v.NumField() {
		group := v.Field(i)
		if !group.Anonymous {
			continue
		}
		for j := range group.Type.NumField() {
			f := group.Type.Field(j)
			name, help, check := f.Tag.Get("name"), f.Tag.Get("help"), f.Tag.Get("check")
			if seen[name] || seen[f.Name] {
				t.Errorf("--%s or field %s is there twice", name, f.Name)
			}
			seen[name], seen[f.Name] = true, true
			if name == "" || !strings.HasSuffix(help, ".") || strings.Contains(help, "\n") {
				t.Errorf("%s: name %q, help %q: needs a name and a sentence", f.Name, name, help)
			}
			if check, _, _ := strings.Cut(check, ":"); check != "" && checks[check] == nil {
				t.Errorf("--%s: there is no check %q", name, check)
			}
			_, secret := f.Tag.Lookup("secret")
			if secret && f.Tag.Get("default") != "" {
				t.Errorf("--%s: a secret has no default", name)
			}
			if secret && (j+1 == group.Type.NumField() || group.Type.Field(j+1).Tag.Get("fileof") != name) {
				t.Errorf("--%s: its file must follow it", name)
			}
			for _, role := range list(f.Tag.Get("roles")) {
				if err := checkOneOf(role, []string{"api", "projector", "relay", "push", "log"}); err != nil {
					t.Errorf("--%s: %v", name, err)
				}
			}
		}
	}
}
