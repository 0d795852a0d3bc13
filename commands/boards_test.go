package commands

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// oneBoard holds invariant 3 at every position of the log: of all boards that
// exist at most one names a claim, and it is the one that claimed it.
func (c *community) oneBoard() (names map[string]uuid.UUID) {
	c.t.Helper()
	boards, claims := map[uuid.UUID]*board.Board{}, map[string]*board.Claim{}
	for rec, err := range c.store.All(context.Background(), 0, event.Filter{Categories: []string{"board", "boardname"}}) {
		if err != nil {
			c.t.Fatal(err)
		}
		d, err := c.codec.Decode(context.Background(), rec)
		if err != nil {
			c.t.Fatal(err)
		}
		if rec.Category() == "boardname" {
			if claims[rec.Stream] == nil {
				claims[rec.Stream] = board.NewClaim()
			}
			claims[rec.Stream].Apply(d)
		} else {
			id := uuid.MustParse(event.StreamID(rec.Stream))
			if boards[id] == nil {
				boards[id] = board.New()
			}
			boards[id].Apply(d)
		}
		names = map[string]uuid.UUID{}
		for id, b := range boards {
			if !b.Exists() {
				continue
			}
			if other, taken := names[b.NameClaim]; taken {
				c.t.Fatalf("at %d both %s and %s name %s", rec.Position, other, id, b.NameClaim)
			}
			names[b.NameClaim] = id
			if claims[b.NameClaim] == nil || claims[b.NameClaim].Owner != id {
				c.t.Fatalf("at %d %s names %s, which is not its own", rec.Position, id, b.NameClaim)
			}
		}
	}
	return names
}

func byMembers(cfg *Config) { cfg.Forum.BoardsByMembers = true }

// F1, invariant 3: a claimant stalls, or dies, between every two steps of
// making or renaming a board, and another one takes the name, or the old one,
// ten minutes later.
func TestStalledBoards(t *testing.T) {
	t.Parallel()
	for what, steps := range map[string]int{"make": 2, "rename": 3} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			eachStall(t, steps, func(t *testing.T, n int, after, kill bool) { stalledBoard(t, what == "rename", n, after, kill) })
		})
	}
}

func stalledBoard(t *testing.T, rename bool, n int, after, kill bool) {
	ctx := t.Context()
	c := newCommunity(t)
	other := c.node(c.store, byMembers)
	ada, _ := c.member(other, "ada_lovelace")
	first := uuid.Nil
	if rename {
		var err error
		if first, _, err = other.CreateBoard(ctx, ada, CreateBoard{Name: "Old"}); err != nil {
			t.Fatal(err)
		}
	}
	store := stallAt(c.store, n, after)
	slow := c.node(store, byMembers, func(cfg *Config) { cfg.AppendTimeout = time.Hour })
	ended := make(chan error, 1)
	go func() {
		var err error
		if rename {
			name := "Wanted"
			_, err = slow.ChangeBoard(context.Background(), ada, first, ChangeBoard{Name: &name})
		} else {
			_, _, err = slow.CreateBoard(context.Background(), ada, CreateBoard{Name: "Wanted"})
		}
		ended <- err
	}()
	<-store.stalls
	c.oneBoard()
	c.pass(10*time.Minute + time.Second)
	_, _, wanted := other.CreateBoard(ctx, ada, CreateBoard{Name: "wanted"})
	_, _, old := other.CreateBoard(ctx, ada, CreateBoard{Name: "OLD"})
	c.oneBoard()
	store.goOn(kill)
	err := <-ended
	names := c.oneBoard()
	if len(names) != 2 { // both names have a board, whoever came first
		t.Errorf("%d boards; the slow one: %v, the others: %v, %v", len(names), err, wanted, old)
	}
	for _, e := range []error{wanted, old} {
		if f := fault.As(e); e != nil && (f == nil || f.Kind != fault.Conflict) {
			t.Errorf("another one: %v", e)
		}
	}
}

// F1, invariant 3: a claim that nobody used is taken over, and before that is
// done its board claims the name anew: one of them has it.
func TestTakeoverBesideAFreshClaim(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := newCommunity(t)
	other := c.node(c.store, byMembers)
	ada, _ := c.member(other, "ada_lovelace")
	first, _, err := other.CreateBoard(ctx, ada, CreateBoard{Name: "Old"})
	if err != nil {
		t.Fatal(err)
	}
	wanted := "Wanted"
	late := func(store *stalling, act func(*Commands) error) chan error {
		n := c.node(store, byMembers, func(cfg *Config) { cfg.AppendTimeout = time.Hour })
		ended := make(chan error, 1)
		go func() { ended <- act(n) }()
		<-store.stalls
		return ended
	}
	rename := func(n *Commands) error {
		_, err := n.ChangeBoard(context.Background(), ada, first, ChangeBoard{Name: &wanted})
		return err
	}
	dies := stallAt(c.store, 1, true) // it claimed, and no more
	dead := late(dies, rename)
	dies.goOn(true)
	<-dead
	c.pass(10*time.Minute + time.Second)
	slow := stallAt(c.store, 2, false) // it fenced, and has yet to claim
	taking := late(slow, func(n *Commands) error {
		_, _, err := n.CreateBoard(context.Background(), ada, CreateBoard{Name: wanted})
		return err
	})
	if err := rename(other); err != nil {
		t.Error(err)
	}
	slow.goOn(false)
	want(t, <-taking, board.ErrNameTaken)
	if names := c.oneBoard(); len(names) != 1 {
		t.Errorf("%d boards", len(names))
	}
}

// F1, invariant 3: boards are renamed to and fro on two nodes at once.
func TestRenamingsAtOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := newCommunity(t)
	nodes := []*Commands{c.node(c.store, byMembers), c.node(c.store, byMembers)}
	ada, _ := c.member(nodes[0], "ada_lovelace")
	var boards []uuid.UUID
	for i := range 4 {
		id, _, err := nodes[0].CreateBoard(ctx, ada, CreateBoard{Name: fmt.Sprint("Board ", i)})
		if err != nil {
			t.Fatal(err)
		}
		boards = append(boards, id)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1)) //nolint:gosec // repeatable
			for range 40 {
				name := fmt.Sprint("Name ", random.IntN(6))
				_, err := nodes[i%2].ChangeBoard(ctx, ada, boards[random.IntN(4)], ChangeBoard{Name: &name})
				if f := fault.As(err); err != nil && (f == nil || f.Kind != fault.Conflict) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if names := c.oneBoard(); len(names) != 4 {
		t.Errorf("%d boards have a name", len(names))
	}
	// No name is lost: each that no board has can be had, at the latest when
	// claims may be taken over.
	c.pass(10*time.Minute + time.Second)
	for i := range 6 {
		_, _, err := nodes[0].CreateBoard(ctx, ada, CreateBoard{Name: fmt.Sprint("name ", i)})
		if err != nil {
			want(t, err, board.ErrNameTaken)
		}
	}
	names := c.oneBoard()
	for i := range 6 {
		claim, err := nodes[0].boardName(ctx, fmt.Sprint("name ", i))
		if err != nil || names[claim] == uuid.Nil {
			t.Errorf("name %d is lost: %v", i, err)
		}
	}
}
