package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// text is 256 bytes, as a message may say them.
var text = strings.Repeat("Some words. ", 21) + "Yes."

// messages are sent by clients of one account each, over loopback, into one
// room or each into its own.
func (p Plan) messages(together bool) Pair {
	rooms := fmt.Sprintf("%d rooms", p.Clients)
	if together {
		rooms = "one room"
	}
	return Pair{
		What: fmt.Sprintf("send message over HTTP, %d clients, %s", p.Clients, rooms), Unit: "requests/s",
		Floor: "the same router with an empty handler", Aim: "≥ 0.6",
		Open: func(ctx context.Context) (Sides, error) { return p.sending(ctx, together) },
	}
}

func (p Plan) sending(ctx context.Context, together bool) (_ Sides, err error) {
	s, err := p.site(ctx, p.Clients)
	if err != nil {
		return Sides{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	floor, err := s.floor()
	if err != nil {
		return Sides{}, err
	}
	requests := make([][]byte, p.Clients)
	var room uuid.UUID
	for i, one := range s.people {
		switch {
		case !together:
			room, err = s.room(ctx, one)
		case i == 0:
			room, err = s.room(ctx, s.people...)
		}
		if err != nil {
			return Sides{}, err
		}
		requests[i] = request("POST", "/v1/rooms/"+room.String()+"/messages", one.token, `{"text":"`+text+`"}`)
	}
	return Sides{
		Parley: func(ctx context.Context, d time.Duration) (float64, error) {
			perSecond, err := load(ctx, s.address, requests, http.StatusCreated, d)
			return perSecond, errors.Join(err, s.settle())
		},
		Base: func(ctx context.Context, d time.Duration) (float64, error) {
			return load(ctx, floor, requests, http.StatusNoContent, d)
		},
		Close: s.close,
	}, nil
}

// load lets a client for each request send it again and again, and gives
// answers a second.
func load(ctx context.Context, address string, requests [][]byte, want int, d time.Duration) (float64, error) {
	clients := make([]*client, len(requests))
	for i := range clients {
		c, err := dial(address)
		if err != nil {
			return 0, err
		}
		defer c.close()
		clients[i] = c
	}
	var count atomic.Int64
	var over atomic.Bool
	errs := make([]error, len(clients))
	var crowd sync.WaitGroup
	begun := time.Now()
	for i, c := range clients {
		crowd.Go(func() {
			n := int64(0)
			for !over.Load() && errs[i] == nil {
				errs[i] = c.call(requests[i], want)
				n++
			}
			count.Add(n)
		})
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	over.Store(true)
	crowd.Wait()
	perSecond := float64(count.Load()) / time.Since(begun).Seconds()
	return perSecond, errors.Join(append(errs, ctx.Err())...)
}

// settle waits until the tables, the inboxes and the search index show
// everything, so that what comes next is measured alone.
func (s *site) settle() error {
	c, err := dial(s.address)
	if err != nil {
		return err
	}
	defer c.close()
	room, err := s.room(context.Background(), s.people[0]) // the newest write
	if err != nil {
		return err
	}
	if err := c.call(request("POST", "/v1/rooms/"+room.String()+"/messages", s.people[0].token, `{"text":"done"}`), http.StatusCreated); err != nil {
		return err
	}
	newest := "Parley-Position: " + string(c.position)
	for _, path := range []string{"/v1/notifications?limit=1", "/v1/search?q=done&limit=1"} {
		if err := c.await(request("GET", path, s.people[0].token, "", newest)); err != nil {
			return err
		}
	}
	return nil
}

// await asks until the server has come as far as the request wants.
func (c *client) await(request []byte) error {
	for begun := time.Now(); ; {
		status, err := c.send(request)
		switch {
		case err != nil:
			return err
		case status == http.StatusOK:
			return nil
		case status != http.StatusServiceUnavailable || time.Since(begun) > 4*patience:
			return fmt.Errorf("the server does not catch up: %d %s", status, c.body)
		}
	}
}
