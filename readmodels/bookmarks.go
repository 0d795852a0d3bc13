package readmodels

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// position is that of the event that began it: lists are ordered by it, newest
// first. account is never a pseudonym; whose rows these are is told to nobody
// but them.
var bookmarkSchema = []string{
	`CREATE TABLE IF NOT EXISTS bookmark (
		account text NOT NULL, post text NOT NULL, folder text NOT NULL, created_at bigint NOT NULL, position bigint NOT NULL,
		PRIMARY KEY (account, post))`,
	`CREATE INDEX IF NOT EXISTS bookmark_newest ON bookmark (account, position)`,
	`CREATE INDEX IF NOT EXISTS bookmark_folder ON bookmark (account, folder, position)`,
	`CREATE TABLE IF NOT EXISTS post_follow (
		account text NOT NULL, post text NOT NULL, position bigint NOT NULL, PRIMARY KEY (account, post))`,
	`CREATE INDEX IF NOT EXISTS post_follow_post ON post_follow (post, account)`,
}

// PutBookmark keeps a post in a folder, or in none ("").
func PutBookmark(ctx context.Context, b Batch, account, post uuid.UUID, folder string, at time.Time, position uint64) error {
	return b.Exec(ctx, `INSERT INTO bookmark (account, post, folder, created_at, position) VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, post) DO NOTHING`,
		account.String(), post.String(), folder, millis(at), int64(position))
}

// MoveBookmark puts what is kept into another folder; it keeps its place in
// the list.
func MoveBookmark(ctx context.Context, b Batch, account, post uuid.UUID, folder string) error {
	return b.Exec(ctx, `UPDATE bookmark SET folder = ? WHERE account = ? AND post = ?`, folder, account.String(), post.String())
}

// DropBookmark keeps a post no longer.
func DropBookmark(ctx context.Context, b Batch, account, post uuid.UUID) error {
	return b.Exec(ctx, `DELETE FROM bookmark WHERE account = ? AND post = ?`, account.String(), post.String())
}

// PutPostFollow lets an account follow a post.
func PutPostFollow(ctx context.Context, b Batch, account, post uuid.UUID, position uint64) error {
	return b.Exec(ctx, `INSERT INTO post_follow (account, post, position) VALUES (?, ?, ?) ON CONFLICT (account, post) DO NOTHING`,
		account.String(), post.String(), int64(position))
}

// DropPostFollow lets it follow the post no longer.
func DropPostFollow(ctx context.Context, b Batch, account, post uuid.UUID) error {
	return b.Exec(ctx, `DELETE FROM post_follow WHERE account = ? AND post = ?`, account.String(), post.String())
}

// Bookmark is a post that an account keeps.
type Bookmark struct {
	Post      Post
	Folder    string // "": none
	CreatedAt time.Time
	Position  uint64 // of the event that began it

	post uuid.UUID
}

// BookmarkKey is a bookmark's place in a list.
type BookmarkKey struct {
	Position uint64 `json:"p"`
}

// Place is where the bookmark stands in Bookmarks.
func (k Bookmark) Place() BookmarkKey { return BookmarkKey{k.Position} }

// stillThere keeps published posts. Said so, a small table of posts is looked
// up by their ids and not walked through by an index of all published ones.
const stillThere = ` AND p.published_at > 0 AND p.state <> 'deleted'`

// Bookmarks are the posts that account keeps and still sees, the newest kept
// first; at most limit, those after the one given (nil: from the newest).
// folder is one folder, "" for what is in none; nil is all.
func Bookmarks(ctx context.Context, r Reader, account uuid.UUID, folder *string, after *BookmarkKey, limit int) ([]Bookmark, error) {
	before, me := int64(1<<62), account.String()
	if after != nil {
		before = int64(after.Position)
	}
	where, args := ``, []any{me, before}
	if folder != nil {
		where, args = ` AND k.folder = ?`, append(args, *folder)
	}
	kept, err := collect(ctx, r, scanBookmark, `SELECT k.post, k.folder, k.created_at, k.position FROM bookmark k JOIN post p ON p.id = k.post
		WHERE k.account = ? AND k.position < ?`+where+stillThere+visible("p.author")+`
		ORDER BY k.position DESC LIMIT ?`, append(args, me, me, limit)...)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(kept))
	for i, k := range kept {
		ids[i] = k.post
	}
	found, err := PostsByID(ctx, r, account, ids)
	if err != nil {
		return nil, err
	}
	posts := make(map[uuid.UUID]Post, len(found))
	for _, p := range found {
		posts[p.ID] = p
	}
	for i := range kept {
		kept[i].Post = posts[kept[i].post]
	}
	return kept, nil
}

func scanBookmark(rows Rows) (k Bookmark, err error) {
	var created, position int64
	err = rows.Scan(&k.post, &k.Folder, &created, &position)
	k.CreatedAt, k.Position = fromMillis(created), uint64(position)
	return k, err
}

// BookmarkFolder is a folder and how many posts one sees in it.
type BookmarkFolder struct {
	Name  string
	Count int
}

// BookmarkFolders are the folders in which account keeps posts that it still
// sees, by name; at most limit, those after the one of that name ("": from the
// first).
func BookmarkFolders(ctx context.Context, r Reader, account uuid.UUID, after string, limit int) ([]BookmarkFolder, error) {
	me := account.String()
	return collect(ctx, r, func(rows Rows) (f BookmarkFolder, err error) {
		err = rows.Scan(&f.Name, &f.Count)
		return f, err
	}, `SELECT k.folder, count(*) FROM bookmark k JOIN post p ON p.id = k.post
		WHERE k.account = ? AND k.folder > ?`+stillThere+visible("p.author")+`
		GROUP BY k.folder ORDER BY k.folder LIMIT ?`, me, after, me, me, limit)
}

// PostFollowers are who followed a post before a position of the log, and
// still sees it, by id; at most limit, those after an account (Nil: from the
// first).
func PostFollowers(ctx context.Context, r Reader, post uuid.UUID, before uint64, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	return collect(ctx, r, scanID, `SELECT f.account FROM post_follow f JOIN post p ON p.id = f.post
		WHERE f.post = ? AND f.account > ? AND f.position < ?
		AND NOT EXISTS (SELECT 1 FROM block v WHERE v.blocker = f.account AND v.blocked = p.author)
		AND NOT EXISTS (SELECT 1 FROM block v WHERE v.blocked = f.account AND v.blocker = p.author)
		ORDER BY f.account LIMIT ?`, post.String(), textID(after), int64(before), limit)
}

// WhoSeePost are those of some accounts whom no block keeps from a post, in
// their order; there are at most one more than text.MaxMentions.
func WhoSeePost(ctx context.Context, r Reader, post uuid.UUID, accounts []uuid.UUID) ([]uuid.UUID, error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	args := []any{post.String()}
	for _, id := range accounts {
		args = append(args, id.String())
	}
	in := marks(len(accounts))
	apart, err := collect(ctx, r, scanID, `SELECT v.blocked FROM post p JOIN block v ON v.blocker = p.author WHERE p.id = ? AND v.blocked IN (`+in+`)
		UNION ALL SELECT v.blocker FROM post p JOIN block v ON v.blocked = p.author WHERE p.id = ? AND v.blocker IN (`+in+`)`, append(args, args...)...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(accounts), func(id uuid.UUID) bool { return slices.Contains(apart, id) }), nil
}

// keptAndFollowed notes which of posts viewer keeps, and which it follows, in
// one query.
func keptAndFollowed(ctx context.Context, r Reader, viewer uuid.UUID, posts []Post) error {
	if viewer == uuid.Nil || len(posts) == 0 {
		return nil
	}
	ids, place := make([]any, len(posts)), make(map[uuid.UUID]int, len(posts))
	for i, p := range posts {
		ids[i], place[p.ID] = p.ID.String(), i
	}
	args := append([]any{viewer.String()}, ids...)
	type mark struct {
		post     uuid.UUID
		followed int
	}
	marked, err := collect(ctx, r, func(rows Rows) (m mark, err error) {
		err = rows.Scan(&m.post, &m.followed)
		return m, err
	}, `SELECT post, 0 FROM bookmark WHERE account = ? AND post IN (`+marks(len(ids))+`)
		UNION ALL SELECT post, 1 FROM post_follow WHERE account = ? AND post IN (`+marks(len(ids))+`)`, append(args, args...)...)
	for _, m := range marked {
		p := &posts[place[m.post]]
		p.Bookmarked, p.Following = p.Bookmarked || m.followed == 0, p.Following || m.followed == 1
	}
	return err
}
