package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"github.com/parleyhq/parley/cmd/seed"
	"github.com/parleyhq/parley/cmd/settings"
)

type seedCommand struct {
	settings.Settings
	Accounts int    `default:"100" help:"People, besides the administrator."`
	Posts    int    `default:"500" help:"Posts; comments and reactions come with them."`
	Messages int    `default:"2000" help:"Messages in rooms."`
	Seed     uint64 `default:"1" help:"Another number makes up another community."`
}

// Help is the long help of the command.
func (*seedCommand) Help() string {
	return `Fills the data folder with a lively community, the same one for the same numbers, through the same commands that
people use. No server may be running on the folder, and no administrator may be in it. Everybody, "` + seed.Administrator + `"
included, signs in with the password "` + seed.Password + `", which is hashed cheaply for that reason.

Example:

    parley seed --data ./data --accounts 1000 --posts 10000 --messages 50000`
}

// Validate refuses what cannot be made up.
func (c *seedCommand) Validate() error {
	if c.Accounts < 0 || c.Posts < 0 || c.Messages < 0 {
		return errors.New("--accounts, --posts and --messages cannot be below 0")
	}
	if c.Accounts == 0 && c.Posts > 0 || c.Accounts < 2 && c.Messages > 0 {
		return errors.New("posts need somebody to write them, and messages need two")
	}
	return nil
}

// Run fills the folder.
func (c *seedCommand) Run(ctx context.Context, std streams) (err error) {
	if err := c.Available(); err != nil {
		return err
	}
	c.HashMemory, c.HashTime, c.HashThreads = 64<<10, 1, 1
	c.Captcha = "off" // nobody is here to read one
	letters := new(seed.Letters)
	commands, done, err := openCommands(ctx, c.Settings, std, letters)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	began := time.Now()
	plan := seed.New(seed.Size{Accounts: c.Accounts, Posts: c.Posts, Messages: c.Messages}, c.Seed)
	if err := seed.Fill(ctx, plan, commands, letters, newProgress(std.err)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "made %d accounts, %d posts and %d messages in %s; sign in as %q or %q with the password %q\n",
		c.Accounts, c.Posts, c.Messages, time.Since(began).Round(100*time.Millisecond), seed.Administrator, first(plan), seed.Password)
	return err
}

func first(p *seed.Plan) string {
	if len(p.People) == 0 {
		return seed.Administrator
	}
	return p.People[0].Handle
}

// plainEvery is how many of a part's things make another line where there is
// no bar.
const plainEvery = 1000

// newProgress shows a bar for each part on a terminal, and lines elsewhere.
func newProgress(out io.Writer) seed.Progress {
	f, ok := out.(interface{ Fd() uintptr })
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return func(part string, done, total int) {
			if done == total || done%plainEvery == 0 {
				_, _ = fmt.Fprintf(out, "%s: %d\n", part, done)
			}
		}
	}
	var bar *progressbar.ProgressBar
	current := ""
	return func(part string, done, total int) {
		if part != current {
			current = part
			bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(fmt.Sprintf("%-13s", part)),
				progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionOnCompletion(func() { _, _ = fmt.Fprintln(out) }))
		}
		_ = bar.Set(done)
	}
}
