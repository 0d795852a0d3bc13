package letter_test

import (
	"bytes"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/smtp/letter"
)

const from = "Parley <parley@example.org>"

// A1: a letter says what was written, in any script, however it travels.
func TestNew(t *testing.T) {
	t.Parallel()
	at, id := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), uuid.New()
	text := "Guten Tag, Jürgen\n\n日本語 – https://example.org/verify#abc=def\n.\nFrom here\n" + strings.Repeat("long ", 400) + "\n"
	for _, encoding := range []letter.Encoding{letter.Printable, letter.Whole} {
		msg, err := letter.New(from, commands.Mail{To: "jürgen@example.org", Subject: "Bestätigung 🎉", Text: text}, at, id, encoding)
		if err != nil {
			t.Fatal(err)
		}
		var raw bytes.Buffer
		if _, err := msg.WriteTo(&raw); err != nil {
			t.Fatal(err)
		}
		got, err := mail.ReadMessage(&raw)
		if err != nil {
			t.Fatal(err)
		}
		if to, err := got.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != "jürgen@example.org" {
			t.Errorf("to %v, %v", to, err)
		}
		if subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject")); err != nil || subject != "Bestätigung 🎉" {
			t.Errorf("subject %q, %v", subject, err)
		}
		if date, err := got.Header.Date(); err != nil || !date.Equal(at) {
			t.Errorf("date %v, %v", date, err)
		}
		if got.Header.Get("Message-ID") != "<"+id.String()+"@parley>" || got.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("header %v", got.Header)
		}
		body := got.Body
		if encoding == letter.Printable {
			body = quotedprintable.NewReader(body)
		}
		read, err := io.ReadAll(body)
		if err != nil || string(bytes.ReplaceAll(read, []byte("\r\n"), []byte("\n"))) != text {
			t.Errorf("text %q, %v", read, err)
		}
	}
}

// Nothing that a person typed becomes a header or a second recipient.
func TestNewRefusesInjection(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]commands.Mail{
		"header in recipient": {To: "a@example.org\r\nBcc: b@example.org", Subject: "x"},
		"two recipients":      {To: "a@example.org, b@example.org", Subject: "x"},
		"no recipient":        {Subject: "x"},
		"header in subject":   {To: "a@example.org", Subject: "x\r\nBcc: b@example.org"},
		"bare line feed":      {To: "a@example.org", Subject: "x\nBcc: b@example.org"},
		"null":                {To: "a@example.org", Subject: "x\x00"},
	} {
		if _, err := letter.New(from, m, time.Now(), uuid.New(), letter.Printable); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if letter.CheckSender("nobody") == nil || letter.CheckSender(from) != nil {
		t.Error("senders are not checked")
	}
}
