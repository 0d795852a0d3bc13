package settings

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Help is kong's text of a flag: its help, its environment variable, and
// whether this release has it. Flags outside the table keep their own help.
func Help(v *kong.Value) string {
	if v.Flag == nil || !slices.Contains(names(), v.Name) {
		return v.Help
	}
	s := strings.TrimSuffix(v.Help, ".") + " ($" + EnvName(v.Name) + ")."
	if isNotYet(v.Name) {
		s += " Not available in this release."
	}
	return s
}
