package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/parleyhq/parley/cmd/settings"
)

type configCommand struct {
	settings.Settings
	JSON bool `name:"json" help:"One JSON array, with environment variables, defaults and help."`
}

// Help is the long help of the command.
func (*configCommand) Help() string {
	return `Takes the settings of "parley serve" and shows what it would run with: a line a setting with its name, its value
(secrets are hidden) and where that came from: flag, env, file or default.

Example:

    parley config --config parley.toml`
}

// Run shows the settings.
func (c *configCommand) Run(std streams) error {
	rows := c.Rows()
	if c.JSON {
		enc := json.NewEncoder(std.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(rows)
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		value := r.Value
		if value == "" {
			value = "-" // a column is never empty, so that programs can split the line
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", r.Name, value, r.Source); err != nil {
			return err
		}
	}
	return w.Flush()
}
