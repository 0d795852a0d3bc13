package settings

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pelletier/go-toml/v2"
)

// Most bytes of a settings file or of a secret's file.
const maxFile = 1 << 20

// UsageError is a wrong use of the program: a setting that is unknown, wrong
// or not available. Its text is one sentence; the exit status is 2.
type UsageError struct{ Sentence string }

// Error is the sentence.
func (e *UsageError) Error() string { return e.Sentence }

func usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// Sources gives kong what the environment and the settings file say, and
// remembers which of them spoke. One serves one parse.
type Sources struct {
	env  map[string]string
	path string            // of the settings file, for sentences
	file map[string]string // by key
	from map[string]Source // what was resolved here, by flag
}

// NewSources reads the variables that begin with PARLEY_ from environ, which
// is in the form of os.Environ. An empty variable counts as absent.
func NewSources(environ []string) *Sources {
	s := &Sources{env: map[string]string{}, file: map[string]string{}, from: map[string]Source{}}
	kubernetes := slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, "KUBERNETES_SERVICE_HOST=") })
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case !strings.HasPrefix(name, "PARLEY_"), strings.HasPrefix(name, "PARLEY_TEST_"), value == "":
		case kubernetes && serviceLink.MatchString(name):
		default:
			s.env[name] = value
		}
	}
	return s
}

// serviceLink matches what Kubernetes adds to every pod beside a service
// whose name begins with parley: PARLEY_SERVICE_HOST, PARLEY_PORT_80_TCP.
var serviceLink = regexp.MustCompile(`^PARLEY_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// Validate is part of kong.Resolver; Settings does its checks itself.
func (s *Sources) Validate(*kong.Application) error { return nil }

// Resolve gives kong the value of a flag that the command line left out.
func (s *Sources) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if v, ok := s.env[EnvName(flag.Name)]; ok {
		s.from[flag.Name] = Env
		return v, nil
	}
	if v, ok := s.file[flag.Name]; ok {
		s.from[flag.Name] = File
		return v, nil
	}
	return nil, nil
}

// Explain turns a parse error into one that names a setting as its source
// spells it: kong names the flag even where the environment was wrong.
func (s *Sources) Explain(err error) error {
	var usage *UsageError
	if errors.As(err, &usage) {
		return usage
	}
	sentence := err.Error()
	for name := range s.from {
		if rest, ok := strings.CutPrefix(sentence, "--"+name+": "); ok {
			sentence = s.spell(name) + ": " + rest
			break
		}
	}
	return &UsageError{sentence}
}

// spell is a setting as the source of its value spells it.
func (s *Sources) spell(name string) string {
	switch s.from[name] {
	case Env:
		return EnvName(name)
	case File:
		return s.path + ": " + name
	default:
		return "--" + name
	}
}

// read loads the settings file at path; none is fine.
func (s *Sources) read(path string) error {
	if path == "" {
		return nil
	}
	s.path = path
	raw, err := readBounded(path)
	if err != nil {
		return usagef("--config: %v", err)
	}
	var tree map[string]any
	if err := toml.Unmarshal(raw, &tree); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, column := at.Position()
			return usagef("%s:%d:%d: not valid TOML", path, row, column)
		}
		return usagef("%s: not valid TOML: %v", path, err)
	}
	for key, value := range tree {
		flat, err := flatten(value)
		if err != nil {
			return usagef("%s: %s: %v", path, key, err)
		}
		s.file[key] = flat
	}
	return nil
}

// known refuses variables and keys that name no setting.
func (s *Sources) known() error {
	all := names()
	envs := make(map[string]string, len(all))
	for _, name := range all {
		envs[EnvName(name)] = name
	}
	for _, v := range sortedKeys(s.env) {
		if _, ok := envs[v]; !ok {
			return usagef("unknown environment variable %s%s", v, didYouMean(v, sortedKeys(envs)))
		}
	}
	for _, key := range sortedKeys(s.file) {
		if key == "config" {
			return usagef("%s: config cannot be a key of the file itself", s.path)
		}
		if !slices.Contains(all, key) {
			return usagef("%s: unknown key %q%s", s.path, key, didYouMean(key, all))
		}
	}
	return nil
}

// flatten writes a TOML value as a flag would be written: lists with commas,
// tables with semicolons.
func flatten(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			part, err := flatten(item)
			if err != nil {
				return "", err
			}
			parts[i] = strings.ReplaceAll(part, ",", `\,`)
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, k := range sortedKeys(v) {
			part, err := flatten(v[k])
			if err != nil {
				return "", err
			}
			parts = append(parts, k+"="+strings.ReplaceAll(part, ";", `\;`))
		}
		return strings.Join(parts, ";"), nil
	}
	return "", fmt.Errorf("expected a text, a number, true or false, a list or a table")
}

// readBounded reads a small file, and says what is wrong without its path
// twice.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", path)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is larger than %s", path, Bytes(maxFile))
	}
	return os.ReadFile(path)
}
