package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/text"
)

const postColumns = `p.id, p.board, p.author, p.owner, p.anonymous, p.type, p.title, p.body, p.html, p.hashtags, p.mentions, p.state, p.locked, p.pinned,
	p.answer, p.revision, p.comments, p.created_at, p.edited_at, p.published_at, p.hot, p.publish_at, p.publish_error, p.version, p.images, p.thumbnail`

func scanPost(rows Rows) (p Post, err error) {
	var hashtags, mentions, owner, answer, images, thumbnail string
	var anonymous, locked, pinned, created, edited, published, publish int64
	err = rows.Scan(&p.ID, &p.Board, &p.author, &owner, &anonymous, &p.Type, &p.Title, &p.Body, &p.HTML, &hashtags, &mentions, &p.State,
		&locked, &pinned, &answer, &p.Revision, &p.Comments, &created, &edited, &published, &p.hot, &publish, &p.Refusal, &p.Version, &images, &thumbnail)
	if err == nil {
		err = unlist(hashtags, &p.Hashtags)
	}
	if err == nil {
		err = unlist(mentions, &p.mentions)
	}
	if err == nil {
		err = unlist(images, &p.Images)
	}
	p.owner, p.Answer, p.Thumbnail = idOf(owner), idOf(answer), idOf(thumbnail)
	p.Anonymous, p.Locked, p.Pinned = anonymous != 0, locked != 0, pinned != 0
	p.CreatedAt, p.EditedAt, p.PublishedAt, p.PublishAt = fromMillis(created), fromMillis(edited), fromMillis(published), fromMillis(publish)
	return p, err
}

// visible leaves out what a block puts out of the viewer's sight; it takes the
// viewer twice. Pseudonyms block nobody, so anonymous posts stay.
func visible(author string) string {
	return ` AND NOT EXISTS (SELECT 1 FROM block v WHERE v.blocker = ? AND v.blocked = ` + author + `)
		AND NOT EXISTS (SELECT 1 FROM block v WHERE v.blocked = ? AND v.blocker = ` + author + `)`
}

// thePost takes the post and the viewer.
const thePost = ` FROM post p WHERE p.id = ? AND (p.published_at > 0 OR p.owner = ? AND p.owner <> '')`

// PostOf is one post as viewer sees it; false where it is not there, or not
// for viewer. A deleted one is a tombstone.
func PostOf(ctx context.Context, r Reader, viewer, id uuid.UUID) (Post, bool, error) {
	me := textID(viewer)
	return one(posts(ctx, r, viewer, `SELECT `+postColumns+thePost+visible("p.author"), id.String(), me, me, me))
}

// ChangedPost is PostOf for whoever has just changed it: a moderator's view of
// it does not end at a block.
func ChangedPost(ctx context.Context, r Reader, viewer, id uuid.UUID) (Post, bool, error) {
	return one(posts(ctx, r, viewer, `SELECT `+postColumns+thePost, id.String(), textID(viewer)))
}

// SeesPost says whether PostOf would give it.
func SeesPost(ctx context.Context, r Reader, viewer, id uuid.UUID) (bool, error) {
	me := textID(viewer)
	_, ok, err := first(ctx, r, scanText, `SELECT p.id`+thePost+visible("p.author"), id.String(), me, me, me)
	return ok, err
}

func one[T any](list []T, err error) (T, bool, error) {
	if err != nil || len(list) == 0 {
		var none T
		return none, false, err
	}
	return list[0], true, nil
}

// PostKey is a post's place in a list by time, newest first.
type PostKey struct {
	At int64     `json:"a"` // milliseconds
	ID uuid.UUID `json:"i"`
}

// endOfTime comes before every post in a list that begins with the newest.
var endOfTime = PostKey{At: 1 << 60, ID: uuid.Max}

func (k *PostKey) orNewest() PostKey {
	if k == nil {
		return endOfTime
	}
	return *k
}

// Place is a post's place in lists of published posts.
func (p Post) Place() PostKey { return PostKey{At: millis(p.PublishedAt), ID: p.ID} }

// OwnPlace is a post's place in OwnPosts.
func (p Post) OwnPlace() PostKey { return PostKey{At: millis(p.CreatedAt), ID: p.ID} }

// AuthorPosts are the posts that an account has signed, newest first: no
// anonymous one, whoever asks.
func AuthorPosts(ctx context.Context, r Reader, viewer, author uuid.UUID, after *PostKey, limit int) ([]Post, error) {
	k, me := after.orNewest(), textID(viewer)
	return posts(ctx, r, viewer, `SELECT `+postColumns+` FROM post p
		WHERE p.author = ? AND p.anonymous = 0 AND p.state = 'published' AND (p.published_at, p.id) < (?, ?)`+visible("p.author")+`
		ORDER BY p.published_at DESC, p.id DESC LIMIT ?`,
		author.String(), k.At, k.ID.String(), me, me, limit)
}

// HashtagPosts are the posts with a folded tag, newest first.
func HashtagPosts(ctx context.Context, r Reader, viewer uuid.UUID, tag string, after *PostKey, limit int) ([]Post, error) {
	k, me := after.orNewest(), textID(viewer)
	return posts(ctx, r, viewer, `SELECT `+postColumns+` FROM post_hashtag t JOIN post p ON p.id = t.post
		WHERE t.tag = ? AND (t.published_at, t.post) < (?, ?)`+visible("t.author")+`
		ORDER BY t.published_at DESC, t.post DESC LIMIT ?`,
		tag, k.At, k.ID.String(), me, me, limit)
}

// OwnPosts are everything that viewer wrote in any of the given states, the
// anonymous too, the latest begun first.
func OwnPosts(ctx context.Context, r Reader, viewer uuid.UUID, states []post.State, after *PostKey, limit int) ([]Post, error) {
	k := after.orNewest()
	args := []any{viewer.String(), k.At, k.ID.String()}
	for _, s := range states {
		args = append(args, string(s))
	}
	return posts(ctx, r, viewer, `SELECT `+postColumns+` FROM post p
		WHERE p.owner = ? AND (p.created_at, p.id) < (?, ?) AND p.state IN (`+marks(len(states))+`)
		ORDER BY p.created_at DESC, p.id DESC LIMIT ?`, append(args, limit)...)
}

// posts runs a query for postColumns and adds people and reactions.
func posts(ctx context.Context, r Reader, viewer uuid.UUID, sql string, args ...any) ([]Post, error) {
	found, err := collect(ctx, r, scanPost, sql, args...)
	if err != nil {
		return nil, err
	}
	return found, dress(ctx, r, viewer, found)
}

// dress adds people and reactions to posts.
func dress(ctx context.Context, r Reader, viewer uuid.UUID, found []Post) error {
	if len(found) == 0 {
		return nil
	}
	var people, mentions []uuid.UUID
	subjects := make([]any, len(found))
	for i := range found {
		p := &found[i]
		subjects[i] = p.ID.String()
		if !p.Anonymous {
			people = append(people, p.author)
		}
		mentions = append(mentions, p.mentions...)
	}
	a, err := lookAround(ctx, r, viewer, subjects, people, mentions)
	if err != nil {
		return err
	}
	hidden, err := unseenComments(ctx, r, viewer, subjects)
	if err != nil {
		return err
	}
	for i := range found {
		p := &found[i]
		u := hidden[p.ID.String()]
		p.Comments -= u.comments
		if u.answer != 0 {
			p.Answer = uuid.Nil
		}
		p.Mine = viewer != uuid.Nil && p.owner == viewer
		p.Reactions = *a.reactions[p.ID.String()]
		p.Author = person(a.summaries, p.author)
		p.show(a.summaries, a.apart)
	}
	return keptAndFollowed(ctx, r, viewer, found)
}

// person is the summary of an account, nil for a pseudonym and who is gone.
func person(summaries map[uuid.UUID]Summary, id uuid.UUID) *Summary {
	if s, ok := summaries[id]; ok {
		return &s
	}
	return nil
}

// show puts handles where the text holds ids, and empties a tombstone.
func (p *Post) show(summaries map[uuid.UUID]Summary, apart map[uuid.UUID]bool) {
	if p.State == post.Tombstone {
		p.Title, p.Body, p.HTML, p.Hashtags, p.mentions, p.Images, p.Thumbnail = "", "", "", nil, nil, nil, uuid.Nil
		p.PublishAt, p.Refusal = time.Time{}, ""
	}
	texts := []*string{&p.Title, &p.Body, &p.HTML}
	p.Mentions = mentioned(summaries, apart, p.mentions, texts...)
	if p.Hashtags == nil {
		p.Hashtags = []string{}
	}
}

// mentioned puts the handles of mentioned accounts into texts, and gives the
// summaries of those that exist and are not apart from who looks.
func mentioned(summaries map[uuid.UUID]Summary, apart map[uuid.UUID]bool, ids []uuid.UUID, texts ...*string) []Summary {
	list := make([]Summary, 0, len(ids))
	for _, id := range ids {
		if s, ok := summaries[id]; ok && !apart[id] {
			list = append(list, s)
		}
	}
	for _, t := range texts {
		*t = text.Unquote(*t, ids, func(id uuid.UUID) string { return summaries[id].Handle })
	}
	return list
}

// PostsByID are those of some posts that viewer may see and that are
// published, in no order: what search and notices found.
func PostsByID(ctx context.Context, r Reader, viewer uuid.UUID, ids []uuid.UUID) ([]Post, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, 0, len(ids)+2)
	for _, id := range ids {
		args = append(args, id.String())
	}
	me := textID(viewer)
	return posts(ctx, r, viewer, `SELECT `+postColumns+` FROM post p WHERE p.id IN (`+marks(len(ids))+`) AND p.state = 'published'`+
		visible("p.author"), append(args, me, me)...)
}
