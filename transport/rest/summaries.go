package rest

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// Summary is how an account stands beside what it did.
type Summary struct {
	ID          uuid.UUID `json:"id"`
	Handle      string    `json:"handle"`
	DisplayName string    `json:"displayName"`
	Avatar      *Image    `json:"avatar"`
}

func showSummary(s readmodels.Summary) Summary {
	return Summary{ID: s.ID, Handle: s.Handle, DisplayName: s.DisplayName, Avatar: openImage(s.Avatar)}
}

// relatedKey is a place in a list of accounts that stand in a relation.
type relatedKey struct {
	Position uint64 `json:"p"`
}

// showRelated answers a page of a list of accounts; list asks for it.
func (s *Server) showRelated(ctx context.Context, c *Call, p Page,
	list func(r readmodels.Reader, before uint64, limit int) ([]readmodels.Related, error),
) (Reply[List[Summary]], error) {
	key, err := seek[relatedKey](c, p)
	if err != nil {
		return Reply[List[Summary]]{}, err
	}
	var before uint64
	if key != nil {
		before = key.Position
	}
	var rows []readmodels.Related
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		rows, err = list(r, before, p.Limit)
		return err
	})
	if err != nil {
		return Reply[List[Summary]]{}, err
	}
	answer, err := page(c, p, rows,
		func(r readmodels.Related) Summary { return showSummary(r.Summary) },
		func(r readmodels.Related) relatedKey { return relatedKey{r.Position} })
	return Reply[List[Summary]]{Data: answer}, err
}
