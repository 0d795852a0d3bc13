package letter

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/wneessen/go-mail"

	"github.com/parleyhq/parley/commands"
)

// Encoding is how the text travels.
type Encoding int

const (
	// Printable is quoted-printable: every mail server passes it on.
	Printable Encoding = iota
	// Whole leaves the text as it is, in 8 bits, so that a link is in one piece
	// for whoever looks for it in a file.
	Whole
)

// CheckSender tells whether from ("Parley <parley@example.org>") can be the
// sender of letters.
func CheckSender(from string) error {
	if err := mail.NewMsg().From(from); err != nil {
		return fmt.Errorf("sender of mails: %w", err)
	}
	return nil
}

// New makes a letter of plain text in UTF-8. Its Message-ID derives from id
// alone: a letter that is delivered twice can be told to be one. Errors: a
// sender or recipient that is no single address, a subject of several lines.
func New(from string, m commands.Mail, at time.Time, id uuid.UUID, encoding Encoding) (*mail.Msg, error) {
	as := mail.EncodingQP
	if encoding == Whole {
		as = mail.NoEncoding
	}
	msg := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(as), mail.WithNoDefaultUserAgent())
	if err := msg.From(from); err != nil {
		return nil, fmt.Errorf("mail: sender: %w", err)
	}
	if err := msg.To(m.To); err != nil {
		return nil, fmt.Errorf("mail: recipient: %w", err)
	}
	if strings.ContainsFunc(m.Subject, unicode.IsControl) {
		return nil, errors.New("mail: subject: a control character")
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(at)
	msg.SetMessageIDWithValue(id.String() + "@parley")
	msg.SetGenHeader(mail.HeaderXAutoResponseSuppress, "All")
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: do not answer
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	return msg, nil
}
