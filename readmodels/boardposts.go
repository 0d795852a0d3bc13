package readmodels

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
)

// maxLeading is how many pinned posts lead a board, the newest of them. Others
// stand where they were published.
const maxLeading = 20

// BoardPage is where a page of a board's posts begins. The posts that lead the
// first page lead the list to its end, whatever is pinned meanwhile: so nothing
// comes twice, and nothing is passed over.
type BoardPage struct {
	Leading []uuid.UUID `json:"l,omitempty"`
	Shown   int         `json:"s,omitempty"` // of those, on the pages before
	PostKey             // of the last of the others; zero: none was shown
}

// Place is where the list goes on after a post of this page.
func (p BoardPage) Place(after Post) BoardPage {
	if i := slices.Index(p.Leading, after.ID); i >= 0 {
		return BoardPage{Leading: p.Leading, Shown: i + 1}
	}
	return BoardPage{Leading: p.Leading, Shown: len(p.Leading), PostKey: after.Place()}
}

// BoardPosts are the posts of a board, pinned ones first, then the newest; at
// most limit of the page given (nil: the first). It gives that page as well.
func BoardPosts(ctx context.Context, r Reader, viewer, board uuid.UUID, page *BoardPage, limit int) ([]Post, BoardPage, error) {
	var p BoardPage
	var err error
	if page != nil {
		p = *page
	} else if p.Leading, err = leading(ctx, r, viewer, board); err != nil {
		return nil, p, err
	}
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

// nextOnBoard are the newest posts of a board that do not lead it.
func nextOnBoard(ctx context.Context, r Reader, viewer, board uuid.UUID, p BoardPage, limit int) ([]Post, error) {
	k, me := p.PostKey, textID(viewer)
	if k.At == 0 {
		k = endOfTime
	}
	sql := `SELECT ` + postColumns + ` FROM post p WHERE p.board = ? AND p.state = 'published' AND (p.published_at, p.id) < (?, ?)` + visible("p.author")
	args := []any{board.String(), k.At, k.ID.String(), me, me}
	if len(p.Leading) > 0 {
		sql += ` AND p.id NOT IN (` + marks(len(p.Leading)) + `)`
		for _, id := range p.Leading {
			args = append(args, id.String())
		}
	}
	return collect(ctx, r, scanPost, sql+` ORDER BY p.published_at DESC, p.id DESC LIMIT ?`, append(args, limit)...)
}
