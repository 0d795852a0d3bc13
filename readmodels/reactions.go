package readmodels

import (
	"context"

	"github.com/google/uuid"
)

var reactionSchema = []string{
	`CREATE TABLE IF NOT EXISTS reaction (
		subject text NOT NULL, account text NOT NULL, kind text NOT NULL, PRIMARY KEY (subject, account, kind))`,
	`CREATE TABLE IF NOT EXISTS reaction_count (subject text NOT NULL, kind text NOT NULL, n bigint NOT NULL, PRIMARY KEY (subject, kind))`,
}

// SetReaction puts a reaction on a post or comment, or takes it back. Counts
// change only with rows, however often an event comes.
func SetReaction(ctx context.Context, b Batch, subject, account uuid.UUID, kind string, on bool) error {
	s, a := subject.String(), account.String()
	count := `UPDATE reaction_count SET n = n - 1 WHERE subject = ? AND kind = ?
		AND EXISTS (SELECT 1 FROM reaction WHERE subject = ? AND account = ? AND kind = ?)`
	best := `UPDATE comment SET reactions = reactions - 1 WHERE id = ?
		AND EXISTS (SELECT 1 FROM reaction WHERE subject = ? AND account = ? AND kind = ?)`
	set := `DELETE FROM reaction WHERE subject = ? AND account = ? AND kind = ?`
	if on {
		count = `INSERT INTO reaction_count (subject, kind, n) SELECT CAST(? AS text), CAST(? AS text), 1
			WHERE NOT EXISTS (SELECT 1 FROM reaction WHERE subject = ? AND account = ? AND kind = ?)
			ON CONFLICT (subject, kind) DO UPDATE SET n = reaction_count.n + 1`
		best = `UPDATE comment SET reactions = reactions + 1 WHERE id = ?
			AND NOT EXISTS (SELECT 1 FROM reaction WHERE subject = ? AND account = ? AND kind = ?)`
		set = `INSERT INTO reaction (subject, account, kind) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	}
	if err := b.Exec(ctx, count, s, kind, s, a, kind); err != nil {
		return err
	}
	if err := b.Exec(ctx, best, s, s, a, kind); err != nil { // no row: the subject is a post
		return err
	}
	if err := b.Exec(ctx, set, s, a, kind); err != nil {
		return err
	}
	return warm(ctx, b, subject) // no row: the subject is a comment
}

// Reactions are those to one subject, as a viewer sees them.
type Reactions struct {
	Counts map[string]int // by kind; none is zero
	Mine   []string       // kinds of the viewer's, sorted
}

// reactionsOf are the reactions to each subject, in two queries. Every subject
// has an entry.
func reactionsOf(ctx context.Context, r Reader, viewer uuid.UUID, subjects []any) (map[string]*Reactions, error) {
	found := make(map[string]*Reactions, len(subjects))
	for _, s := range subjects {
		found[s.(string)] = &Reactions{Counts: map[string]int{}, Mine: []string{}}
	}
	if len(subjects) == 0 {
		return found, nil
	}
	type counted struct {
		subject, kind string
		n             int
	}
	counts, err := collect(ctx, r, func(rows Rows) (c counted, err error) {
		err = rows.Scan(&c.subject, &c.kind, &c.n)
		return c, err
	}, `SELECT subject, kind, n FROM reaction_count WHERE subject IN (`+marks(len(subjects))+`) AND n > 0`, subjects...)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		found[c.subject].Counts[c.kind] = c.n
	}
	if viewer == uuid.Nil {
		return found, nil
	}
	own, err := collect(ctx, r, func(rows Rows) (c counted, err error) {
		err = rows.Scan(&c.subject, &c.kind)
		return c, err
	}, `SELECT subject, kind FROM reaction WHERE account = ? AND subject IN (`+marks(len(subjects))+`) ORDER BY subject, kind`,
		append([]any{viewer.String()}, subjects...)...)
	for _, c := range own {
		found[c.subject].Mine = append(found[c.subject].Mine, c.kind)
	}
	return found, err
}
