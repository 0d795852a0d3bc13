package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// visible is a kind of write that is read at once with its position.
type visible string

const (
	message visible = "message"
	remark  visible = "comment"
)

// visible is how long a lone client waits from sending a write to holding the
// answer of a read that shows it.
func (p Plan) visible(kind visible, percent int) Pair {
	aim := ""
	if percent == 99 {
		aim = "≤ 10 ms"
	}
	return Pair{
		What: fmt.Sprintf("write to visible, %s, p%d", kind, percent), Unit: "ms", Aim: aim,
		Open: func(ctx context.Context) (_ Sides, err error) {
			s, err := p.site(ctx, 1)
			if err != nil {
				return Sides{}, err
			}
			write, read, err := s.writeAndRead(ctx, kind)
			if err != nil {
				return Sides{}, errors.Join(err, s.close())
			}
			return Sides{Close: s.close, Parley: func(ctx context.Context, d time.Duration) (float64, error) {
				took, err := s.watch(ctx, write, read, d)
				if err != nil {
					return 0, err
				}
				return took[(len(took)-1)*percent/100].Seconds() * 1000, nil
			}}, nil
		},
	}
}

// writeAndRead gives the request of a write, and that of the read which shows
// the thing of that id.
func (s *site) writeAndRead(ctx context.Context, kind visible) (write []byte, read func(id, position string) []byte, err error) {
	me := s.people[0]
	if kind == remark {
		post, err := s.post(ctx, me)
		return request("POST", "/v1/posts/"+post.String()+"/comments", me.token, `{"body":"`+text+`"}`), func(id, position string) []byte {
			return request("GET", "/v1/comments/"+id, me.token, "", "Parley-Position: "+position)
		}, err
	}
	room, err := s.room(ctx, me)
	path := "/v1/rooms/" + room.String() + "/messages"
	return request("POST", path, me.token, `{"text":"`+text+`"}`), func(_, position string) []byte {
		return request("GET", path+"?limit=1", me.token, "", "Parley-Position: "+position)
	}, err
}

// watch writes and reads for the duration, at least once, and gives the times,
// shortest first.
func (s *site) watch(ctx context.Context, write []byte, read func(id, position string) []byte, d time.Duration) ([]time.Duration, error) {
	c, err := dial(s.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var took []time.Duration
	for begun := time.Now(); len(took) == 0 || time.Since(begun) < d; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sent := time.Now()
		if err := c.call(write, http.StatusCreated); err != nil {
			return nil, err
		}
		var made struct{ Data struct{ ID string } }
		if err := json.Unmarshal(c.body, &made); err != nil {
			return nil, err
		}
		if err := c.call(read(made.Data.ID, string(c.position)), http.StatusOK); err != nil {
			return nil, err
		}
		took = append(took, time.Since(sent))
		if !bytes.Contains(c.body, []byte(made.Data.ID)) {
			return nil, fmt.Errorf("what was written is not visible: %s", c.body)
		}
	}
	slices.Sort(took)
	return took, nil
}
