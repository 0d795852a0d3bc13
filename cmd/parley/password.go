package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/parleyhq/parley/cmd/settings"
)

// maxPasswordFile bounds what is read for a password, in bytes.
const maxPasswordFile = 4 << 10

// readPassword takes a password from a file ("-": standard input) without the
// line's end, or asks for it twice on a terminal. Errors: *settings.UsageError
// where there is neither.
func readPassword(ctx context.Context, std streams, file, of string) (string, error) {
	if file != "" {
		secret, err := passwordOf(std, file)
		if err != nil {
			return "", &settings.UsageError{Sentence: "--password-file: " + err.Error()}
		}
		return secret, nil
	}
	terminal, ok := std.in.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return "", &settings.UsageError{Sentence: "there is no terminal to ask for the password on; give --password-file"}
	}
	first, err := ask(ctx, std, int(terminal.Fd()), "Password of "+of+": ")
	if err != nil {
		return "", err
	}
	again, err := ask(ctx, std, int(terminal.Fd()), "The same again: ")
	if err == nil && first != again {
		err = errors.New("the two passwords differ")
	}
	return first, err
}

func passwordOf(std streams, file string) (string, error) {
	in := std.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxPasswordFile+1))
	secret := strings.TrimRight(string(raw), "\r\n")
	switch {
	case err != nil:
		return "", err
	case len(raw) > maxPasswordFile:
		return "", errors.New("that is larger than any password")
	case secret == "":
		return "", errors.New("it is empty")
	}
	return secret, nil
}

// ask reads a line without showing it. When ctx ends first the terminal is put
// back as it was, and what reads from it ends with the process.
func ask(ctx context.Context, std streams, terminal int, prompt string) (string, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(std.err, prompt); err != nil {
		return "", err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(terminal)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		_, _ = fmt.Fprintln(std.err) // the one that was typed was not shown
		return string(l.text), l.err
	case <-ctx.Done():
		_, _ = fmt.Fprintln(std.err)
		return "", errors.Join(errors.New("no password was given"), term.Restore(terminal, before))
	}
}
