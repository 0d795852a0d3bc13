package readmodels

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/readmodels/markdown"
)

// author and owner are as in the table post; body and html are quoted. A
// deleted comment keeps its place and loses its text.
//
// thread is the comment at whose branches' root this one stands, which answers
// the post itself and has none: so the largest branches are read in order.
var commentSchema = []string{
	`CREATE TABLE IF NOT EXISTS comment (
		id text PRIMARY KEY, post text NOT NULL, parent text NOT NULL, thread text NOT NULL, author text NOT NULL, owner text NOT NULL, anonymous bigint NOT NULL,
		body text NOT NULL, html text NOT NULL, mentions text NOT NULL, deleted bigint NOT NULL, replies bigint NOT NULL,
		reactions bigint NOT NULL, created_at bigint NOT NULL, edited_at bigint NOT NULL, version text NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS comment_post ON comment (post, created_at, id)`,
	`CREATE INDEX IF NOT EXISTS comment_best ON comment (post, reactions DESC, created_at, id)`,
	`CREATE INDEX IF NOT EXISTS comment_thread ON comment (thread, created_at, id) WHERE thread <> ''`,
	`CREATE INDEX IF NOT EXISTS comment_thread_best ON comment (thread, reactions DESC, created_at, id) WHERE thread <> ''`,
	`CREATE INDEX IF NOT EXISTS comment_parent ON comment (parent) WHERE parent <> ''`,
	`CREATE INDEX IF NOT EXISTS comment_author ON comment (author, post, parent)`, // see unseenComments
}

// Comment is a comment as a viewer sees it.
type Comment struct {
	ID, Post, Parent uuid.UUID // Parent is uuid.Nil for one that answers the post
	Author           *Summary  // nil for the author of an anonymous post, and who is gone
	Body, HTML       string
	Mentions         []Summary
	CreatedAt        time.Time
	EditedAt         time.Time // zero: never
	Deleted          bool
	Replies          int // direct ones that were not deleted and that the viewer sees
	Reactions        Reactions
	Version          string // id of the newest event that changed it
	Mine             bool

	author, owner uuid.UUID
	anonymous     bool
	mentions      []uuid.UUID
	reacted       int
}

// PutComment adds a comment; a second time, nothing changes.
func PutComment(ctx context.Context, b Batch, id uuid.UUID, e comment.Published, w When) error {
	owner := e.Author
	if e.Anonymous {
		owner = e.HiddenAuthor
	}
	for _, count := range []struct {
		sql string
		of  uuid.UUID
	}{
		{`UPDATE post SET comments = comments + 1 WHERE id = ? AND NOT EXISTS (SELECT 1 FROM comment WHERE id = ?)`, e.Post},
		{`UPDATE comment SET replies = replies + 1 WHERE id = ? AND NOT EXISTS (SELECT 1 FROM comment WHERE id = ?)`, e.Parent},
	} {
		if err := b.Exec(ctx, count.sql, textID(count.of), id.String()); err != nil {
			return err
		}
	}
	err := b.Exec(ctx, `INSERT INTO comment (id, post, parent, thread, author, owner, anonymous, body, html, mentions,
			deleted, replies, reactions, created_at, edited_at, version)
		VALUES (?, ?, ?, COALESCE((SELECT CASE thread WHEN '' THEN id ELSE thread END FROM comment WHERE id = ?), ''), ?, ?, ?, ?, ?, ?,
			0, 0, 0, ?, 0, ?) ON CONFLICT DO NOTHING`,
		id.String(), e.Post.String(), textID(e.Parent), textID(e.Parent), e.Author.String(), textID(owner), flag(e.Anonymous), e.Body, markdown.HTML(e.Body),
		list(e.Mentions), millis(w.At), w.Version.String())
	if err != nil {
		return err
	}
	return warm(ctx, b, e.Post)
}

// EditComment gives a comment another text.
func EditComment(ctx context.Context, b Batch, id uuid.UUID, e comment.Edited, w When) error {
	return b.Exec(ctx, `UPDATE comment SET body = ?, html = ?, mentions = ?, edited_at = ?, version = ? WHERE id = ? AND deleted = 0`,
		e.Body, markdown.HTML(e.Body), list(e.Mentions), millis(w.At), w.Version.String(), id.String())
}

// DeleteComment empties a comment; it is no accepted answer any more. Deleted
// already, nothing changes.
func DeleteComment(ctx context.Context, b Batch, id uuid.UUID, w When) error {
	for _, sql := range []string{
		`UPDATE post SET comments = comments - 1 WHERE id = (SELECT post FROM comment WHERE id = ? AND deleted = 0)`,
		`UPDATE comment SET replies = replies - 1 WHERE id = (SELECT parent FROM comment WHERE id = ? AND deleted = 0)`,
		`UPDATE post SET answer = '' WHERE (id, answer) = (SELECT post, id FROM comment WHERE id = ?)`,
	} {
		if err := b.Exec(ctx, sql, id.String()); err != nil {
			return err
		}
	}
	err := b.Exec(ctx, `UPDATE comment SET body = '', html = '', mentions = '', deleted = 1, version = ? WHERE id = ? AND deleted = 0`,
		w.Version.String(), id.String())
	if err != nil {
		return err
	}
	return b.Exec(ctx, warmth+`(SELECT post FROM comment WHERE id = ?)`, id.String())
}

// RestoreComment gives a deleted comment its text again, and its place as the
// accepted answer where no other one has it. Not deleted, nothing changes.
func RestoreComment(ctx context.Context, b Batch, id uuid.UUID, e comment.Restored, w When) error {
	for _, sql := range []string{
		`UPDATE post SET comments = comments + 1 WHERE id = (SELECT post FROM comment WHERE id = ? AND deleted = 1)`,
		`UPDATE comment SET replies = replies + 1 WHERE id = (SELECT parent FROM comment WHERE id = ? AND deleted = 1)`,
	} {
		if err := b.Exec(ctx, sql, id.String()); err != nil {
			return err
		}
	}
	if e.Answer {
		if err := b.Exec(ctx, `UPDATE post SET answer = ? WHERE id = ? AND answer = ''`, id.String(), e.Post.String()); err != nil {
			return err
		}
	}
	err := b.Exec(ctx, `UPDATE comment SET body = ?, html = ?, mentions = ?, deleted = 0, version = ? WHERE id = ? AND deleted = 1`,
		e.Body, markdown.HTML(e.Body), list(e.Mentions), w.Version.String(), id.String())
	if err != nil {
		return err
	}
	return warm(ctx, b, e.Post)
}

const commentColumns = `m.id, m.post, m.parent, m.author, m.owner, m.anonymous, m.body, m.html, m.mentions, m.deleted, m.replies, m.reactions,
	m.created_at, m.edited_at, m.version`

func scanComment(rows Rows) (m Comment, err error) {
	var parent, owner, mentions string
	var anonymous, deleted, created, edited int64
	err = rows.Scan(&m.ID, &m.Post, &parent, &m.author, &owner, &anonymous, &m.Body, &m.HTML, &mentions, &deleted, &m.Replies, &m.reacted,
		&created, &edited, &m.Version)
	if err == nil {
		err = unlist(mentions, &m.mentions)
	}
	m.Parent, m.owner, m.anonymous, m.Deleted = idOf(parent), idOf(owner), anonymous != 0, deleted != 0
	m.CreatedAt, m.EditedAt = fromMillis(created), fromMillis(edited)
	return m, err
}

// CommentOf is one comment as viewer sees it; false where it is not there, or
// not for viewer.
func CommentOf(ctx context.Context, r Reader, viewer, id uuid.UUID) (Comment, bool, error) {
	me := textID(viewer)
	return one(comments(ctx, r, viewer, `SELECT `+commentColumns+` FROM comment m JOIN post p ON p.id = m.post WHERE m.id = ?`+
		visible("m.author")+visible("p.author"), id.String(), me, me, me, me))
}

// CommentOrder is how the comments of a post are sorted.
type CommentOrder string

// The orders. Best is by number of reactions, then oldest.
const (
	Oldest CommentOrder = "oldest"
	Newest CommentOrder = "newest"
	Best   CommentOrder = "best"
)

// CommentKey is a comment's place in a list.
type CommentKey struct {
	Reactions int       `json:"r,omitempty"` // in Best
	At        int64     `json:"a"`           // createdAt in milliseconds
	ID        uuid.UUID `json:"i"`
}

// Place is a comment's place in Comments.
func (m Comment) Place() CommentKey {
	return CommentKey{Reactions: m.reacted, At: millis(m.CreatedAt), ID: m.ID}
}

// Comments are those of a post, or the branch below parent (uuid.Nil: all); at
// most limit, those after the one given (nil: from the first). Whoever may read
// the post may ask.
func Comments(ctx context.Context, r Reader, viewer, post, parent uuid.UUID, order CommentOrder, after *CommentKey, limit int) ([]Comment, error) {
	l := commentList{viewer: textID(viewer), sql: `SELECT ` + commentColumns + ` FROM comment m WHERE m.post = ?`, args: []any{post.String()}}
	if parent != uuid.Nil {
		thread, there, err := first(ctx, r, scanText, `SELECT thread FROM comment WHERE id = ? AND post = ?`, parent.String(), post.String())
		if err != nil || !there {
			return nil, err
		}
		l.below(parent.String(), thread)
	}
	found, err := l.page(ctx, r, order, after, limit)
	if err != nil {
		return nil, err
	}
	return found, dressComments(ctx, r, viewer, found)
}

// commentList is a query for commentColumns that lacks the place where a page
// begins, and the order.
type commentList struct {
	viewer string
	sql    string
	args   []any
}

// below asks for what stands below a comment, which stands in a thread or
// roots one. A branch within a thread is gathered for each page: the first
// JOIN is CROSS so that SQLite begins with it.
func (l *commentList) below(parent, thread string) {
	if thread == "" {
		l.sql, l.args = `SELECT `+commentColumns+` FROM comment m WHERE m.thread = ? AND m.thread <> ''`, []any{parent}
		return
	}
	l.sql = `WITH RECURSIVE branch (id) AS (SELECT id FROM comment WHERE parent = ? AND parent <> ''
			UNION ALL SELECT c.id FROM comment c JOIN branch b ON c.parent = b.id AND c.parent <> '') ` + // as the index says it
		`SELECT ` + commentColumns + ` FROM branch b CROSS JOIN comment m WHERE m.id = b.id`
	l.args = []any{parent}
}

// page runs the query for one page.
func (l *commentList) page(ctx context.Context, r Reader, order CommentOrder, after *CommentKey, limit int) ([]Comment, error) {
	var k CommentKey
	if after != nil {
		k = *after
	}
	switch {
	case order == Newest:
		if after == nil {
			k = CommentKey{At: endOfTime.At, ID: endOfTime.ID}
		}
		return l.run(ctx, r, limit, ` AND (m.created_at, m.id) < (?, ?)`, ` ORDER BY m.created_at DESC, m.id DESC`, k.At, k.ID.String())
	case order != Best:
		if after == nil {
			k.At = -1
		}
		return l.run(ctx, r, limit, ` AND (m.created_at, m.id) > (?, ?)`, ` ORDER BY m.created_at, m.id`, k.At, k.ID.String())
	case after == nil:
		return l.run(ctx, r, limit, ``, bestFirst)
	}
	// those that are as good, and then the others: asked for together, all that
	// are as good would be passed on every page
	found, err := l.run(ctx, r, limit, ` AND m.reactions = ? AND (m.created_at, m.id) > (?, ?)`, ` ORDER BY m.created_at, m.id`, k.Reactions, k.At, k.ID.String())
	if err != nil || len(found) == limit {
		return found, err
	}
	others, err := l.run(ctx, r, limit-len(found), ` AND m.reactions < ?`, bestFirst, k.Reactions)
	return append(found, others...), err
}

const bestFirst = ` ORDER BY m.reactions DESC, m.created_at, m.id`

// run asks for at most limit of those that from lets in, which takes args.
func (l *commentList) run(ctx context.Context, r Reader, limit int, from, order string, args ...any) ([]Comment, error) {
	all := append(slices.Concat(l.args, args), l.viewer, l.viewer, limit)
	return collect(ctx, r, scanComment, l.sql+from+visible("m.author")+order+` LIMIT ?`, all...)
}

// comments runs a query for commentColumns and adds people and reactions.
func comments(ctx context.Context, r Reader, viewer uuid.UUID, sql string, args ...any) ([]Comment, error) {
	found, err := collect(ctx, r, scanComment, sql, args...)
	if err != nil {
		return nil, err
	}
	return found, dressComments(ctx, r, viewer, found)
}

// dressComments adds people and reactions to comments.
func dressComments(ctx context.Context, r Reader, viewer uuid.UUID, found []Comment) error {
	if len(found) == 0 {
		return nil
	}
	var people, mentions []uuid.UUID
	subjects := make([]any, len(found))
	for i, m := range found {
		subjects[i] = m.ID.String()
		if !m.anonymous {
			people = append(people, m.author)
		}
		mentions = append(mentions, m.mentions...)
	}
	a, err := lookAround(ctx, r, viewer, subjects, people, mentions)
	if err != nil {
		return err
	}
	hidden, err := unseenReplies(ctx, r, viewer, found)
	if err != nil {
		return err
	}
	for i := range found {
		m := &found[i]
		m.Replies -= hidden[m.ID.String()].comments
		m.Mine = viewer != uuid.Nil && m.owner == viewer
		m.Reactions = *a.reactions[m.ID.String()]
		m.Author = person(a.summaries, m.author)
		m.Mentions = mentioned(a.summaries, a.apart, m.mentions, &m.Body, &m.HTML)
	}
	return nil
}
