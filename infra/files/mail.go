package files

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/smtp/letter"
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
	if err := letter.CheckSender(from); err != nil {
		return nil, err
	}
	return &Mail{dir: dir, from: from, now: now, newID: newID}, nil
}

// Send writes a letter; it is on the disk when Send returns.
func (m *Mail) Send(_ context.Context, what commands.Mail) error {
	at, id := m.now(), m.newID()
	msg, err := letter.New(m.from, what, at, id, letter.Whole)
	if err != nil {
		return err
	}
	name := at.UTC().Format("20060102T150405.000Z") + "-" + id.String() + ".eml"
	content := func(w io.Writer) error { _, err := msg.WriteTo(w); return err }
	if err := write(filepath.Join(m.dir, name), content, false); err != nil {
		return fmt.Errorf("write a mail: %w", err)
	}
	return nil
}
