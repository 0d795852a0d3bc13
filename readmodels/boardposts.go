package readmodels

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
)

// maxLeading is how many pinned posts lead a board, the newest of them. Others
// stand where they were published.
const maxLeading = 20

// PostOrder is how the posts of a board that do not lead it are sorted.
type PostOrder string

// The orders. How hot a post is: see warm.
const (
	NewestPosts PostOrder = "newest"
	HotPosts    PostOrder = "hot"
)

// column is what an order compares.
func (o PostOrder) column() string {
	if o == HotPosts {
		return "p.hot"
	}
	return "p.published_at"
}

// warmth takes the post.
var warmth = `UPDATE post SET hot = published_at + CAST(ROUND(` + strconv.FormatFloat(HotHalf/math.Ln2, 'f', -1, 64) + ` * ln(1 + comments +
	COALESCE((SELECT CAST(SUM(n) AS double precision) FROM reaction_count WHERE subject = post.id), 0))) AS bigint) WHERE id = `

// HotHalf is by how many milliseconds a post seems newer where there are twice
// as many reactions and comments: twelve hours.
const HotHalf = 12 * 60 * 60 * 1000

// warm ranks a post anew: its time, and HotHalf more each time that 1 and its
// reactions and comments double. So a new post comes first until others are
// talked about, and none stays for ever; and no rank changes with time alone.
func warm(ctx context.Context, b Batch, post uuid.UUID) error {
	return b.Exec(ctx, warmth+`?`, post.String())
}

// BoardPage is where a page of a board's posts begins. The posts that lead the
// first page lead the list to its end, whatever is pinned meanwhile: so nothing
// comes twice, and nothing is passed over.
type BoardPage struct {
	Leading []uuid.UUID `json:"l,omitempty"`
	Shown   int         `json:"s,omitempty"` // of those, on the pages before
	PostKey             // of the last of the others; zero: none was shown

	order PostOrder
}

// Place is where the list goes on after a post of this page.
func (p BoardPage) Place(after Post) BoardPage {
	if i := slices.Index(p.Leading, after.ID); i >= 0 {
		return BoardPage{Leading: p.Leading, Shown: i + 1}
	}
	key := after.Place()
	if p.order == HotPosts {
		key.At = after.hot
	}
	return BoardPage{Leading: p.Leading, Shown: len(p.Leading), PostKey: key}
}

// BoardPosts are the posts of a board, pinned ones first, then the others in
// that order; at most limit of the page given (nil: the first). It gives that
// page as well. What becomes hotter or less so between two pages may come
// twice or not at all.
func BoardPosts(ctx context.Context, r Reader, viewer, board uuid.UUID, order PostOrder, page *BoardPage, limit int) ([]Post, BoardPage, error) {
	var p BoardPage
	var err error
	if page != nil {
		p = *page
	} else if p.Leading, err = leading(ctx, r, viewer, board); err != nil {
		return nil, p, err
	}
	p.order = order
	found, err := leaders(ctx, r, viewer, board, p.Leading[min(max(p.Shown, 0), len(p.Leading)):], limit)
	if err != nil {
		return nil, p, err
	}
	if len(found) < limit {
		others, err := nextOnBoard(ctx, r, viewer, board, p, limit-len(found))
		if err != nil {
			return nil, p, err
		}
		found = append(found, others...)
	}
	return found, p, dress(ctx, r, viewer, found)
}

// leading are the pinned posts of a board that lead it now.
func leading(ctx context.Context, r Reader, viewer, board uuid.UUID) ([]uuid.UUID, error) {
	me := textID(viewer)
	return collect(ctx, r, scanID, `SELECT p.id FROM post p WHERE p.board = ? AND p.state = 'published' AND p.pinned = 1`+visible("p.author")+`
		ORDER BY p.published_at DESC, p.id DESC LIMIT ?`, board.String(), me, me, maxLeading)
}

// leaders are those of ids, in their order, that are still on the board.
func leaders(ctx context.Context, r Reader, viewer, board uuid.UUID, ids []uuid.UUID, limit int) ([]Post, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, 0, len(ids)+2)
	for _, id := range ids {
		args = append(args, id.String())
	}
	me := textID(viewer)
	found, err := collect(ctx, r, scanPost, `SELECT `+postColumns+` FROM post p WHERE p.id IN (`+marks(len(ids))+`)`+visible("p.author"),
		append(args, me, me)...)
	found = slices.DeleteFunc(found, func(p Post) bool { return p.Board != board || p.State != post.Live })
	slices.SortFunc(found, func(a, b Post) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return found[:min(limit, len(found))], err
}

// nextOnBoard are the next posts of a board that do not lead it.
func nextOnBoard(ctx context.Context, r Reader, viewer, board uuid.UUID, p BoardPage, limit int) ([]Post, error) {
	k, me := p.PostKey, textID(viewer)
	if k.At == 0 {
		k = endOfTime
	}
	by := p.order.column()
	sql := `SELECT ` + postColumns + ` FROM post p WHERE p.board = ? AND p.state = 'published' AND (` + by + `, p.id) < (?, ?)` + visible("p.author")
	args := []any{board.String(), k.At, k.ID.String(), me, me}
	if len(p.Leading) > 0 {
		sql += ` AND p.id NOT IN (` + marks(len(p.Leading)) + `)`
		for _, id := range p.Leading {
			args = append(args, id.String())
		}
	}
	return collect(ctx, r, scanPost, sql+` ORDER BY `+by+` DESC, p.id DESC LIMIT ?`, append(args, limit)...)
}
