package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
)

// pageSize is how many rows a page has.
const pageSize = 20

// filled are tables as a projector has left them, and who looks at them.
type filled struct {
	closers
	reads  *readmodels.Tables
	viewer uuid.UUID
}

// shared are filled tables that several pairs read: the first one has them
// made, and they stay until all pairs are through.
type shared struct {
	plan Plan
	put  func(*writer, *filled) // what they hold
	*filled
}

// open makes the tables, in one transaction: the writes are those of the
// projector, so the tables are too.
func (s *shared) open(ctx context.Context) (_ *filled, err error) {
	if s.filled != nil {
		return s.filled, nil
	}
	dir, drop, err := s.plan.folder()
	if err != nil {
		return nil, err
	}
	f := &filled{closers: closers{drop}, viewer: uuid.New()}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	place, err := sqlite.OpenGenerations(dir)
	if err != nil {
		return nil, err
	}
	f.add(place.Close)
	db, err := place.Create(ctx, "tables", readmodels.Schema())
	if err != nil {
		return nil, err
	}
	err = db.Batch(ctx, func(b readmodels.Batch) error {
		w := newWriter(ctx, b)
		s.put(w, f)
		return w.err
	})
	if err != nil {
		return nil, err
	}
	if err := place.Swap(ctx, "tables", nil); err != nil {
		return nil, err
	}
	f.reads, s.filled = readmodels.NewTables(place), f
	return f, nil
}

// done removes them.
func (s *shared) done() error {
	if s.filled == nil {
		return nil
	}
	f := s.filled
	s.filled = nil
	return f.close()
}

// listing is a list that is read page by page.
type listing[T, K any] struct {
	what   string
	rows   int // of the list
	tables *shared
	table  string // of its rows
	marks  bool   // its rows are posts, with what the viewer keeps and follows

	// read gives the rows after a place (nil: the first ones), and the place of
	// a row among them.
	read func(ctx context.Context, r readmodels.Reader, viewer uuid.UUID, after *K, limit int) ([]T, func(T) K, error)
	keys func(T) (id uuid.UUID, author *readmodels.Summary)
}

// first is the first page beside the same rows, and what is shown with them,
// by their primary keys.
func (l listing[T, K]) first() Pair {
	return Pair{
		What: l.what + ", first page", Unit: "pages/s", Floor: "the same rows by primary key", Aim: "≥ 0.5",
		Open: func(ctx context.Context) (Sides, error) {
			f, err := l.tables.open(ctx)
			if err != nil {
				return Sides{}, err
			}
			bare, err := l.bare(ctx, f)
			if err != nil {
				return Sides{}, err
			}
			return Sides{Parley: f.again(l.page(f.viewer, nil, l.size())), Base: f.again(bare)}, nil
		},
		Done: l.tables.done,
	}
}

// later is the page that begins after a part of the list, beside the first.
func (l listing[T, K]) later(where string, part float64) Pair {
	return Pair{
		What: l.what + ", " + where, Unit: "pages/s", Floor: "the first page", Aim: "≥ 0.9",
		Open: func(ctx context.Context) (Sides, error) {
			f, err := l.tables.open(ctx)
			if err != nil {
				return Sides{}, err
			}
			after, err := l.seek(ctx, f, max(1, int(part*float64(l.rows-l.size()))))
			if err != nil {
				return Sides{}, err
			}
			return Sides{Parley: f.again(l.page(f.viewer, after, l.size())), Base: f.again(l.page(f.viewer, nil, l.size()))}, nil
		},
		Done: l.tables.done,
	}
}

// size is how many rows each page has: two pages of them there are always.
func (l listing[T, K]) size() int { return min(pageSize, l.rows/2) }

// page reads one page, which is full.
func (l listing[T, K]) page(viewer uuid.UUID, after *K, size int) func(context.Context, readmodels.Reader) error {
	return func(ctx context.Context, r readmodels.Reader) error {
		rows, _, err := l.read(ctx, r, viewer, after, size)
		if err == nil && len(rows) != size {
			err = fmt.Errorf("a page of %d rows where %d were due", len(rows), size)
		}
		return err
	}
}

// seek turns pages until so many rows are behind it.
func (l listing[T, K]) seek(ctx context.Context, f *filled, behind int) (after *K, err error) {
	const atOnce = 1000
	err = f.reads.Read(ctx, func(r readmodels.Reader) error {
		for behind > 0 {
			rows, place, err := l.read(ctx, r, f.viewer, after, min(behind, atOnce))
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				return fmt.Errorf("the list ends %d rows early", behind)
			}
			k := place(rows[len(rows)-1])
			after = &k
			behind -= len(rows)
		}
		return nil
	})
	return after, err
}

// bare reads the rows of the first page by their keys, whole, and what stands
// beside each: its author, its reactions, and what of it is the viewer's.
func (l listing[T, K]) bare(ctx context.Context, f *filled) (read func(context.Context, readmodels.Reader) error, err error) {
	var ids, authors []any
	known := map[uuid.UUID]bool{}
	err = f.reads.Read(ctx, func(r readmodels.Reader) error {
		rows, _, err := l.read(ctx, r, f.viewer, nil, l.size())
		for _, t := range rows {
			id, author := l.keys(t)
			ids = append(ids, id.String())
			if author != nil && !known[author.ID] {
				known[author.ID] = true
				authors = append(authors, author.ID.String())
			}
		}
		return err
	})
	in := func(list []any) string { return " IN (" + strings.Repeat("?, ", len(list)-1) + "?)" }
	mine := append([]any{f.viewer.String()}, ids...)
	statements := []statement{
		{"SELECT * FROM " + l.table + " WHERE id" + in(ids), ids},
		{"SELECT id, handle, display_name, avatar FROM account WHERE id" + in(authors), authors},
		{"SELECT subject, kind, n FROM reaction_count WHERE subject" + in(ids), ids},
		{"SELECT subject, kind FROM reaction WHERE account = ? AND subject" + in(ids), mine},
	}
	if l.marks {
		statements = append(statements, statement{"SELECT post FROM bookmark WHERE account = ? AND post" + in(ids), mine},
			statement{"SELECT post FROM post_follow WHERE account = ? AND post" + in(ids), mine})
	}
	return func(ctx context.Context, r readmodels.Reader) error {
		for i, s := range statements {
			n, err := s.run(ctx, r)
			if err == nil && i == 0 && n != len(ids) {
				err = fmt.Errorf("%d rows where %d were due", n, len(ids))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}, err
}

// statement is one of SQL, with its arguments.
type statement struct {
	sql  string
	args []any
}

// run reads every column of every row, and gives their number.
func (s statement) run(ctx context.Context, r readmodels.Reader) (n int, err error) {
	rows, err := r.Query(ctx, s.sql, s.args...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()
	var into []any
	for ; rows.Next(); n++ {
		if into == nil {
			if into, err = columns(rows); err != nil {
				return n, err
			}
		}
		if err := rows.Scan(into...); err != nil {
			return n, err
		}
	}
	return n, nil
}

// columns are places for a row's values, whatever they are.
func columns(rows readmodels.Rows) ([]any, error) {
	names, err := rows.(interface{ Columns() ([]string, error) }).Columns()
	into := make([]any, len(names))
	for i := range into {
		into[i] = new(any)
	}
	return into, err
}

// again does the same on the tables until the time is over, at least once, and
// gives how often a second.
func (f *filled) again(do func(context.Context, readmodels.Reader) error) Turn {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		begun := time.Now()
		n := 0
		for n == 0 || time.Since(begun) < d {
			if err := f.reads.Read(ctx, func(r readmodels.Reader) error { return do(ctx, r) }); err != nil {
				return 0, err
			}
			n++
		}
		return float64(n) / time.Since(begun).Seconds(), nil
	}
}
