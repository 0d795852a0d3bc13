package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
)

// site is a whole server in this process, with people who are signed in. Its
// access log is written, to nowhere.
type site struct {
	app     *app.App
	engines *stack.Stack
	address string
	people  []person
	closers []func() error
}

type person struct {
	actor commands.Actor
	token string
}

const password = "correct horse battery staple"

// site starts a server in a new folder. The clocks of limits are off and
// passwords are hashed cheaply; everything else is as shipped.
func (p Plan) site(ctx context.Context, people int) (_ *site, err error) {
	dir, drop, err := p.folder()
	if err != nil {
		return nil, err
	}
	s := &site{closers: []func() error{drop}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	cfg, err := settings.Parse([]string{
		"--data", filepath.Join(dir, "data"), "--http=127.0.0.1:0", "--rate-limits=off", "--captcha=off",
		"--hash-memory=64KiB", "--hash-time=1", "--board-creation=members", "--room-members=1000",
	}, nil)
	if err != nil {
		return nil, err
	}
	log := telemetry.NewLog(io.Discard, cfg.LogLevel, cfg.LogFormat)
	engines, err := stack.Open(ctx, app.StackConfig(cfg, log, nil))
	if err != nil {
		return nil, err
	}
	s.engines = engines
	s.closers = append(s.closers, engines.Close)
	letters := &letters{}
	engines.Mail = letters
	listener, err := net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return nil, err
	}
	s.address = listener.Addr().String()
	if s.app, err = app.New(ctx, cfg, engines, "http://"+s.address, log); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- s.app.Serve(serving, listener, io.Discard) }()
	s.closers = append(s.closers, func() error { stop(); return <-served })
	if err := awaitReady(ctx, "http://"+s.address); err != nil {
		return nil, err
	}
	for i := range people {
		one, err := s.person(ctx, letters, i)
		if err != nil {
			return nil, fmt.Errorf("person %d: %w", i+1, err)
		}
		s.people = append(s.people, one)
	}
	return s, nil
}

// close stops everything, the last started first.
func (s *site) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(errs...)
}

func (s *site) person(ctx context.Context, letters *letters, i int) (person, error) {
	c := s.app.Commands()
	handle := fmt.Sprintf("somebody_%d", i+1)
	made, err := c.SignUp(ctx, commands.SignUp{Email: handle + "@example.org", Handle: handle, Password: password, DisplayName: "Somebody"})
	if err != nil {
		return person{}, err
	}
	if _, err := c.Verify(ctx, commands.Verify{Token: letters.token()}); err != nil {
		return person{}, err
	}
	in, err := c.SignIn(ctx, commands.SignIn{Login: handle, Password: password})
	return person{commands.Actor{Account: made.Account, Session: in.Session}, in.AccessToken}, err
}

// room makes a group of those people; the first one owns it.
func (s *site) room(ctx context.Context, people ...person) (uuid.UUID, error) {
	in := commands.OpenRoom{Kind: chat.Group, Name: "A room"}
	for _, p := range people[1:] {
		in.Members = append(in.Members, p.actor.Account)
	}
	opened, err := s.app.Commands().OpenRoom(ctx, people[0].actor, in)
	return opened.Room, err
}

// post makes a board and a post on it.
func (s *site) post(ctx context.Context, by person) (uuid.UUID, error) {
	board, _, err := s.app.Commands().CreateBoard(ctx, by.actor, commands.CreateBoard{Name: "A board"})
	if err != nil {
		return uuid.Nil, err
	}
	id, _, err := s.app.Commands().CreatePost(ctx, by.actor, board, commands.CreatePost{Title: "A title", Body: "A text."})
	return id, err
}

// floor serves the same router with an empty handler, until the site closes.
func (s *site) floor() (address string, err error) {
	empty, err := s.app.REST().Floor()
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := empty.HTTPServer()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.closers = append(s.closers, func() error {
		err := server.Close()
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	})
	return listener.Addr().String(), nil
}

// letters keeps the newest letter, for people who sign up one after another.
type letters struct {
	mu   sync.Mutex
	text string
}

// Send implements commands.Mailer.
func (l *letters) Send(_ context.Context, m commands.Mail) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = m.Text
	return nil
}

var link = regexp.MustCompile(`#(\S+)`)

// token is that of the link in the newest letter, or empty.
func (l *letters) token() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := link.FindStringSubmatch(l.text); found != nil {
		return found[1]
	}
	return ""
}
