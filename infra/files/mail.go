package files

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/wneessen/go-mail"

	"github.com/parleyhq/parley/commands"
)

// Mail is a folder into which letters are written, one .eml file (RFC 5322)
// each. Names sort by time: 20060102T150405.000Z-<id>.eml.
type Mail struct {
	dir, from string
	now       func() time.Time
	newID     func() uuid.UUID
}

var _ commands.Mailer = (*Mail)(nil)

// NewMail writes letters of that sender ("Parley <parley@example.org>") into
// dir. ids must rise with time (UUIDv7), so that letters of one millisecond
// keep their order. Errors: a sender that is no address.
func NewMail(dir, from string, now func() time.Time, newID func() uuid.UUID) (*Mail, error) {
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fmt.Errorf("sender of mails: %w", err)
	}
	return &Mail{dir: dir, from: from, now: now, newID: newID}, nil
}

// Send writes a letter; it is on the disk when Send returns.
func (m *Mail) Send(_ context.Context, letter commands.Mail) error {
	at, id := m.now(), m.newID()
	raw, err := Letter(m.from, letter, at, id)
	if err != nil {
		return err
	}
	name := at.UTC().Format("20060102T150405.000Z") + "-" + id.String() + ".eml"
	if err := write(filepath.Join(m.dir, name), raw, false); err != nil {
		return fmt.Errorf("write a mail: %w", err)
	}
	return nil
}

// Letter is a letter as RFC 5322 has it: plain text in UTF-8, in 8 bits, so
// that a link in a file is in one piece for whoever looks for it.
func Letter(from string, letter commands.Mail, at time.Time, id uuid.UUID) ([]byte, error) {
	msg := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.NoEncoding), mail.WithNoDefaultUserAgent())
	if err := msg.From(from); err != nil {
		return nil, fmt.Errorf("mail: sender: %w", err)
	}
	if err := msg.To(letter.To); err != nil {
		return nil, fmt.Errorf("mail: recipient: %w", err)
	}
	msg.Subject(letter.Subject)
	msg.SetDateWithValue(at)
	msg.SetMessageIDWithValue(id.String() + "@parley")
	msg.SetGenHeader(mail.HeaderXAutoResponseSuppress, "All")
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, letter.Text)
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return b.Bytes(), nil
}
