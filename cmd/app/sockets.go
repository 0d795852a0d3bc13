package app

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/readmodels/markdown"
	"github.com/parleyhq/parley/transport/push"
	"github.com/parleyhq/parley/transport/rest"
)

func (a *App) makePush(context.Context) error {
	a.tickets = newTickets(a.cfg, a.stack.Ephemeral)
	if !a.serves("push") {
		return nil
	}
	deps := push.Deps{
		Store: a.stack.Store, Codec: a.stack.Codec, Positions: a.positions,
		Tickets: a.tickets, Sessions: a.commands, Rooms: a.commands, Inboxes: a.commands, Posts: a.commands,
		Resources: rest.Resources{Commands: a.commands, ImageURL: imageURL(a.cfg, a.baseURL)}, Forum: forum{a.tables, a.reads},
		HTML: markdown.HTML, Log: a.log,
		Refuse: func(w http.ResponseWriter, r *http.Request, err error) { a.rest.Refuse(w, r, err) },
	}
	if a.stack.Broker != nil && a.hub != nil { // several processes: the log has readers enough
		deps.Feed = a.stack.Broker.NewFeed(a.stack.Store, a.stack.Codec.Catalogue(), a.epoch)
	}
	if nodes := a.stack.Nodes; nodes != nil {
		deps.Bus, deps.Routes = nodes.Bus, nodes.Routes
	}
	a.push = push.New(pushConfig(a.cfg, a.node), deps)
	return a.metrics.Register(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "parley_sockets", Help: "Sockets that are open on this node."},
		func() float64 { return float64(a.push.Sockets()) },
	))
}

// forum answers what sockets ask of the forum, from the tables.
type forum struct {
	tables projections.Projection
	reads  *readmodels.Tables
}

// Await implements push.Forum.
func (f forum) Await(ctx context.Context, position uint64) error { return f.tables.Wait(ctx, position) }

// Post implements push.Forum.
func (f forum) Post(ctx context.Context, viewer, id uuid.UUID) (author uuid.UUID, err error) {
	err = f.reads.Read(ctx, func(r readmodels.Reader) error {
		p, ok, err := readmodels.PostOf(ctx, r, viewer, id)
		if err == nil && !ok {
			err = fault.ErrNotFound
		}
		if p.Author != nil {
			author = p.Author.ID
		}
		return err
	})
	return author, err
}

// Board implements push.Forum.
func (f forum) Board(ctx context.Context, viewer, id uuid.UUID) error {
	return f.reads.Read(ctx, func(r readmodels.Reader) error {
		_, ok, err := readmodels.BoardOf(ctx, r, viewer, id, readmodels.BoardTags{})
		if err == nil && !ok {
			err = fault.ErrNotFound
		}
		return err
	})
}

// Blocks implements push.Forum.
func (f forum) Blocks(ctx context.Context, viewer uuid.UUID) (blocked, blockedBy []uuid.UUID, err error) {
	err = f.reads.Read(ctx, func(r readmodels.Reader) error {
		x, err := readmodels.BlocksOf(ctx, r, viewer)
		blocked, blockedBy = x.Blocked, x.BlockedBy
		return err
	})
	return blocked, blockedBy, err
}

// Follows implements push.Forum.
func (f forum) Follows(ctx context.Context, viewer uuid.UUID) (all push.Follows, err error) {
	err = f.reads.Read(ctx, func(r readmodels.Reader) error {
		x, err := readmodels.FollowsOf(ctx, r, viewer)
		all = push.Follows{Accounts: x.Accounts, Asked: x.Asked, Boards: x.Boards, Tags: x.Tags, Muted: x.Muted}
		return err
	})
	return all, err
}
