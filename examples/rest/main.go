package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// Only the fields that are used here; answers have more, and will get more.
type (
	Account struct{ ID, Handle, DisplayName string }
	Board   struct {
		ID, Name  string
		Followers int
	}
	Post struct {
		ID, Title string
		Author    *Account // null where the post is anonymous
		Comments  int
		Reactions map[string]int
	}
	Hit struct {
		Kind       string
		Post       *Post
		Account    *Account
		Highlights map[string][]string // HTML, what was looked for in <mark>
	}
)

func main() {
	server := flag.String("server", "http://127.0.0.1:8080", "where Parley listens")
	login := flag.String("login", "visitor", "handle; signed up if there is nobody of that name")
	flag.Parse()
	password := os.Getenv("PARLEY_PASSWORD") // command lines can be read by others
	if password == "" {
		password = "just looking around"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	v := visit{Client: &Client{Base: strings.TrimRight(*server, "/")}, out: os.Stdout}
	if err := v.run(ctx, *login, password); err != nil {
		fmt.Fprintln(os.Stderr, "rest:", err)
		stop()
		os.Exit(1)
	}
}

// visit is one walk through the community.
type visit struct {
	*Client
	out io.Writer
}

func (v visit) run(ctx context.Context, login, password string) error {
	me, err := v.enter(ctx, login, password)
	if err != nil {
		return err
	}
	v.say("signed in as @%s", me.Handle)
	coffee, err := v.board(ctx, "Coffee")
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, Board) error{v.follow, v.feed, v.search, v.write, v.fail} {
		if err := step(ctx, coffee); err != nil {
			return err
		}
	}
	return v.SignOut(ctx)
}

func (v visit) say(format string, args ...any) { fmt.Fprintf(v.out, format+"\n", args...) }

// enter signs in, and signs up first where that fails. Nobody is told whether
// the name or the password was wrong, so signing up finds it out.
func (v visit) enter(ctx context.Context, login, password string) (Account, error) {
	me, err := v.SignIn(ctx, login, password)
	if !is(err, "session.bad_credentials") {
		return me, err
	}
	err = v.Call(ctx, http.MethodPost, "/v1/accounts", map[string]string{
		"handle": login, "email": login + "@example.org", "password": password,
	}, nil)
	if is(err, "account.handle_taken") || is(err, "account.email_taken") { // there are details for both
		return me, fmt.Errorf("@%s is somebody with another password: set PARLEY_PASSWORD or -login", login)
	}
	if err != nil {
		return me, err
	}
	return v.SignIn(ctx, login, password)
}

// board looks for a board by its name, in as few pages as it takes.
func (v visit) board(ctx context.Context, name string) (Board, error) {
	for boards, err := range Pages[Board](ctx, v.Client, "/v1/boards", url.Values{"limit": {"5"}}) {
		if err != nil {
			return Board{}, err
		}
		if i := slices.IndexFunc(boards, func(b Board) bool { return b.Name == name }); i >= 0 {
			return boards[i], nil
		}
	}
	return Board{}, fmt.Errorf("there is no board %s: fill the server with `make sample` first", name)
}

// follow follows two people, a board and a hashtag. A PUT or DELETE of a
// relation does no harm when it is repeated.
func (v visit) follow(ctx context.Context, coffee Board) error {
	for _, handle := range []string{"mei", "kenji"} {
		var them Account
		if err := v.Call(ctx, http.MethodGet, "/v1/accounts/@"+handle, nil, &them); err != nil {
			return err
		}
		if err := v.Call(ctx, http.MethodPut, "/v1/accounts/"+them.ID+"/follow", nil, nil); err != nil {
			return err
		}
		v.say("following %s", them.DisplayName)
	}
	if err := v.Call(ctx, http.MethodPut, "/v1/boards/"+coffee.ID+"/follow", nil, nil); err != nil {
		return err
	}
	v.say("following the board %s", coffee.Name)
	tag := "台北"
	if err := v.Call(ctx, http.MethodPut, "/v1/hashtags/"+url.PathEscape(tag)+"/follow", nil, nil); err != nil {
		return err
	}
	v.say("following #%s", tag)
	return nil
}

// feed reads the first pages of what they follow, newest first.
func (v visit) feed(ctx context.Context, _ Board) error {
	const pages = 3
	read := 0
	for posts, err := range Pages[Post](ctx, v.Client, "/v1/feed", url.Values{"limit": {"5"}}) {
		if err != nil {
			return err
		}
		read++
		v.say("\nfeed, page %d", read)
		for _, p := range posts {
			by := "somebody"
			if p.Author != nil {
				by = p.Author.DisplayName
			}
			v.say("  %s (%s)", p.Title, by)
		}
		if read == pages {
			break
		}
	}
	return nil
}

// search asks in three languages. Highlights are HTML made safe by the server:
// a page shows them as they are, a terminal turns them into text.
func (v visit) search(ctx context.Context, _ Board) error {
	plain := strings.NewReplacer("<mark>", "«", "</mark>", "»")
	for _, words := range []string{"台北 咖啡", "ラーメン", "guitar chords"} {
		v.say("\nsearch for %s", words)
		query := url.Values{"q": {words}, "limit": {"3"}}
		var found struct{ Items []Hit }
		if err := v.Call(ctx, http.MethodGet, "/v1/search?"+query.Encode(), nil, &found); err != nil {
			return err
		}
		for _, hit := range found.Items {
			v.say("  %s", hit.Post.Title)
			for _, field := range []string{"title", "body"} {
				for _, part := range hit.Highlights[field] {
					v.say("    %s: %s", field, html.UnescapeString(plain.Replace(part)))
				}
			}
		}
	}
	return nil
}

// write publishes, comments and reacts, and reads all of it at once: each
// answer brought a position, and each read carried it (see Client.try). That
// goes for the index too.
func (v visit) write(ctx context.Context, coffee Board) error {
	var post Post
	err := v.Call(ctx, http.MethodPost, "/v1/boards/"+coffee.ID+"/posts", map[string]any{
		"title": "Greetings from the command line",
		"body":  "A pot of **filter coffee**, and a client of a few hundred lines. #coffee",
	}, &post)
	if err != nil {
		return err
	}
	if err := v.Call(ctx, http.MethodPost, "/v1/posts/"+post.ID+"/comments", map[string]any{"body": "First! いただきます。"}, nil); err != nil {
		return err
	}
	if err := v.Call(ctx, http.MethodPut, "/v1/posts/"+post.ID+"/reactions/like", nil, nil); err != nil {
		return err
	}
	if err := v.Call(ctx, http.MethodGet, "/v1/posts/"+post.ID, nil, &post); err != nil {
		return err
	}
	v.say("\npublished %q: %d comment, %d like", post.Title, post.Comments, post.Reactions["like"])

	var found struct{ Items []Hit }
	query := url.Values{"q": {"greetings command line"}, "sort": {"newest"}, "limit": {"1"}}
	if err := v.Call(ctx, http.MethodGet, "/v1/search?"+query.Encode(), nil, &found); err != nil {
		return err
	}
	if len(found.Items) == 0 || found.Items[0].Post.ID != post.ID {
		return errors.New("my own post was not found")
	}
	v.say("found it by searching")
	return nil
}

// fail shows an error: a slug to tell it by, and every field that is wrong.
func (v visit) fail(ctx context.Context, coffee Board) error {
	err := v.Call(ctx, http.MethodPost, "/v1/boards/"+coffee.ID+"/posts", map[string]any{"title": "", "body": ""}, nil)
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity {
		return fmt.Errorf("a post without title and body was not refused: %w", err)
	}
	v.say("\nrefused, as it should be: %s (%s)", refused.Message, refused.Slug)
	for _, d := range refused.Details {
		v.say("  %s: %s", d.Field, d.Problem)
	}
	return nil
}
