package seed_test

import (
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/cmd/seed"
)

type pair struct{ a, b int }

func pairs(all iter.Seq2[int, int]) (list []pair) {
	for a, b := range all {
		list = append(list, pair{a, b})
	}
	return list
}

// A plan is the same for the same numbers, and other for another seed.
func TestPlansAreRepeatable(t *testing.T) {
	t.Parallel()
	size := seed.Size{Accounts: 40, Posts: 60, Messages: 500}
	one, two, other := seed.New(size, 1), seed.New(size, 1), seed.New(size, 2)
	everything := func(p *seed.Plan) any {
		return []any{p.People, p.Boards, pairs(p.Follows()), pairs(p.BoardFollows()), slices.Collect(p.Posts()), slices.Collect(p.Rooms())}
	}
	if diff := cmp.Diff(everything(one), everything(two), cmp.AllowUnexported(seed.Person{}, pair{})); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(everything(one), everything(other), cmp.AllowUnexported(seed.Person{}, pair{})) {
		t.Error("another seed makes up the same community")
	}
}

// A plan asks for nothing that cannot be: the counts are as wanted, people
// are there, comments answer earlier ones, relations are there once.
func TestPlansAreSound(t *testing.T) {
	t.Parallel()
	for _, size := range []seed.Size{{}, {Accounts: 1, Posts: 3}, {Accounts: 2, Posts: 5, Messages: 700}, {Accounts: 300, Posts: 400, Messages: 5000}} {
		p := seed.New(size, 7)
		handles := map[string]bool{}
		for _, person := range p.People {
			handles[person.Handle] = true
		}
		if len(handles) != size.Accounts {
			t.Errorf("%+v: %d different handles", size, len(handles))
		}
		seen := map[pair]bool{}
		for _, f := range pairs(p.Follows()) {
			if f.a == f.b || seen[f] || f.b >= size.Accounts {
				t.Errorf("%+v: follow %+v", size, f)
			}
			seen[f] = true
		}
		posts := slices.Collect(p.Posts())
		if len(posts) != size.Posts {
			t.Errorf("%+v: %d posts", size, len(posts))
		}
		for _, post := range posts {
			for i, c := range post.Comments {
				if c.Parent >= i || post.Title == "" || post.Body == "" {
					t.Errorf("%+v: %+v", size, post)
				}
			}
		}
		messages := 0
		for r := range p.Rooms() {
			messages += len(r.Messages)
			if slices.Max(r.Members) >= size.Accounts || len(r.Members) > 50 {
				t.Errorf("%+v: members %v", size, r.Members)
			}
		}
		if messages != size.Messages {
			t.Errorf("%+v: %d messages", size, messages)
		}
	}
}
