package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) notifications() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/notifications", ID: "listNotifications", Tag: "Notifications", Waits: []string{Notify},
		Summary: "One's notifications, the newest first; unread ones of one kind and subject stand together",
	}, nil, s.listNotifications)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/notifications/read", ID: "readNotifications", Summary: "Say how far one has read; it never goes back",
		Tag: "Notifications", Waits: []string{Notify},
	}, nil, s.readNotifications)
}

// Notification is something that one is told, or a group of such.
type Notification struct {
	Number    uint64            `json:"number" doc:"of the newest in the group"`
	Kind      notification.Kind `json:"kind" enum:"reply,mention,comment_mention,post_reaction,comment_reaction,follow,follow_request,followed_post,chat,recommendation,moderation"`
	Actor     *Summary          `json:"actor" doc:"of the newest; null where it is anonymous"`
	Actors    int               `json:"actors" doc:"people in the group"`
	Subject   Subject           `json:"subject"`
	CreatedAt Time              `json:"createdAt"`
	Read      bool              `json:"read"`
}

// Subject is a thing that something is about.
type Subject struct {
	Type string    `json:"type" enum:"post,comment,account,room,report"`
	ID   uuid.UUID `json:"id"`
}

// Inbox is a page of notifications and how the inbox stands.
type Inbox struct {
	List[Notification]
	Unread   int    `json:"unread" doc:"facts, not groups"`
	ReadUpTo uint64 `json:"readUpTo"`
}

type notificationKey struct {
	Number uint64 `json:"n"`
}

func (s *Server) listNotifications(ctx context.Context, c *Call, p Page, _ None) (Reply[Inbox], error) {
	key, err := seek[notificationKey](c, p)
	if err != nil {
		return Reply[Inbox]{}, err
	}
	var before uint64
	if key != nil {
		before = key.Number
	}
	var state readmodels.Inbox
	var rows []readmodels.Notification
	var people summaries
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		if state, err = readmodels.InboxOf(ctx, r, c.Account()); err != nil {
			return err
		}
		if rows, err = readmodels.NotificationsOf(ctx, r, c.Account(), before, p.Limit+1); err != nil {
			return err
		}
		actors := make([]uuid.UUID, len(rows))
		for i, n := range rows {
			actors[i] = n.Actor
		}
		people, err = readmodels.Summaries(ctx, r, actors...)
		return err
	})
	if err != nil {
		return Reply[Inbox]{}, err
	}
	answer, err := page(c, p, rows,
		func(n readmodels.Notification) Notification { return showNotification(n, people) },
		func(n readmodels.Notification) notificationKey { return notificationKey{n.Number} })
	return Reply[Inbox]{Data: Inbox{List: answer, Unread: state.Unread, ReadUpTo: state.ReadUpTo}}, err
}

func showNotification(n readmodels.Notification, people summaries) Notification {
	return Notification{
		Number: n.Number, Kind: n.Kind, Actor: people.of(n.Actor), Actors: n.Actors,
		Subject: Subject{Type: n.Subject.Type, ID: n.Subject.ID}, CreatedAt: At(n.CreatedAt), Read: n.Read,
	}
}

func (s *Server) readNotifications(ctx context.Context, c *Call, _ None, b upTo) (Reply[None], error) {
	_, out, err := s.cfg.Commands.ReadNotifications(ctx, *c.Actor, b.Number)
	return s.settled(ctx, out, err)
}
