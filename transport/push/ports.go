package push

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
)

// Deps are what a Server works with.
type Deps struct {
	Store     event.Store
	Feed      Feed // what the node hears events from; nil: the Store
	Codec     *event.Codec
	Positions event.Positions
	Tickets   TicketStore
	Sessions  Sessions
	Resources Resources
	Rooms     Rooms
	Inboxes   Inboxes
	Posts     Posts
	Forum     Forum
	HTML      func(markdown string) string // rendered and sanitised
	Bus       Bus                          // nil: one node
	Routes    Routes                       // likewise
	Log       *slog.Logger
	// Refuse answers a handshake that was not one, as REST answers errors.
	Refuse func(http.ResponseWriter, *http.Request, error)
}

// Feed brings events while they happen: the log itself, or what relays it.
//
// The first call hands out whatever is appended after position after, later
// ones go on from there. Events of one root come in order; those of different
// roots need not, and all may come late, behind what the log already has.
type Feed interface {
	Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error]
}

// TicketStore keeps the tickets; every node must see the same.
type TicketStore interface {
	Redeem(ctx context.Context, ticket string) (commands.Actor, bool, error)
}

// TicketKeeper keeps tickets that wait: a commands.Ephemeral.
type TicketKeeper interface {
	PutAmong(ctx context.Context, group string, most int, key string, value []byte, ttl time.Duration) error
	Take(ctx context.Context, key string) (value []byte, ok bool, err error)
}

// Bus carries between nodes what may be lost: who types, and ends of sessions,
// which are in the log as well. Adapters pass pushtest.Bus.
type Bus interface {
	Publish(ctx context.Context, channel string, message []byte) error
	// Listen hands what is published on channels to hear, one after another,
	// this node's own messages too, until ctx ends. It finds lost connections
	// again by itself.
	Listen(ctx context.Context, channels []string, hear func(channel string, message []byte)) error
}

// Routes is the table of who is connected where: account, node, socket, last
// active. An entry that is not touched for its ttl is gone, with its node.
// Adapters pass pushtest.Routes.
type Routes interface {
	// Enter writes a socket down; false when the account has most of them.
	Enter(ctx context.Context, account uuid.UUID, node string, socket uuid.UUID, most int, ttl time.Duration) (bool, error)
	// Touch says that sockets of a node, given with their accounts, are alive.
	// What the table has lost it has again.
	Touch(ctx context.Context, node string, sockets map[uuid.UUID]uuid.UUID, ttl time.Duration) error
	Leave(ctx context.Context, account uuid.UUID, node string, socket uuid.UUID) error
	// Of gives the sockets of an account that were active within ttl.
	Of(ctx context.Context, account uuid.UUID, ttl time.Duration, each func(node string, socket uuid.UUID, active time.Time)) error
}

// Sessions tells who a token stands for, and whether that still holds.
type Sessions interface {
	// Authenticate reads an access token. Errors: faults of Kind Unauthorized.
	Authenticate(ctx context.Context, token string) (commands.Actor, error)
	// CheckSession says whether the actor's session is alive. Errors: as above.
	CheckSession(ctx context.Context, by commands.Actor) error
}

// Resources gives parts of resources in the very form that REST writes them.
type Resources interface {
	// Summary is an account's summary; nil for one that is gone.
	Summary(ctx context.Context, account uuid.UUID) (any, error)
	// Images are the images of those ids that are there, in that order. open
	// says that the place that names them shows them to everybody.
	Images(ctx context.Context, ids []uuid.UUID, open bool) ([]any, error)
}

// Rooms is chat, as far as sockets reach. Every method sees at least what
// commands.PositionFrom(ctx) says. commands.Commands is one.
type Rooms interface {
	// RoomMember says whether account is in the room, and the first number that
	// it may see there.
	RoomMember(ctx context.Context, room, account uuid.UUID) (first uint64, ok bool, err error)
	// DeletedMessages are those of numbers whose messages were deleted.
	DeletedMessages(ctx context.Context, room uuid.UUID, numbers []uint64) (map[uint64]bool, error)
	// Spoken is a text of an event as people read it: with handles in the place
	// of the ids of those it mentions. It serves HTML and posts as well.
	Spoken(ctx context.Context, body string, mentions []uuid.UUID) (string, error)
	SendMessage(ctx context.Context, by commands.Actor, in commands.SendMessage) (commands.MessageSent, error)
	ReadRoom(ctx context.Context, by commands.Actor, room uuid.UUID, number uint64) (uint64, commands.Outcome, error)
}

// Inboxes is notifications, as far as sockets reach. commands.Commands is one.
type Inboxes interface {
	ReadNotifications(ctx context.Context, by commands.Actor, number uint64) (uint64, commands.Outcome, error)
}

// Posts says of a post what its events do not repeat. commands.Commands is one.
type Posts interface {
	// PostPlace says where a post stood after its event of that revision.
	PostPlace(ctx context.Context, post uuid.UUID, revision uint64) (commands.PostPlace, error)
	// CommentAuthor is who wrote a comment, or their pseudonym; uuid.Nil where
	// there is none.
	CommentAuthor(ctx context.Context, comment uuid.UUID) (uuid.UUID, error)
}

// Forum says what of the forum an account may see; it reads the tables.
type Forum interface {
	// Await waits until what Forum says is as new as position.
	Await(ctx context.Context, position uint64) error
	// Post says whether viewer may see a post, and who wrote it: Nil when that
	// is nobody's business. Errors: a fault for absent and hidden ones alike.
	Post(ctx context.Context, viewer, post uuid.UUID) (author uuid.UUID, err error)
	Board(ctx context.Context, viewer, board uuid.UUID) error
	// Blocks are whom viewer blocks, and who blocks viewer.
	Blocks(ctx context.Context, viewer uuid.UUID) (blocked, blockedBy []uuid.UUID, err error)
	// Follows is what viewer's feed is made of.
	Follows(ctx context.Context, viewer uuid.UUID) (Follows, error)
}

// Follows is what an account follows, and who is muted all the same.
type Follows struct {
	Accounts, Boards []uuid.UUID
	Asked            []uuid.UUID // accounts that it waits to follow
	Tags             []string
	Muted            []uuid.UUID
}
