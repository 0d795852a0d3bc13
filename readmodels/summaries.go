package readmodels

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// maxSummaries is how many ids one query takes.
const maxSummaries = 500

// Summary is how an account stands beside what it did.
type Summary struct {
	ID          uuid.UUID
	Handle      string
	DisplayName string
	Avatar      uuid.UUID // of an image; uuid.Nil: none
}

const summaryColumns = `account.id, account.handle, account.display_name, account.avatar`

// summaryRow is a Summary while it is scanned.
type summaryRow struct{ id, handle, displayName, avatar string }

func (s *summaryRow) into() []any { return []any{&s.id, &s.handle, &s.displayName, &s.avatar} }

func (s *summaryRow) summary() Summary {
	return Summary{ID: idOf(s.id), Handle: s.handle, DisplayName: s.displayName, Avatar: idOf(s.avatar)}
}

// idOf reads an id as it stands in the tables; what is none is uuid.Nil.
func idOf(text string) uuid.UUID {
	id, _ := uuid.Parse(text)
	return id
}

// Summaries loads the summaries of accounts, whoever asks: each id once,
// uuid.Nil and those that are gone left out. It is one query for each 500.
func Summaries(ctx context.Context, r Reader, ids ...uuid.UUID) (map[uuid.UUID]Summary, error) {
	wanted := make(map[uuid.UUID]Summary, len(ids))
	args := make([]any, 0, len(ids))
	for _, id := range ids {
		if _, asked := wanted[id]; !asked && id != uuid.Nil {
			wanted[id] = Summary{}
			args = append(args, id.String())
		}
	}
	clear(wanted)
	for chunk := range slices.Chunk(args, maxSummaries) {
		rows, err := collect(ctx, r, scanSummary, `SELECT `+summaryColumns+` FROM account WHERE id IN (`+marks(len(chunk))+`)`, chunk...)
		if err != nil {
			return nil, err
		}
		for _, s := range rows {
			wanted[s.ID] = s
		}
	}
	return wanted, nil
}

func scanSummary(rows Rows) (Summary, error) {
	var s summaryRow
	err := rows.Scan(s.into()...)
	return s.summary(), err
}
