package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble/pebblebench"
)

// reactions are put on one post by very many people at once, and taken back.
func (p Plan) reactions() []Pair {
	what := fmt.Sprintf("%d people react to one post at once", p.Reacting)
	apart := func(ctx context.Context, c *fans) (Turn, error) {
		posts := make([]uuid.UUID, len(c.people))
		for i := range posts {
			var err error
			if posts[i], _, err = c.app.Commands().CreatePost(ctx, c.people[0].actor, c.board, newPost); err != nil {
				return nil, err
			}
		}
		return c.reacting(func(i int) uuid.UUID { return posts[i] }), c.settle()
	}
	bare := func(context.Context, *fans) (Turn, error) {
		return func(ctx context.Context, d time.Duration) (perSecond float64, err error) {
			dir, drop, err := p.folder()
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, drop()) }()
			return pebblebench.Append(ctx, dir, p.Reacting, d)
		}, nil
	}
	return []Pair{
		{
			What: what, Unit: "reactions/s", Floor: "each to a post of their own", Aim: "≥ 0.9",
			Open: func(ctx context.Context) (Sides, error) { return p.reacting(ctx, apart) },
		},
		{
			What: what + ", log", Unit: "reactions/s", Floor: fmt.Sprintf("the log alone, as many writers, %d B", pebblebench.Payload),
			Open: func(ctx context.Context) (Sides, error) { return p.reacting(ctx, bare) },
		},
		{
			What: what + ", until all are counted", Unit: "ms",
			Open: func(ctx context.Context) (_ Sides, err error) {
				c, err := p.fans(ctx)
				if err != nil {
					return Sides{}, err
				}
				return Sides{Parley: c.counted, Close: c.close}, nil
			},
		},
	}
}

var newPost = commands.CreatePost{Title: "A title", Body: "A text."}

// fans are a site whose people react.
type fans struct {
	*site
	board, post uuid.UUID
}

func (p Plan) fans(ctx context.Context) (_ *fans, err error) {
	s, err := p.site(ctx, p.Reacting)
	if err != nil {
		return nil, err
	}
	c := &fans{site: s}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if c.board, _, err = s.app.Commands().CreateBoard(ctx, s.people[0].actor, commands.CreateBoard{Name: "A board"}); err != nil {
		return nil, err
	}
	c.post, _, err = s.app.Commands().CreatePost(ctx, s.people[0].actor, c.board, newPost)
	return c, err
}

// reacting gives one post to react to beside a floor.
func (p Plan) reacting(ctx context.Context, floor func(context.Context, *fans) (Turn, error)) (Sides, error) {
	c, err := p.fans(ctx)
	if err != nil {
		return Sides{}, err
	}
	base, err := floor(ctx, c)
	if err != nil {
		return Sides{}, errors.Join(err, c.close())
	}
	return Sides{Parley: c.reacting(func(int) uuid.UUID { return c.post }), Base: base, Close: c.close}, nil
}

// passes is how often everybody reacts in a turn, or takes it back.
const passes = 4

// reacting lets everybody like the post that is theirs and take it back, again
// and again, through the commands.
func (c *fans) reacting(theirs func(int) uuid.UUID) Turn {
	likes := make([]bool, len(c.people))
	return func(ctx context.Context, _ time.Duration) (float64, error) {
		var count atomic.Int64
		begun := time.Now()
		_, err := c.everybody(func(i int) (out commands.Outcome, err error) {
			n := int64(0)
			for err == nil && n < passes {
				likes[i] = !likes[i]
				out, err = c.app.Commands().ReactToPost(ctx, c.people[i].actor, theirs(i), "like", likes[i])
				n++
			}
			count.Add(n)
			return out, err
		})
		perSecond := float64(count.Load()) / time.Since(begun).Seconds()
		return perSecond, errors.Join(err, c.settle())
	}
}

// everybody does something at once; it gives the newest position.
func (c *fans) everybody(do func(i int) (commands.Outcome, error)) (newest uint64, err error) {
	outs, errs := make([]commands.Outcome, len(c.people)), make([]error, len(c.people))
	var all sync.WaitGroup
	for i := range c.people {
		all.Go(func() { outs[i], errs[i] = do(i) })
	}
	all.Wait()
	for _, out := range outs {
		newest = max(newest, out.Position)
	}
	return newest, errors.Join(errs...)
}

// counted is how long it takes from the first of those reactions until the
// post is read with all of them, in the middle of the times of a turn.
func (c *fans) counted(ctx context.Context, _ time.Duration) (float64, error) {
	reader, err := dial(c.address)
	if err != nil {
		return 0, err
	}
	defer reader.close()
	epoch, err := c.app.Commands().Epoch(ctx)
	if err != nil {
		return 0, err
	}
	var took []float64
	for on := true; len(took) < passes; on = !on {
		begun := time.Now()
		newest, err := c.everybody(func(i int) (commands.Outcome, error) {
			return c.app.Commands().ReactToPost(ctx, c.people[i].actor, c.post, "like", on)
		})
		if err != nil {
			return 0, err
		}
		position := event.NewPositions(epoch).Encode(newest)
		if err := reader.call(request("GET", "/v1/posts/"+c.post.String(), c.people[0].token, "", "Parley-Position: "+position), http.StatusOK); err != nil {
			return 0, err
		}
		took = append(took, time.Since(begun).Seconds()*1000)
		var read struct {
			Data struct{ Reactions map[string]int }
		}
		if err := json.Unmarshal(reader.body, &read); err != nil {
			return 0, err
		}
		if likes := read.Data.Reactions["like"]; on && likes != len(c.people) || !on && likes != 0 {
			return 0, fmt.Errorf("%d likes of %d people are counted (%v)", likes, len(c.people), on)
		}
	}
	return median(took), c.settle()
}
