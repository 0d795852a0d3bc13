package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
)

// A row is an earlier text of a post; the newest stands in the table post.
// Texts are quoted. A redacted row has lost its own.
var revisionSchema = []string{
	`CREATE TABLE IF NOT EXISTS post_revision (
		post text NOT NULL, n bigint NOT NULL, title text NOT NULL, body text NOT NULL, mentions text NOT NULL, editor text NOT NULL,
		created_at bigint NOT NULL, redacted bigint NOT NULL, PRIMARY KEY (post, n))`,
}

// newestText is what a row of post_revision would hold of a post's newest text.
const newestText = `p.revision, p.title, p.body, p.mentions, p.editor,
	CASE WHEN p.edited_at > 0 THEN p.edited_at WHEN p.published_at > 0 THEN p.published_at ELSE p.created_at END, 0`

// keepRevision keeps a post's text before another one takes its place.
func keepRevision(ctx context.Context, b Batch, id uuid.UUID) error {
	return b.Exec(ctx, `INSERT INTO post_revision (post, n, title, body, mentions, editor, created_at, redacted)
		SELECT p.id, `+newestText+` FROM post p WHERE p.id = ? ON CONFLICT DO NOTHING`, id.String())
}

// RedactRevision takes an earlier text away.
func RedactRevision(ctx context.Context, b Batch, id uuid.UUID, e post.Redacted, w When) error {
	err := b.Exec(ctx, `UPDATE post_revision SET title = '', body = '', mentions = '', redacted = 1 WHERE post = ? AND n = ?`, id.String(), e.Revision)
	if err != nil {
		return err
	}
	return b.Exec(ctx, `UPDATE post SET version = ? WHERE id = ?`, w.Version.String(), id.String())
}

// Revision is a text that a post has or had, as a viewer sees it: empty where
// it was redacted, or the post deleted.
type Revision struct {
	N           int // from 1
	Title, Body string
	Editor      *Summary // nil for an anonymous author, who is gone, and who is out of the viewer's sight
	CreatedAt   time.Time
	Redacted    bool

	editor   uuid.UUID
	mentions []uuid.UUID
}

// RevisionKey is a revision's place in the list of a post's.
type RevisionKey struct {
	N int `json:"n"`
}

// Place is the revision's place in Revisions.
func (v Revision) Place() RevisionKey { return RevisionKey{v.N} }

// Revisions are the texts of a post, the newest first; at most limit, those
// after the one given (nil: from the newest). Whoever may read the post may ask.
func Revisions(ctx context.Context, r Reader, viewer, id uuid.UUID, after *RevisionKey, limit int) ([]Revision, error) {
	before := int64(1) << 40
	if after != nil {
		before = int64(after.N)
	}
	found, err := collect(ctx, r, scanRevision, `SELECT v.n, v.title, v.body, v.mentions, v.editor, v.created_at, v.redacted, p.state
			FROM post_revision v JOIN post p ON p.id = v.post WHERE v.post = ? AND v.n < ?
		UNION ALL SELECT `+newestText+`, p.state FROM post p WHERE p.id = ? AND p.revision < ?
		ORDER BY 1 DESC LIMIT ?`, id.String(), before, id.String(), before, limit)
	if err != nil || len(found) == 0 {
		return found, err
	}
	var people []uuid.UUID
	for _, v := range found {
		people = append(append(people, v.editor), v.mentions...)
	}
	summaries, err := Summaries(ctx, r, people...)
	if err != nil {
		return nil, err
	}
	apart, err := apartFrom(ctx, r, viewer, people)
	for i := range found {
		v := &found[i]
		mentioned(summaries, nil, v.mentions, &v.Title, &v.Body)
		if !apart[v.editor] {
			v.Editor = person(summaries, v.editor)
		}
	}
	return found, err
}

func scanRevision(rows Rows) (v Revision, err error) {
	var mentions, editor string
	var created, redacted int64
	var state post.State
	err = rows.Scan(&v.N, &v.Title, &v.Body, &mentions, &editor, &created, &redacted, &state)
	if err == nil && state == post.Tombstone {
		v.Title, v.Body, mentions = "", "", ""
	}
	if err == nil {
		err = unlist(mentions, &v.mentions)
	}
	v.editor, v.CreatedAt, v.Redacted = idOf(editor), fromMillis(created), redacted != 0
	return v, err
}
