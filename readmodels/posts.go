package readmodels

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels/markdown"
)

// author is a pseudonym where the post is anonymous, and stands for it in
// every answer, count and join; owner is the account behind it, which serves
// to know one's own posts and for nothing else.
//
// hot is what boards are ranked by: see warm.
//
// post_pinned has the column that is the same in all of it, or SQLite, which
// counts what an index is asked for, would rather walk through the board.
//
// editor is who wrote the text as it is, an anonymous author's pseudonym too.
//
// title, body and html are quoted (text.Quote). A deleted post keeps its text,
// which can be restored and is shown to nobody.
var postSchema = []string{
	`CREATE TABLE IF NOT EXISTS post (
		id text PRIMARY KEY, board text NOT NULL, author text NOT NULL, owner text NOT NULL, anonymous bigint NOT NULL,
		type text NOT NULL, title text NOT NULL, body text NOT NULL, html text NOT NULL, images text NOT NULL, thumbnail text NOT NULL,
		hashtags text NOT NULL, mentions text NOT NULL, state text NOT NULL, locked bigint NOT NULL, pinned bigint NOT NULL,
		answer text NOT NULL, revision bigint NOT NULL, editor text NOT NULL, comments bigint NOT NULL,
		created_at bigint NOT NULL, edited_at bigint NOT NULL, published_at bigint NOT NULL, hot bigint NOT NULL,
		publish_at bigint NOT NULL, publish_error text NOT NULL, version text NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS post_newest ON post (published_at, id) WHERE state = 'published'`,
	`CREATE INDEX IF NOT EXISTS post_pinned ON post (board, pinned, published_at, id) WHERE state = 'published' AND pinned = 1`,
	`CREATE INDEX IF NOT EXISTS post_author ON post (author, published_at, id) WHERE state = 'published'`,
	`CREATE INDEX IF NOT EXISTS post_owner ON post (owner, created_at, id)`,
	`CREATE INDEX IF NOT EXISTS post_owner_newest ON post (owner, published_at, id) WHERE state = 'published'`,
	`CREATE INDEX IF NOT EXISTS post_due ON post (publish_at, id) WHERE state = 'scheduled'`,
	`CREATE INDEX IF NOT EXISTS post_board_newest ON post (board, published_at, id) WHERE state = 'published'`,
	`CREATE INDEX IF NOT EXISTS post_board_hot ON post (board, hot, id) WHERE state = 'published'`,
}

// Post is a post as a viewer sees it.
type Post struct {
	ID, Board   uuid.UUID
	Author      *Summary // nil when anonymous, or gone
	Anonymous   bool
	Type        post.Type
	Title, Body string
	HTML        string
	Images      []uuid.UUID
	Thumbnail   uuid.UUID // uuid.Nil: none
	Hashtags    []string
	Mentions    []Summary
	CreatedAt   time.Time
	EditedAt    time.Time // zero: never
	PublishedAt time.Time // zero: not yet
	PublishAt   time.Time // zero: no date
	Refusal     string    // slug of what kept a draft from being published when it was due, or ""
	State       post.State
	Locked      bool
	Pinned      bool
	Answer      uuid.UUID // uuid.Nil: none
	Revision    int       // of the text, from 1
	Comments    int
	Reactions   Reactions
	Version     string // id of the newest event that changed it
	Mine        bool
	Bookmarked  bool // by the viewer
	Following   bool // the viewer is told of replies

	author, owner uuid.UUID
	mentions      []uuid.UUID
	hot           int64 // milliseconds
}

// PostText is what an event says of a post.
type PostText struct {
	Board, Author, Hidden uuid.UUID // Hidden is the account behind a pseudonym, or uuid.Nil
	Anonymous             bool
	Type                  post.Type
	Title, Body           string
	Images                []uuid.UUID
	Thumbnail             uuid.UUID
	Hashtags              []string
	Mentions              []uuid.UUID
}

// PutPost adds a post or draft as a whole, or puts it in the place of the
// draft that it was. When says what changed it, and as of when.
func PutPost(ctx context.Context, b Batch, id uuid.UUID, t PostText, state post.State, publishAt time.Time, w When, f Feeds) error {
	owner := t.Author
	if t.Anonymous {
		owner = t.Hidden
	}
	published := int64(0)
	if state == post.Live {
		published = millis(w.At)
		was, _, err := first(ctx, b, scanText, `SELECT state FROM post WHERE id = ?`, id.String())
		if err != nil || was == string(post.Live) { // counted already
			return err
		}
	}
	err := b.Exec(ctx, `INSERT INTO post (id, board, author, owner, anonymous, type, title, body, html, images, thumbnail, hashtags, mentions,
			state, locked, pinned, answer, revision, editor, comments, created_at, edited_at, published_at, hot,
			publish_at, publish_error, version)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '', 1, ?, 0, ?, 0, ?, ?, ?, '', ?)
		ON CONFLICT (id) DO UPDATE SET title = excluded.title, body = excluded.body, html = excluded.html, images = excluded.images,
			thumbnail = excluded.thumbnail, hashtags = excluded.hashtags, mentions = excluded.mentions, state = excluded.state,
			published_at = excluded.published_at, hot = excluded.hot, publish_at = excluded.publish_at, publish_error = '', version = excluded.version`,
		id.String(), t.Board.String(), t.Author.String(), textID(owner), flag(t.Anonymous), string(t.Type), t.Title, t.Body,
		markdown.HTML(t.Body), list(t.Images), textID(t.Thumbnail), list(t.Hashtags), list(t.Mentions), string(state),
		t.Author.String(), millis(w.At), published, published, millis(publishAt), w.Version.String())
	if err != nil || state != post.Live {
		return err
	}
	if err := countPost(ctx, b, t.Board, t.Author, t.Anonymous, 1); err != nil {
		return err
	}
	if len(t.Hashtags) > 0 {
		if err := f.moveSums(ctx, b, published); err != nil {
			return err
		}
	}
	p := stands{board: t.Board.String(), author: t.Author.String(), owner: textID(owner), published: published}
	if err := p.putHashtags(ctx, b, id, t.Hashtags); err != nil {
		return err
	}
	return f.publish(ctx, b, p, id, t.Hashtags)
}

// When is the event that changed a thing, and its time.
type When struct {
	Version uuid.UUID
	At      time.Time
}

// countPost counts a published post for its board, and for its author unless
// it is anonymous.
func countPost(ctx context.Context, b Batch, board, author uuid.UUID, anonymous bool, by int) error {
	if err := b.Exec(ctx, `UPDATE board SET posts = posts + ? WHERE id = ?`, by, board.String()); err != nil || anonymous {
		return err
	}
	return CountPosts(ctx, b, author, by)
}

// EditPost gives a published post another text, and keeps the one before.
func EditPost(ctx context.Context, b Batch, id uuid.UUID, e post.Edited, w When) error {
	p, found, err := standingOf(ctx, b, id)
	if err != nil || !found {
		return err
	}
	if err := keepRevision(ctx, b, id); err != nil {
		return err
	}
	err = b.Exec(ctx, `UPDATE post SET title = ?, body = ?, html = ?, hashtags = ?, mentions = ?, revision = revision + 1, editor = ?, edited_at = ?,
			version = ? WHERE id = ?`, e.Title, e.Body, markdown.HTML(e.Body), list(e.Hashtags), list(e.Mentions), e.Editor.String(), millis(w.At),
		w.Version.String(), id.String())
	if err != nil || p.state != post.Live {
		return err
	}
	if err := p.dropHashtags(ctx, b, id); err != nil {
		return err
	}
	if err := p.putHashtags(ctx, b, id, e.Hashtags); err != nil {
		return err
	}
	return deliver(ctx, b, p.key(id), tagged(e.Hashtags)...)
}

// SetAnswer names the comment that answers a question, or none. One that was
// deleted while it was accepted is none.
func SetAnswer(ctx context.Context, b Batch, id, comment uuid.UUID, w When) error {
	return b.Exec(ctx, `UPDATE post SET version = ?,
			answer = CASE WHEN EXISTS (SELECT 1 FROM comment WHERE comment.id = ? AND deleted = 1) THEN '' ELSE CAST(? AS text) END
		WHERE id = ?`, w.Version.String(), textID(comment), textID(comment), id.String())
}

// list is how ids and tags stand in the tables.
func list[T any](items []T) string {
	if len(items) == 0 {
		return ""
	}
	raw, _ := json.Marshal(items) // of strings and ids: never fails
	return string(raw)
}

func unlist[T any](raw string, into *[]T) error {
	if raw == "" {
		return nil
	}
	return json.Unmarshal([]byte(raw), into)
}
