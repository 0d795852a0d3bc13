package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
)

// commandLine is the table of contents: every command of the program.
type commandLine struct {
	Serve   serveCommand   `cmd:"" help:"Run the system, in the roles asked for."`
	Admin   adminCommand   `cmd:"" help:"Make the first administrator, give or take the role."`
	Keys    keysCommand    `cmd:"" help:"Change the key that signs access tokens."`
	Seed    seedCommand    `cmd:"" help:"Fill a folder with a lively sample community."`
	Import  importCommand  `cmd:"" help:"Bring in a community from elsewhere, from a file of JSON lines."`
	Copy    copyCommand    `cmd:"" help:"Move a community to the distributed stack."`
	Rebuild rebuildCommand `cmd:"" help:"Build a projection anew from the log, and swap."`
	Bench   benchCommand   `cmd:"" help:"Measure Parley beside programs that do the same work bare."`
	Config  configCommand  `cmd:"" help:"Show every setting, its value and where it came from."`
	Version versionCommand `cmd:"" help:"Show which release this is."`
}

const about = `Parley is a community backend: boards, posts and comments, people who follow each other, and live chat.

Every setting is a flag, an environment variable (PARLEY_ and the flag in upper snake case) and a key of the file
named by --config (TOML, spelled as the flag). A flag beats the environment, which beats the file.

Example:

    parley serve --data ./data --http 127.0.0.1:8080`

// The exit statuses of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// streams are the standard streams, bound so that commands can be tested.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	syscall.Umask(0o077) // whatever this process writes is nobody else's to read
	// The first signal asks for a graceful stop, a second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	status := run(ctx, os.Args[1:], os.Environ(), streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(status)
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args, environ []string, std streams) (status int) {
	// A bug must not print the memory of a server that holds people's words.
	defer func() {
		if bug := recover(); bug != nil {
			status = complain(std, fmt.Errorf("this is a bug of ours: %v", bug))
		}
	}()
	rest, err := interpret(ctx, args, environ, std)
	if err == nil && rest != nil {
		err = rest()
	}
	if err != nil {
		return complain(std, err)
	}
	return exitDone
}

// afterwards is what a command leaves to be done when the tables that the
// command line was read with are garbage: 3 MiB that a server need not keep.
type afterwards func() error

// interpret reads the command line and runs its command, but for what that
// leaves for later.
func interpret(ctx context.Context, args, environ []string, std streams) (rest afterwards, err error) {
	sources := settings.NewSources(environ)
	helped := false
	parser, err := kong.New(&commandLine{},
		kong.Name("parley"),
		kong.Description(about),
		kong.Writers(std.out, std.err),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.ValueFormatter(settings.Help),
		kong.Resolvers(sources),
		kong.Bind(sources, std, &rest),
		kong.BindTo(commands.WithMeta(ctx, event.Meta{Actor: event.System, Correlation: uuid.Must(uuid.NewV7()).String()}), (*context.Context)(nil)),
	)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	if err != nil {
		return nil, sources.Explain(err)
	}
	err = parsed.Run()
	return rest, err
}

// complain says what went wrong in one line, and how the process ends.
func complain(std streams, err error) int {
	_, _ = fmt.Fprintf(std.err, "parley: %s\n", strings.Join(strings.Fields(err.Error()), " "))
	var usage *settings.UsageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}
