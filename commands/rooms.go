package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/text"
)

// ChatRules bound rooms and messages.
type ChatRules struct {
	RoomMembers   int // most members of a room
	MessageMax    int // characters of a message
	MessageImages int // most pictures of a message
	ResendMemory  int // newest messages of a member among which a resend is found
}

// Bounds of a room's shared settings, in characters.
const (
	maxRoomName  = 100
	maxRoomEmoji = 16
)

// roomAvatar is how a room names its picture.
var roomAvatar = namedFor(image.Avatar, image.Emoji)

// ErrNoDirect is a direct room that the other person does not want.
var ErrNoDirect = fault.New(fault.Forbidden, "room.direct_refused", "This person takes no direct messages from you.")

// OpenRoom asks for a room. History nil is true.
type OpenRoom struct {
	Kind    chat.Kind
	Name    string
	Avatar  uuid.UUID // uuid.Nil: none
	Emoji   string
	Members []uuid.UUID // besides the one who asks
	History *bool
}

// RoomOpened says which room it is. Created is false for the direct room that
// the pair had already.
type RoomOpened struct {
	Room     uuid.UUID
	Created  bool
	Position uint64
}

// OpenRoom makes a group, or makes or finds the one direct room of a pair.
// Errors: 404 for members that are not there or across a block, 422,
// ErrNoDirect.
func (c *Commands) OpenRoom(ctx context.Context, by Actor, in OpenRoom) (RoomOpened, error) {
	in.Name, in.Emoji = *tidy(&in.Name), *tidy(&in.Emoji)
	members, err := c.invited(ctx, by, in)
	if err != nil {
		return RoomOpened{}, err
	}
	if err := c.checkRoom(ctx, by, in, members); err != nil {
		return RoomOpened{}, err
	}
	e := chat.RoomCreated{
		Kind: in.Kind, By: by.Account, Name: in.Name, Avatar: in.Avatar, Emoji: in.Emoji,
		Members: append([]uuid.UUID{by.Account}, members...),
		History: in.History == nil || *in.History,
	}
	room, limit := c.newID(), c.cfg.Chat.RoomMembers
	if in.Kind == chat.Direct {
		if room, err = c.directRoom(ctx, by.Account, members[0]); err != nil {
			return RoomOpened{}, err
		}
		limit = max(limit, 2)
		if err := c.mayWriteTo(ctx, by.Account, members[0], room); err != nil {
			return RoomOpened{}, err
		}
	}
	out, err := change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		return r.Create(e, limit)
	})
	return RoomOpened{Room: room, Created: out.Changed, Position: out.Position}, err
}

// mayWriteTo says whether the direct room of two may be begun, as the other one
// set it. One that is there goes on. Errors: ErrNoDirect.
func (c *Commands) mayWriteTo(ctx context.Context, self, other, room uuid.UUID) error {
	r, err := c.room(ctx, room)
	if err != nil || r.Exists() {
		return err
	}
	var from account.Audience
	err = c.account(ctx, other, func(a *account.Account) error {
		from = a.Settings.Privacy.DirectMessages
		return nil
	})
	if err != nil || from == account.Everyone {
		return err
	}
	followed := false
	if from == account.Followed {
		followed, err = c.followsNow(ctx, other, self)
	}
	if err == nil && !followed {
		err = ErrNoDirect
	}
	return err
}

// invited is each of the asked-for members once, without the one who asks,
// all of them people whom that one may meet.
func (c *Commands) invited(ctx context.Context, by Actor, in OpenRoom) ([]uuid.UUID, error) {
	var members []uuid.UUID
	for _, m := range in.Members {
		if m != by.Account && !slices.Contains(members, m) {
			if members = append(members, m); len(members) >= c.cfg.Chat.RoomMembers {
				return nil, chat.ErrTooManyMembers
			}
		}
	}
	for _, m := range members {
		if err := c.canMeet(ctx, by.Account, m); err != nil {
			return nil, err
		}
	}
	return members, nil
}

func (c *Commands) checkRoom(ctx context.Context, by Actor, in OpenRoom, members []uuid.UUID) error {
	var check text.Check
	switch in.Kind {
	case chat.Direct:
		if len(members) == 0 && len(in.Members) > 0 {
			return account.ErrSelf
		}
		if len(members) != 1 {
			check.Add("members", "one other person")
		}
	case chat.Group:
	default:
		check.Add("kind", "unknown")
	}
	check.Line("name", in.Name, maxRoomName)
	check.Line("emoji", in.Emoji, maxRoomEmoji)
	if err := check.Err(); err != nil {
		return err
	}
	return c.nameImages(ctx, by, "avatar", roomAvatar, given(&in.Avatar)...)
}

// canMeet is nil where other is there for account: ErrNotFound for whom there
// is not, and across a block, so that neither tells of the other.
func (c *Commands) canMeet(ctx context.Context, self, other uuid.UUID) error {
	there, err := c.member(ctx, other)
	if err != nil {
		return err
	}
	if !there {
		return fault.ErrNotFound
	}
	apart, err := c.apart(ctx, self, other)
	if err == nil && apart {
		err = fault.ErrNotFound
	}
	return err
}

// apart says whether one of two has blocked the other.
func (c *Commands) apart(ctx context.Context, a, b uuid.UUID) (bool, error) {
	blocked, err := c.stands(ctx, "block", a, b)
	if err == nil && !blocked {
		blocked, err = c.stands(ctx, "block", b, a)
	}
	return blocked, err
}

// directRoom is the id of the one direct room of two people.
func (c *Commands) directRoom(ctx context.Context, a, b uuid.UUID) (uuid.UUID, error) {
	key, err := c.deps.Keyring.System(ctx, "names")
	if err != nil {
		return uuid.Nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write(chat.DirectPair(a, b))
	return chat.DirectID(h.Sum(nil)), nil
}

func (c *Commands) newRoom() *chat.Room { return chat.NewRoom(c.cfg.Chat.ResendMemory) }

// MayChangeRoom says whether by may change what is shared. Errors: 404, 403.
func (c *Commands) MayChangeRoom(ctx context.Context, by Actor, room uuid.UUID) error {
	if err := c.MaySend(ctx, by, room); err != nil {
		return err
	}
	return view(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) error {
		_, err := r.Change(by.Account, chat.Settings{})
		return err
	})
}

// ChangeRoom changes what is shared. Errors: 404, 403, 422, match's.
func (c *Commands) ChangeRoom(ctx context.Context, by Actor, room uuid.UUID, s chat.Settings, match Match) (Outcome, error) {
	if err := c.MayChangeRoom(ctx, by, room); err != nil {
		return Outcome{}, err
	}
	s.Name, s.Emoji = tidy(s.Name), tidy(s.Emoji)
	var check text.Check
	if s.Name != nil {
		check.Line("name", *s.Name, maxRoomName)
	}
	if s.Emoji != nil {
		check.Line("emoji", *s.Emoji, maxRoomEmoji)
	}
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	if err := c.nameImages(ctx, by, "avatar", roomAvatar, given(s.Avatar)...); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		if err := match.check(r.Version()); err != nil {
			return nil, err
		}
		return r.Change(by.Account, s)
	})
}

// MayGiveRoomRole says whether by may give that member some role. Errors: 404,
// 403.
func (c *Commands) MayGiveRoomRole(ctx context.Context, by Actor, room, member uuid.UUID) error {
	err := view(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) error {
		_, err := r.SetRole(by.Account, member, chat.Plain)
		return err
	})
	if errors.Is(err, chat.ErrOwnerMustTransfer) {
		return nil // which role it is, decides
	}
	return err
}

// SetRoomRole gives a member a role; "owner" hands the room over. Errors: 404,
// 403, 422, 409 room.owner_must_transfer.
func (c *Commands) SetRoomRole(ctx context.Context, by Actor, room, member uuid.UUID, role chat.Role) (Outcome, error) {
	if err := c.MayGiveRoomRole(ctx, by, room, member); err != nil {
		return Outcome{}, err
	}
	if !role.Valid() {
		return Outcome{}, fault.ErrInvalid.With(fault.Field("role", "unknown"))
	}
	return change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		return r.SetRole(by.Account, member, role)
	})
}

// RemoveFromRoom takes a member out, or lets the one who asks leave. Errors:
// 404, 403, 409 room.owner_must_transfer.
func (c *Commands) RemoveFromRoom(ctx context.Context, by Actor, room, member uuid.UUID) (Outcome, error) {
	return change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		return r.Remove(by.Account, member)
	})
}

// room is who is in a room. It waits for nothing that is being appended there.
func (c *Commands) room(ctx context.Context, id uuid.UUID) (chat.Membership, error) {
	return peek[chat.Membership](ctx, c.core, chat.Stream(id), c.newRoom)
}

// RoomMember says whether account is in the room, and which number is the
// first that it may see there.
func (c *Commands) RoomMember(ctx context.Context, room, account uuid.UUID) (first uint64, ok bool, err error) {
	r, err := c.room(ctx, room)
	if err != nil {
		return 0, false, err
	}
	m, ok := r.Member(account)
	if !ok {
		return 0, false, nil
	}
	return r.FirstVisible(m), true, nil
}

// RoomNewest is the newest number of a room, 0 where there is none.
func (c *Commands) RoomNewest(ctx context.Context, room uuid.UUID) (newest uint64, err error) {
	r, err := c.room(ctx, room)
	return r.Newest(), err
}

// DeletedMessages are those of numbers that are messages which were deleted
// since: whoever shows the past leaves out what they said.
func (c *Commands) DeletedMessages(ctx context.Context, room uuid.UUID, numbers []uint64) (map[uint64]bool, error) {
	gone := map[uint64]bool{}
	err := view(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) error {
		for _, n := range numbers {
			if r.Deleted(n) {
				gone[n] = true
			}
		}
		return nil
	})
	return gone, err
}
