package readmodels

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// A row of post_hashtag stands for a published post. Its author is a pseudonym
// where the post is anonymous, so that counting people tells of nobody.
var hashtagSchema = slices.Concat(followedTags.schema(
	`CREATE TABLE IF NOT EXISTS hashtag_follow (account text NOT NULL, tag text NOT NULL, merged bigint NOT NULL, PRIMARY KEY (account, tag))`),
	[]string{
		`CREATE TABLE IF NOT EXISTS post_hashtag (
			tag text NOT NULL, post text NOT NULL, author text NOT NULL, published_at bigint NOT NULL, PRIMARY KEY (tag, post))`,
		`CREATE INDEX IF NOT EXISTS post_hashtag_post ON post_hashtag (post)`,
		`CREATE INDEX IF NOT EXISTS post_hashtag_newest ON post_hashtag (tag, published_at, post)`,
		`CREATE TABLE IF NOT EXISTS hashtag (tag text PRIMARY KEY, posts bigint NOT NULL)`,
	}, trendSchema, boardHashtagSchema)

// Hashtag is a hashtag as a viewer sees it.
type Hashtag struct {
	Tag       string
	Posts     int // published ones
	Following bool

	People, Recent int // in a trend: different authors, and posts
}

// PutHashtagFollow lets an account follow a hashtag.
func PutHashtagFollow(ctx context.Context, b Batch, account uuid.UUID, tag string, f Feeds) error {
	_, err := f.begin(ctx, b, followedTags, account.String(), tag)
	return err
}

// DropHashtagFollow takes that back.
func DropHashtagFollow(ctx context.Context, b Batch, account uuid.UUID, tag string) error {
	return b.Exec(ctx, `DELETE FROM hashtag_follow WHERE account = ? AND tag = ?`, account.String(), tag)
}

// putHashtags puts a post, which had none, into the pages of these hashtags.
func (p stands) putHashtags(ctx context.Context, b Batch, id uuid.UUID, tags []string) error {
	if len(tags) == 0 {
		return nil
	}
	for _, tag := range tags {
		err := b.Exec(ctx, `INSERT INTO hashtag (tag, posts) VALUES (?, 1)
			ON CONFLICT (tag) DO UPDATE SET posts = hashtag.posts + 1`, tag)
		if err != nil {
			return err
		}
		err = b.Exec(ctx, `INSERT INTO post_hashtag (tag, post, author, published_at) VALUES (?, ?, ?, ?)`,
			tag, id.String(), p.author, p.published)
		if err != nil {
			return err
		}
	}
	if err := p.countUse(ctx, b, id, 1); err != nil {
		return err
	}
	return p.countHashtags(ctx, b, id, 1)
}

// dropHashtags takes the post out of the pages of its hashtags.
func (p stands) dropHashtags(ctx context.Context, b Batch, id uuid.UUID) error {
	if err := p.countHashtags(ctx, b, id, -1); err != nil {
		return err
	}
	if err := p.countUse(ctx, b, id, -1); err != nil {
		return err
	}
	err := b.Exec(ctx, `UPDATE hashtag SET posts = posts - 1 WHERE tag IN (SELECT tag FROM post_hashtag WHERE post = ?)`, id.String())
	if err != nil {
		return err
	}
	return b.Exec(ctx, `DELETE FROM post_hashtag WHERE post = ?`, id.String())
}

// HashtagOf is the page of a folded tag, which nobody need have used.
func HashtagOf(ctx context.Context, r Reader, viewer uuid.UUID, tag string) (Hashtag, error) {
	x, _, err := first(ctx, r, func(rows Rows) (x Hashtag, err error) {
		var following int64
		err = rows.Scan(&x.Posts, &following)
		x.Following = following != 0
		return x, err
	}, `SELECT COALESCE((SELECT posts FROM hashtag WHERE tag = ?), 0),
		(SELECT count(*) FROM hashtag_follow WHERE account = ? AND tag = ?)`, tag, textID(viewer), tag)
	x.Tag = tag
	return x, err
}

func scanHashtag(rows Rows) (x Hashtag, err error) {
	var following int64
	err = rows.Scan(&x.Tag, &x.Posts, &following)
	x.Following = following != 0
	return x, err
}

const hashtagColumns = `h.tag, h.posts, (SELECT count(*) FROM hashtag_follow f WHERE f.account = ? AND f.tag = h.tag)`

// HashtagsUsed are those of some folded tags that published posts have, in no
// order: what search found.
func HashtagsUsed(ctx context.Context, r Reader, viewer uuid.UUID, tags []string) ([]Hashtag, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	args := []any{textID(viewer)}
	for _, tag := range tags {
		args = append(args, tag)
	}
	return collect(ctx, r, scanHashtag, `SELECT `+hashtagColumns+` FROM hashtag h WHERE h.posts > 0 AND h.tag IN (`+marks(len(tags))+`)`, args...)
}

// HashtagsFrom are the most used of the hashtags that begin with a folded
// text, at most limit.
func HashtagsFrom(ctx context.Context, r Reader, viewer uuid.UUID, beginning string, limit int) ([]Hashtag, error) {
	return collect(ctx, r, scanHashtag, `SELECT `+hashtagColumns+` FROM (
			SELECT tag, posts FROM hashtag WHERE tag >= ? AND tag < ? AND posts > 0 ORDER BY tag LIMIT ?) AS h
		ORDER BY CASE WHEN h.tag = ? THEN 0 ELSE 1 END, h.posts DESC, h.tag LIMIT ?`,
		textID(viewer), beginning, beginning+lastRune, maxBeginnings, beginning, limit)
}
