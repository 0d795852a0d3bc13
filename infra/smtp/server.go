package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/wneessen/go-mail"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/smtp/letter"
)

// ServerConfig says which mail server.
type ServerConfig struct {
	// URL is smtp://user:password@host:port: encrypted where the server offers
	// STARTTLS, or not used at all without it where ?tls=required is there;
	// ?tls=off never encrypts. smtps:// encrypts from the first byte. Without a
	// port it is 587 or 465.
	URL  string
	From string // "Parley <parley@example.org>"
	Name string // what this machine calls itself; empty: its host name

	ConnectTimeout time.Duration // 5 s
	CallTimeout    time.Duration // of a whole delivery after that; 30 s

	TLS *tls.Config // nil: the system's roots
}

// ErrRefused says that the server will never take a letter: there is no such
// recipient, or it does not like what is written.
var ErrRefused = errors.New("refused")

// Server is a mail server. It keeps no connection, and may be used from any
// number of goroutines.
type Server struct {
	cfg      ServerConfig
	host     string
	port     int
	implicit bool // TLS from the first byte
	policy   mail.TLSPolicy
	user     *url.Userinfo
}

// NewServer connects to nothing yet. Errors: a sender or URL that is none,
// without its secret.
func NewServer(cfg ServerConfig) (*Server, error) {
	setDefault(&cfg.ConnectTimeout, 5*time.Second)
	setDefault(&cfg.CallTimeout, 30*time.Second)
	if err := letter.CheckSender(cfg.From); err != nil {
		return nil, err
	}
	const form = "mail server: expected smtp://user:password@host:port"
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New(form) // the cause would show the secret
	}
	s := &Server{cfg: cfg, host: u.Hostname(), port: 587, implicit: u.Scheme == "smtps", policy: mail.TLSOpportunistic, user: u.User}
	if s.implicit {
		s.port, s.policy = 465, mail.NoTLS
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New(form)
		}
	}
	for name, values := range u.Query() {
		if name != "tls" {
			return nil, fmt.Errorf("mail server: %q is no option of the address; there is tls", name)
		}
		switch value := values[0]; {
		case value == "required" && !s.implicit:
			s.policy = mail.TLSMandatory
		case value == "off" && !s.implicit:
			s.policy = mail.NoTLS
		case value != "required":
			return nil, errors.New("mail server: tls is required or off, and smtps:// always has it")
		}
	}
	return s, nil
}

// Deliver hands one letter over. Errors: ErrRefused; all others may pass. None
// holds the letter's address or text.
func (s *Server) Deliver(ctx context.Context, m commands.Mail, at time.Time, id uuid.UUID) error {
	msg, err := letter.New(s.cfg.From, m, at, id, letter.Printable)
	if err != nil {
		return fmt.Errorf("%w: it is no letter", ErrRefused)
	}
	return s.visit(ctx, func(c *mail.Client) error {
		err := c.Send(msg)
		if msg.IsDelivered() {
			return nil // what failed after that is not the letter's affair
		}
		return told(err)
	})
}

// Ping tells whether the server lets us in.
func (s *Server) Ping(ctx context.Context) error {
	return s.visit(ctx, func(*mail.Client) error { return nil })
}

// visit runs f with a connection that has said hello and who it is.
func (s *Server) visit(ctx context.Context, f func(*mail.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout+s.cfg.CallTimeout)
	defer cancel()
	// The client does not close the connection when it fails, and does not hear
	// of the context's end while it waits for an answer.
	release := func() {}
	defer func() { release() }()
	options := append(s.options(), mail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := s.dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		release = func() { stop(); _ = conn.Close() }
		return conn, nil
	}))
	client, err := mail.NewClient(s.host, options...)
	if err == nil {
		err = client.DialWithContext(ctx)
	}
	if err == nil {
		err = f(client)
	}
	if err == nil {
		_ = client.Close() // QUIT is politeness
		return nil
	}
	if over := ctx.Err(); over != nil && !errors.Is(err, over) {
		err = fmt.Errorf("%w: %w", over, err)
	}
	return fmt.Errorf("mail server %s: %w", net.JoinHostPort(s.host, strconv.Itoa(s.port)), err)
}

func (s *Server) options() []mail.Option {
	options := []mail.Option{
		mail.WithPort(s.port), mail.WithTimeout(s.cfg.CallTimeout), mail.WithTLSPolicy(s.policy), mail.WithTLSConfig(s.tls()), mail.WithoutNoop(),
	}
	if s.cfg.Name != "" {
		options = append(options, mail.WithHELO(s.cfg.Name))
	}
	password, ok := s.user.Password()
	if !ok {
		return options
	}
	options = append(options, mail.WithUsername(s.user.Username()), mail.WithPassword(password))
	switch {
	case s.implicit: // the client does not know that all is encrypted, and would not dare
		return append(options, mail.WithOpportunisticSMTPAuth(mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	case s.policy == mail.NoTLS: // the operator said so
		return append(options, mail.WithOpportunisticSMTPAuth(mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc))
	default: // a password never in the clear
		return append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover))
	}
}

func (s *Server) tls() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.cfg.TLS != nil {
		config = s.cfg.TLS.Clone()
	}
	config.ServerName = s.host
	return config
}

func (s *Server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout)
	defer cancel()
	if s.implicit {
		return (&tls.Dialer{Config: s.tls()}).DialContext(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// told says what the server answered, without the words, which may repeat the
// address. Only what it says of a recipient or a text is for ever: that it
// wants a password, or does not know our sender, somebody will put right.
func told(err error) error {
	var failure *mail.SendError
	if !errors.As(err, &failure) {
		return err
	}
	code := failure.ErrorCode()
	if code == 0 {
		return fmt.Errorf("%v: no answer", failure.Reason)
	}
	answer := strings.TrimSpace(fmt.Sprintf("%v: %d %s", failure.Reason, code, failure.EnhancedStatusCode()))
	switch failure.Reason {
	case mail.ErrSMTPRcptTo, mail.ErrSMTPData, mail.ErrSMTPDataClose:
		if code >= 500 && code != 530 { // 530: a password is wanted
			return fmt.Errorf("%w: %s", ErrRefused, answer)
		}
	}
	return errors.New(answer)
}

func setDefault[T comparable](value *T, to T) {
	if *value == *new(T) {
		*value = to
	}
}
