package push

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
)

// The types of an inbox's frames.
const (
	typeNotified  = "inbox.notified.v1"
	typeInboxRead = "inbox.read.v1"
)

type (
	// notificationData is one fact; grouping is the list's.
	notificationData struct {
		Number    uint64            `json:"number"`
		Kind      notification.Kind `json:"kind"`
		Actor     any               `json:"actor"` // null: an anonymous author
		Actors    int               `json:"actors"`
		Subject   subjectData       `json:"subject"`
		CreatedAt Time              `json:"createdAt"`
		Read      bool              `json:"read"`
	}
	subjectData struct {
		Type string    `json:"type"`
		ID   uuid.UUID `json:"id"`
	}
	inboxReadData struct {
		ReadUpTo uint64 `json:"readUpTo"`
	}
)

// showInbox is an inbox's event as its account sees it.
func (s *Server) showInbox(ctx context.Context, e event.Decoded) (shown, error) {
	switch d := e.Payload.(type) {
	case notification.Notified:
		actor, err := s.summary(ctx, d.Actor)
		return shown{typ: typeNotified, data: notificationData{
			Number: e.Revision + 1, Kind: d.Kind, Actor: actor, Actors: 1,
			Subject: subjectData{d.Subject.Type, d.Subject.ID}, CreatedAt: Time(e.Time),
		}}, err
	case notification.Read:
		return shown{typ: typeInboxRead, data: inboxReadData{d.Number}}, nil
	}
	return shown{typ: e.Type, data: struct{}{}}, nil
}
