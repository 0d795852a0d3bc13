package settings

import (
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Load reads the settings of `parley serve` from its arguments and from
// environ, which is in the form of os.Environ, and refuses what this release
// does not have. Every error is a *UsageError.
func Load(args, environ []string) (Settings, error) {
	s, err := Parse(args, environ)
	if err != nil {
		return Settings{}, err
	}
	return s, s.Available()
}

// Defaults is what Load makes of nothing.
func Defaults() (Settings, error) { return Load(nil, nil) }

// BeforeResolve is called by kong when the command line is read and nothing
// else: it loads the settings file that the flag or the environment names.
func (s *Settings) BeforeResolve(ctx *kong.Context, src *Sources) error {
	path := src.env[EnvName("config")]
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			path, _ = ctx.FlagValue(p.Flag).(string)
		}
	}
	if err := src.read(path); err != nil {
		return err
	}
	return src.known()
}

// AfterApply is called by kong when all values are in place: it notes their
// sources, reads secrets from their files and checks every value.
func (s *Settings) AfterApply(ctx *kong.Context, src *Sources) error {
	s.sources = map[string]Source{}
	for name, from := range src.from {
		s.sources[name] = from
	}
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved {
			s.sources[p.Flag.Name] = Flag
		}
	}
	if err := s.readSecrets(src); err != nil {
		return err
	}
	return s.check(src)
}

// readSecrets fills secrets from the files that are given for them. A secret
// and its file are two spellings of one setting: the stronger source wins,
// and one source may not use both.
func (s *Settings) readSecrets(src *Sources) error {
	all := fields(reflect.ValueOf(s).Elem())
	secrets := map[string]field{}
	for _, f := range all {
		secrets[f.name] = f
	}
	for _, f := range all {
		of, path := f.tag.Get("fileof"), f.value.String()
		if of == "" || path == "" {
			continue
		}
		level, direct := s.sources[f.name], s.sources[of]
		if level < direct {
			continue
		}
		if level == direct {
			return usagef("%s and %s are both given, keep one", src.spell(of), src.spell(f.name))
		}
		raw, err := readBounded(path)
		if err != nil {
			return usagef("%s: %v", src.spell(f.name), err)
		}
		secret := strings.TrimRight(string(raw), "\r\n")
		if secret == "" {
			return usagef("%s: %s is empty", src.spell(f.name), path)
		}
		secrets[of].value.SetString(secret)
		s.sources[of], src.from[of] = level, level
	}
	return nil
}

// Distributed tells whether a server takes the place of what is embedded.
// Kafka, S3 and SMTP may serve the embedded stack too.
func (s Settings) Distributed() bool {
	return s.EventStore != "" || s.Postgres != "" || s.Elasticsearch != "" || s.Redis != ""
}

// Has tells whether this process has the role.
func (s Settings) Has(role string) bool {
	for _, r := range s.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// Warnings are sentences about values that are allowed and unwise.
func (s Settings) Warnings() []string {
	var out []string
	if s.AccessTTL > 24*time.Hour {
		out = append(out, "--access-ttl is over 24h: a stolen access token is good for as long")
	}
	for _, name := range sortedKeys(s.OIDC) {
		if u, err := url.Parse(s.OIDC[name]); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
			out = append(out, "--oidc "+name+" has an issuer without TLS: whoever sits on the way there can sign in as anybody")
		}
	}
	return out
}
