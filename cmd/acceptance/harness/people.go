package harness

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Password is what every made-up person uses.
const Password = "correct horse battery staple"

var people atomic.Int64

// NewHandle is a handle that nobody had before in this run of the tests.
func NewHandle(prefix string) string { return fmt.Sprintf("%s_%d", prefix, people.Add(1)) }

// Admin signs in as the first administrator, made at the first call: by the
// setup link, or on the command line where there is none.
func (s *Server) Admin() *Client {
	s.t.Helper()
	s.adminOnce.Do(func() {
		if s.Cluster != nil {
			if out, err := s.Cluster.AdminCreate("admin@example.org", "first_admin", Password); err != nil {
				s.t.Fatalf("parley admin create: %v: %s", err, out)
			}
			return
		}
		c := s.Client()
		c.Post("/v1/setup", map[string]any{
			"token": s.SetupToken(), "email": "admin@example.org", "handle": "first_admin", "password": Password,
		}).Want(201)
	})
	return s.SignIn("first_admin")
}

// SetupToken is what serve left in its data folder.
func (s *Server) SetupToken() string {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.Data, "setup-token"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// NewPerson signs up, verifies the address by the mailed link, and signs in.
func (s *Server) NewPerson(prefix string) *Client {
	s.t.Helper()
	handle := NewHandle(prefix)
	email := handle + "@example.org"
	c := s.Client()
	c.Post("/v1/accounts", map[string]any{"email": email, "handle": handle, "password": Password, "displayName": prefix}).Want(201)
	c.Put("/v1/email-verifications", map[string]any{"token": s.Mail(email).Token}).Want(204)
	in := s.SignIn(handle)
	in.Position = c.Position
	return in
}

// SignIn signs in with the common password, as a new browser.
func (s *Server) SignIn(login string) *Client {
	s.t.Helper()
	c := s.Client()
	c.SignIn(login, Password).Want(201)
	return c
}

// SignIn signs this client in, and keeps the token when that works.
func (c *Client) SignIn(login, password string) *Answer {
	c.t.Helper()
	a := c.Post("/v1/sessions", map[string]any{"login": login, "password": password})
	if a.Status == 201 {
		var in struct {
			AccessToken string
			Account     Account
		}
		a.Into(&in)
		c.Token, c.Account = in.AccessToken, in.Account
	}
	return a
}

// Letter is a mail that the server wrote to its folder.
type Letter struct {
	To, Subject, Text string
	Token             string // of the link in it
	Code              string // the six digits in it
	File              string
}

var (
	linkToken = regexp.MustCompile(`#(\S+)`)
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
)

// Mail is the newest letter to that address; it waits a moment for it.
func (s *Server) Mail(to string) Letter {
	s.t.Helper()
	var found []Letter
	s.Eventually("a mail to "+to, func() bool {
		found = s.Mails(to)
		return len(found) > 0
	})
	return found[len(found)-1]
}

// Mails are all letters to that address, oldest first.
func (s *Server) Mails(to string) []Letter {
	s.t.Helper()
	files, _ := filepath.Glob(filepath.Join(s.Data, "mail", "*.eml"))
	slices.Sort(files)
	var letters []Letter
	for _, name := range files {
		if l, ok := s.readLetter(name); ok && l.To == to {
			letters = append(letters, l)
		}
	}
	return letters
}

func (s *Server) readLetter(name string) (Letter, bool) {
	s.t.Helper()
	f, err := os.Open(name)
	if err != nil {
		return Letter{}, false
	}
	defer f.Close()
	m, err := mail.ReadMessage(bufio.NewReader(f))
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != 1 {
		s.t.Fatalf("%s: To: %v %v", name, to, err)
	}
	var body io.Reader = m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	l := Letter{To: to[0].Address, Subject: subject, Text: string(text), Code: sixDigits.FindString(string(text)), File: name}
	if match := linkToken.FindStringSubmatch(l.Text); match != nil {
		l.Token = match[1]
	}
	return l, true
}

// Patience is how long a test waits for what must happen, also on a machine
// that has much else to do.
const Patience = time.Minute

// Eventually waits for a condition, as long as Patience.
func (s *Server) Eventually(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(Patience)
	for !ok() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
