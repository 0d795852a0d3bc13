package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mailHost is a mail server in this process. Its fields are set before it
// starts.
type mailHost struct {
	starttls, implicit bool
	auth               bool // wants user "parley" with password "pass%word"
	rcpt, data         func(try int) error
	stall              chan struct{} // nil: it answers; else: it does not until this is closed

	address string
	roots   *tls.Config

	mu      sync.Mutex
	tries   int
	secured []bool // whether each letter came encrypted
	letters []received
}

type received struct{ from, to, raw string }

func (h *mailHost) start(t *testing.T) *mailHost {
	t.Helper()
	certified := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer certified.Close()
	h.roots = certified.Client().Transport.(*http.Transport).TLSClientConfig
	s := gosmtp.NewServer(gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) {
		if h.stall != nil {
			<-h.stall
		}
		return &visit{host: h, conn: c}, nil
	}))
	s.Domain, s.AllowInsecureAuth, s.EnableSMTPUTF8 = "localhost", true, true
	s.ErrorLog = quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.address = l.Addr().String()
	if h.starttls {
		s.TLSConfig = certified.TLS
	}
	if h.implicit {
		l = tls.NewListener(l, certified.TLS)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(l) }()
	t.Cleanup(func() {
		if h.stall != nil {
			close(h.stall)
		}
		_ = s.Close()
		<-ended
	})
	return h
}

func (h *mailHost) got() []received {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]received(nil), h.letters...)
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type visit struct {
	host *mailHost
	conn *gosmtp.Conn
	in   bool
	l    received
}

func (v *visit) AuthMechanisms() []string {
	if !v.host.auth {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "parley" || password != "pass%word" {
			return gosmtp.ErrAuthFailed
		}
		v.in = true
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *gosmtp.MailOptions) error {
	if v.host.auth && !v.in {
		return gosmtp.ErrAuthRequired
	}
	v.l.from = from
	return nil
}

func (v *visit) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	v.l.to = to
	v.host.mu.Lock()
	v.host.tries++
	try := v.host.tries
	v.host.mu.Unlock()
	if v.host.rcpt != nil {
		return v.host.rcpt(try)
	}
	return nil
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.host.mu.Lock()
	defer v.host.mu.Unlock()
	if v.host.data != nil {
		if err := v.host.data(v.host.tries); err != nil {
			return err
		}
	}
	v.l.raw = string(raw)
	_, secured := v.conn.TLSConnectionState()
	v.host.letters, v.host.secured = append(v.host.letters, v.l), append(v.host.secured, secured)
	return nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

func answer(code int) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{code / 100, 1, 1}, Message: "about reader@example.org, no"}
}

var hello = commands.Mail{To: "reader@example.org", Subject: "Grüße", Text: "Your code is 123456\n"}

func newServer(t *testing.T, cfg smtp.ServerConfig) *smtp.Server {
	t.Helper()
	cfg.From = "Parley <parley@example.org>"
	s, err := smtp.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func deliver(s *smtp.Server, id uuid.UUID) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.Deliver(ctx, hello, time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), id)
}

// A1: letters arrive, encrypted and with a password wherever that is asked for.
func TestDeliver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host    *mailHost
		url     string // without the address
		query   string
		secured bool
		fails   string
	}{
		"plain":                      {url: "smtp://"},
		"STARTTLS where there is":    {host: &mailHost{starttls: true}, url: "smtp://", secured: true},
		"STARTTLS required":          {host: &mailHost{starttls: true}, url: "smtp://", query: "?tls=required", secured: true},
		"STARTTLS missing":           {url: "smtp://", query: "?tls=required", fails: "does not support STARTTLS"},
		"never encrypted":            {host: &mailHost{starttls: true}, url: "smtp://", query: "?tls=off"},
		"implicit":                   {host: &mailHost{implicit: true}, url: "smtps://", secured: true},
		"password over STARTTLS":     {host: &mailHost{starttls: true, auth: true}, url: "smtp://parley:pass%25word@", secured: true},
		"password over implicit TLS": {host: &mailHost{implicit: true, auth: true}, url: "smtps://parley:pass%25word@", secured: true},
		"password in the clear":      {host: &mailHost{auth: true}, url: "smtp://parley:pass%25word@", fails: "auth"},
		"the same, as told":          {host: &mailHost{auth: true}, url: "smtp://parley:pass%25word@", query: "?tls=off"},
		"wrong password":             {host: &mailHost{starttls: true, auth: true}, url: "smtp://parley:wrong@", fails: "AUTH"},
		"no password":                {host: &mailHost{starttls: true, auth: true}, url: "smtp://", fails: "502"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.host == nil {
				c.host = &mailHost{}
			}
			h := c.host.start(t)
			id := uuid.New()
			s := newServer(t, smtp.ServerConfig{URL: c.url + h.address + c.query, TLS: h.roots})
			err := deliver(s, id)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || !strings.Contains(err.Error(), "mail server "+h.address) || errors.Is(err, smtp.ErrRefused) || strings.Contains(err.Error(), "pass%") {
					t.Errorf("%v, want %s", err, c.fails)
				}
				return
			}
			if err != nil || len(h.got()) != 1 || h.secured[0] != c.secured {
				t.Fatalf("%v, %v, encrypted %v", err, h.got(), h.secured)
			}
			checkReceived(t, h.got()[0], id)
			if err := s.Ping(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

func checkReceived(t *testing.T, l received, id uuid.UUID) {
	t.Helper()
	msg, err := mail.ReadMessage(strings.NewReader(l.raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(msg.Body)
	if err != nil || string(text) != "Your code is 123456\r\n" || l.from != "parley@example.org" || l.to != hello.To {
		t.Errorf("%+v, %v", l, err)
	}
	if msg.Header.Get("Message-ID") != "<"+id.String()+"@parley>" {
		t.Errorf("header %v", msg.Header)
	}
}

// A1: what the server says of a letter is told as passing or for ever, and
// never with the address.
func TestDeliverRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host    *mailHost
		refused bool
		says    string
	}{
		"unknown recipient": {host: &mailHost{rcpt: func(int) error { return answer(550) }}, refused: true, says: "550 5.1.1"},
		"grey-listed":       {host: &mailHost{rcpt: func(int) error { return answer(450) }}, says: "450 4.1.1"},
		"text refused":      {host: &mailHost{data: func(int) error { return answer(554) }}, refused: true, says: "554"},
		"disk full":         {host: &mailHost{data: func(int) error { return answer(452) }}, says: "452"},
		"password wanted":   {host: &mailHost{rcpt: func(int) error { return answer(530) }}, says: "530"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := c.host.start(t)
			err := deliver(newServer(t, smtp.ServerConfig{URL: "smtp://" + h.address}), uuid.New())
			if err == nil || errors.Is(err, smtp.ErrRefused) != c.refused || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "reader@") {
				t.Errorf("%v", err)
			}
		})
	}
	s := newServer(t, smtp.ServerConfig{URL: "smtp://127.0.0.1:1"})
	err := s.Deliver(context.Background(), commands.Mail{To: "a@example.org\r\nBcc: b@example.org"}, time.Now(), uuid.New())
	if !errors.Is(err, smtp.ErrRefused) || strings.Contains(err.Error(), "example.org") {
		t.Errorf("a header in the address: %v", err)
	}
	if err := deliver(s, uuid.New()); err == nil || errors.Is(err, smtp.ErrRefused) {
		t.Errorf("away: %v", err)
	}
}

// A server that says nothing holds nobody for longer than was said, and not
// at all once the context ends.
func TestDeliverStalled(t *testing.T) {
	t.Parallel()
	h := (&mailHost{stall: make(chan struct{})}).start(t)
	s := newServer(t, smtp.ServerConfig{URL: "smtp://" + h.address, CallTimeout: 100 * time.Millisecond})
	if err := deliver(s, uuid.New()); err == nil || errors.Is(err, smtp.ErrRefused) {
		t.Errorf("%v", err)
	}
	s = newServer(t, smtp.ServerConfig{URL: "smtp://" + h.address, CallTimeout: time.Hour})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := s.Deliver(ctx, hello, time.Now(), uuid.New()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// An address that is wrong is refused in words, without its secret.
func TestServerAddress(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "host:25", "http://u:sEcret@host", "smtp://", "smtp://u:sEcret@host/path", "smtp://u:sEcret@host:99999", "smtp://u:sEcret@host:0",
		"smtp://u:sEcret@host?tls=perhaps", "smtps://u:sEcret@host?tls=off", "smtp://u:sEcret@host?colour=blue", "smtp://u:sEcret%@host",
	} {
		if _, err := smtp.NewServer(smtp.ServerConfig{URL: url, From: "a@example.org"}); err == nil || strings.Contains(err.Error(), "sEcret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := smtp.NewServer(smtp.ServerConfig{URL: "smtp://host", From: "nobody"}); err == nil {
		t.Error("a sender that is no address was taken")
	}
}
