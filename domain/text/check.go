package text

import (
	"strings"
	"unicode/utf8"

	"github.com/parleyhq/parley/domain/fault"
)

// ErrInvalid is a text with characters that its field does not take: broken
// UTF-8, controls that are no white space, line breaks where one line is
// expected, and what reaches out of the text (see writable).
var ErrInvalid = fault.New(fault.Invalid, "text.invalid", "Some fields hold characters that they cannot take.")

// Problems that a text can have.
const (
	Required   = "required"
	TooLong    = "too_long"
	Characters = "characters" // of ErrInvalid
)

// Check gathers the wrong fields of one request. Lengths count what a reader
// takes for one character, see Fits. The zero value is ready.
type Check struct {
	fault.Checks
	characters bool
}

// Line looks at a field of one line with at most most characters.
func (c *Check) Line(field, s string, most int) { c.look(field, s, most, false) }

// Block looks at a field of any number of lines.
func (c *Check) Block(field, s string, most int) { c.look(field, s, most, true) }

func (c *Check) look(field, s string, most int, lines bool) {
	switch {
	case !writable(s, lines):
		c.forbid(field)
	case !Fits(s, most):
		c.Add(field, TooLong)
	}
}

// Secret looks at a password: nobody reads it, so it may hold anything that a
// text can be made of.
func (c *Check) Secret(field, s string) {
	if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
		c.forbid(field)
	}
}

func (c *Check) forbid(field string) {
	c.characters = true
	c.Add(field, Characters)
}

// Need notes a field in which there is nothing to see.
func (c *Check) Need(field, s string) {
	if !strings.ContainsFunc(s, visible) {
		c.Add(field, Required)
	}
}

// Err is nil, or a fault with everything gathered: ErrInvalid where a
// character was wrong, fault.ErrInvalid otherwise.
func (c *Check) Err() error {
	if c.characters {
		return ErrInvalid.With(c.Checks...)
	}
	return c.Checks.Err()
}
