package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/parleyhq/parley/cmd/settings"
)

const configurationIntro = `
# Configuration

` + "`parley serve`" + ` needs no argument. Every setting is a flag, an environment variable and a key of the file that
` + "`--config`" + ` names (TOML; keys are spelled as the flags). A flag beats the environment, which beats the file, which beats
the default; ` + "`parley config`" + ` shows every value and where it came from.

- Unknown flags, keys and ` + "`PARLEY_`" + ` variables refuse to start, with exit status 2. Variables that begin with
  ` + "`PARLEY_TEST_`" + ` belong to tests, and those that Kubernetes adds for a service named parley are left alone. An empty
  variable counts as absent.
- Secrets are never shown. Each can come from a file instead: ` + "`--postgres-file`, `PARLEY_POSTGRES_FILE`, `postgres-file`" + `.
  One source may not give both.
- Durations are written ` + "`300ms`, `10s`, `15m`, `480h`" + `; sizes ` + "`512B`, `64KiB`, `5MiB`" + `; rates ` + "`30/1m`" + `. Lists are separated by
  commas (in TOML they may be lists), pairs by semicolons (in TOML they may be tables).
- *Soon* marks settings whose feature is not in this release: ` + "`parley serve`" + ` refuses them rather than ignore them.
`

// configuration writes a table a group of settings.
func configuration(b *bytes.Buffer, _ string) error {
	defaults, err := settings.Defaults()
	if err != nil {
		return err
	}
	b.WriteString(configurationIntro)
	group := ""
	for _, r := range defaults.Rows() {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(b, "\n## %s\n\n| flag | environment | default | read by | |\n|---|---|---|---|---|\n", group)
		}
		roles := "all"
		if len(r.Roles) > 0 {
			roles = strings.Join(r.Roles, ", ")
		}
		value := "—"
		if r.Default != "" {
			value = "`" + r.Default + "`"
		}
		fmt.Fprintf(b, "| `--%s` | `%s` | %s | %s | %s |\n", r.Name, r.Env, value, roles, describe(r))
	}
	return nil
}

func describe(r settings.Row) string {
	s := strings.ReplaceAll(r.Help, "|", `\|`)
	if r.Zero != "" {
		s += " 0 is " + r.Zero + "."
	}
	if len(r.OneOf) > 0 {
		s += " One of `" + strings.Join(r.OneOf, "`, `") + "`."
	}
	if r.Max != "" {
		s += " At most " + r.Max + "."
	}
	if r.Secret {
		s += " Secret."
	}
	if !r.Available {
		s += " *Soon.*"
	}
	return s
}
