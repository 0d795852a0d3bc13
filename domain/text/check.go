package text

import (
	"strings"
	"unicode/utf8"

	"github.com/parleyhq/parley/domain/fault"
)

// ErrInvalid is a text with characters that its field does not take: NUL,
// broken UTF-8, or line breaks and other controls where one line is expected.
var ErrInvalid = fault.New(fault.Invalid, "text.invalid", "Some fields hold characters that they cannot take.")

// Problems that a text can have.
const (
	Required   = "required"
	TooLong    = "too_long"
	Characters = "characters" // of ErrInvalid
)

// Check gathers the wrong fields of one request. Lengths count characters
// (Unicode code points). The zero value is ready.
type Check struct {
	fault.Checks
	characters bool
}

// Line looks at a field of one line with at most most characters.
func (c *Check) Line(field, s string, most int) {
	if strings.ContainsAny(s, "\n\r\v\f\u0085\u2028\u2029") {
		c.characters = true
		c.Add(field, Characters)
		return
	}
	c.Block(field, s, most)
}

// Block looks at a field of any number of lines.
func (c *Check) Block(field, s string, most int) {
	switch {
	case strings.ContainsRune(s, 0) || !utf8.ValidString(s):
		c.characters = true
		c.Add(field, Characters)
	case utf8.RuneCountInString(s) > most:
		c.Add(field, TooLong)
	}
}

// Need notes a field in which there is nothing but white space.
func (c *Check) Need(field, s string) {
	if strings.TrimSpace(s) == "" {
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
