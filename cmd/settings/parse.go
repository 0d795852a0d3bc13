package settings

import "github.com/alecthomas/kong"

// Parse reads settings from flags and an environment ("NAME=value") by the
// rules of the program, for callers that are no command of it. It takes what
// this release does not have; Load refuses that.
func Parse(args, environ []string) (Settings, error) {
	var s Settings
	src := NewSources(environ)
	parser, err := kong.New(&s, kong.Name("parley"), kong.Resolvers(src), kong.Bind(src), kong.NoDefaultHelp())
	if err != nil {
		return s, err
	}
	if _, err := parser.Parse(args); err != nil {
		return s, src.Explain(err)
	}
	return s, nil
}
