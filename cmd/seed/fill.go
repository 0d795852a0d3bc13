package seed

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
)

// Password is what everybody in a sample signs in with, the administrator
// included.
const Password = "parley-sample-password"

// Administrator is the handle of the sample's administrator, made where the
// folder has none.
const Administrator = "sample_admin"

// ErrSeeded says that the sample's people are there already.
var ErrSeeded = errors.New("this folder holds a sample already; seed an empty one")

// atOnce is how many commands of different people run at the same time, so
// that they share what a disk can do.
const atOnce = 32

// Progress is told how far a part has come.
type Progress func(part string, done, total int)

// Letters stands in for a mail server while a sample is made: it keeps the
// newest letter of each address.
type Letters struct {
	mu   sync.Mutex
	text map[string]string
}

// Send implements commands.Mailer.
func (l *Letters) Send(_ context.Context, m commands.Mail) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == nil {
		l.text = map[string]string{}
	}
	l.text[m.To] = m.Text
	return nil
}

var link = regexp.MustCompile(`#(\S+)`)

// take gives the token of an address's letter, and forgets the letter.
func (l *Letters) take(to string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := link.FindStringSubmatch(l.text[to])
	delete(l.text, to)
	if found == nil {
		return "", fmt.Errorf("no letter with a link came to %s", to)
	}
	return found[1], nil
}

// filler carries out a plan.
type filler struct {
	plan     *Plan
	commands *commands.Commands
	letters  *Letters
	tell     Progress
	people   []commands.Actor
	boards   []uuid.UUID
}

// Fill carries out the plan through the commands, whose Mailer letters must
// be. It is not resumable: what was cut off is finished by seeding an empty
// folder again. Errors: ErrSeeded, the commands'.
func Fill(ctx context.Context, plan *Plan, c *commands.Commands, letters *Letters, tell Progress) error {
	f := &filler{plan: plan, commands: c, letters: letters, tell: tell, people: make([]commands.Actor, len(plan.People))}
	for _, part := range []func(context.Context) error{f.signUp, f.makeBoards, f.follow, f.write, f.talk} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// each runs do for 0 … n-1, some at once, and tells how far it is.
func (f *filler) each(ctx context.Context, part string, n int, do func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var mu sync.Mutex
	done := 0
	for i := range n {
		group.Go(func() error {
			if err := do(ctx, i); err != nil {
				return fmt.Errorf("%s %d: %w", part, i+1, err)
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			f.tell(part, done, n)
			return nil
		})
	}
	return group.Wait()
}

func (f *filler) signUp(ctx context.Context) error {
	return f.each(ctx, "accounts", len(f.plan.People), func(ctx context.Context, i int) error {
		p := f.plan.People[i]
		made, err := f.commands.SignUp(ctx, commands.SignUp{Email: p.Email, Handle: p.Handle, Password: Password, DisplayName: p.Name})
		if errors.Is(err, account.ErrEmailTaken) || errors.Is(err, account.ErrHandleTaken) {
			return ErrSeeded
		}
		if err != nil {
			return err
		}
		token, err := f.letters.take(p.Email)
		if err != nil {
			return err
		}
		if _, err := f.commands.Verify(ctx, commands.Verify{Token: token}); err != nil {
			return err
		}
		f.people[i] = commands.Actor{Account: made.Account}
		_, err = f.commands.ChangeProfile(acting(ctx, f.people[i]), f.people[i], commands.ChangeProfile{Bio: &p.Bio})
		return err
	})
}

// acting makes events name who they are by.
func acting(ctx context.Context, by commands.Actor) context.Context {
	return commands.WithActor(ctx, by.Account.String())
}

func (f *filler) makeBoards(ctx context.Context) error {
	admin, err := f.administrator(ctx)
	if err != nil {
		return fmt.Errorf("administrator: %w", err)
	}
	for i, b := range f.plan.Boards {
		id, _, err := f.commands.CreateBoard(acting(ctx, admin), admin, commands.CreateBoard{Name: b.Name, Description: b.Description, Rules: b.Rules})
		if err != nil {
			return fmt.Errorf("board %q: %w", b.Name, err)
		}
		f.boards = append(f.boards, id)
		f.tell("boards", i+1, len(f.plan.Boards))
	}
	return nil
}

// administrator makes one, or signs in as the one of an earlier sample.
func (f *filler) administrator(ctx context.Context) (commands.Actor, error) {
	needed, err := f.commands.NeedsSetup(ctx)
	if err != nil {
		return commands.Actor{}, err
	}
	if !needed {
		return commands.Actor{}, errors.New("there is an administrator already; seed an empty folder")
	}
	made, err := f.commands.CreateAdministrator(ctx, commands.SignUp{
		Email: Administrator + "@example.org", Handle: Administrator, Password: Password, DisplayName: "Sample Administrator",
	})
	return commands.Actor{Account: made.Account}, err
}

func (f *filler) follow(ctx context.Context) error {
	type edge struct{ a, b int }
	var people, boards []edge
	for a, b := range f.plan.Follows() {
		people = append(people, edge{a, b})
	}
	for a, b := range f.plan.BoardFollows() {
		boards = append(boards, edge{a, b})
	}
	if err := f.each(ctx, "follows", len(people), func(ctx context.Context, i int) error {
		by := f.people[people[i].a]
		_, err := f.commands.Follow(acting(ctx, by), by, f.people[people[i].b].Account, true)
		return err
	}); err != nil {
		return err
	}
	return f.each(ctx, "board follows", len(boards), func(ctx context.Context, i int) error {
		by := f.people[boards[i].a]
		_, err := f.commands.FollowBoard(acting(ctx, by), by, f.boards[boards[i].b], true)
		return err
	})
}

// write publishes one post after the other, so that their order is the plan's.
func (f *filler) write(ctx context.Context) error {
	done := 0
	for p := range f.plan.Posts() {
		if err := f.post(ctx, p); err != nil {
			return fmt.Errorf("post %d: %w", done+1, err)
		}
		done++
		f.tell("posts", done, f.plan.Size.Posts)
	}
	return nil
}

func (f *filler) post(ctx context.Context, p Post) error {
	by := f.people[p.Author]
	id, _, err := f.commands.CreatePost(acting(ctx, by), by, f.boards[p.Board], commands.CreatePost{Title: p.Title, Body: p.Body, Anonymous: p.Anonymous})
	if err != nil {
		return err
	}
	comments := make([]uuid.UUID, 0, len(p.Comments))
	for _, c := range p.Comments {
		by, parent := f.people[c.Author], uuid.Nil
		if c.Parent >= 0 {
			parent = comments[c.Parent]
		}
		comment, _, err := f.commands.AddComment(acting(ctx, by), by, id, c.Body, parent)
		if err != nil {
			return err
		}
		comments = append(comments, comment)
	}
	for _, r := range p.Reactions {
		by := f.people[r.By]
		if _, err := f.commands.ReactToPost(acting(ctx, by), by, id, r.Kind, true); err != nil {
			return err
		}
	}
	return nil
}

// talk fills rooms, many at once; each room's messages stay in order.
func (f *filler) talk(ctx context.Context) error {
	rooms := slices.Collect(f.plan.Rooms())
	var mu sync.Mutex
	sent := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, r := range rooms {
		group.Go(func() error {
			if err := f.room(ctx, r, func() {
				mu.Lock()
				defer mu.Unlock()
				sent++
				f.tell("messages", sent, f.plan.Size.Messages)
			}); err != nil {
				return fmt.Errorf("room %d: %w", i+1, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (f *filler) room(ctx context.Context, r Room, sent func()) error {
	owner := f.people[r.Members[0]]
	open := commands.OpenRoom{Kind: chat.Direct, Name: r.Name}
	if r.Name != "" {
		open.Kind = chat.Group
	}
	for _, m := range r.Members[1:] {
		open.Members = append(open.Members, f.people[m].Account)
	}
	room, err := f.commands.OpenRoom(acting(ctx, owner), owner, open)
	if err != nil {
		return err
	}
	for _, m := range r.Messages {
		by := f.people[m.Sender]
		if _, err := f.commands.SendMessage(acting(ctx, by), by, commands.SendMessage{Room: room.Room, Text: m.Text}); err != nil {
			return err
		}
		sent()
	}
	return nil
}
