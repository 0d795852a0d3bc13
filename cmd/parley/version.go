package main

import (
	"fmt"
	"runtime"

	"github.com/parleyhq/parley/cmd/app"
)

type versionCommand struct{}

// Help is the long help of the command.
func (*versionCommand) Help() string {
	return `Example:

    parley version`
}

// Run shows the release, the compiler and the platform.
func (*versionCommand) Run(std streams) error {
	_, err := fmt.Fprintf(std.out, "parley %s (%s, %s/%s)\n", app.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
