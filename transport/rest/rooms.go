package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) rooms() {
	absent := []*fault.Fault{fault.ErrNotFound}
	leading := []*fault.Fault{fault.ErrNotFound, fault.ErrForbidden}
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/rooms", ID: "listRooms", Summary: "One's rooms, the newest activity first", Tag: "Rooms",
	}, nil, s.listRooms)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/rooms", ID: "openRoom", Summary: "Make a group, or make or find the direct room of a pair (200)", Tag: "Rooms",
		Status: http.StatusCreated, Found: true, Errors: []*fault.Fault{fault.ErrNotFound, account.ErrSelf, chat.ErrTooManyMembers, commands.ErrImageUnknown},
	}, nil, s.openRoom)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/rooms/{id}", ID: "getRoom", Summary: "A room", Tag: "Rooms", Errors: absent,
	}, s.mayEnter, s.getRoom)
	route(s, Op{
		Method: http.MethodPatch, Path: "/v1/rooms/{id}", ID: "editRoom", Summary: "Change what all members of a room see", Tag: "Rooms",
		Errors: append([]*fault.Fault{commands.ErrImageUnknown, commands.ErrChanged}, leading...),
	}, s.mayChangeRoom, s.editRoom)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/rooms/{id}/members", ID: "listRoomMembers", Summary: "Who is in a room, in the order they came", Tag: "Rooms", Errors: absent,
	}, s.mayListMembers, s.listRoomMembers)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/rooms/{id}/members/{account}", ID: "setRoomRole", Summary: "Give a member a role; owner hands the room over", Tag: "Rooms",
		Errors: append([]*fault.Fault{chat.ErrOwnerMustTransfer}, leading...),
	}, s.mayGiveRole, s.setRoomRole)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/rooms/{id}/members/{account}", ID: "removeRoomMember", Summary: "Send a member away, or leave", Tag: "Rooms",
		Errors: append([]*fault.Fault{chat.ErrOwnerMustTransfer}, leading...),
	}, s.mayNameMember, s.removeRoomMember)
}

// Room is a room as one of its members sees it.
type Room struct {
	ID          uuid.UUID `json:"id"`
	Kind        chat.Kind `json:"kind" enum:"direct,group"`
	Name        *string   `json:"name"`
	Avatar      *Image    `json:"avatar"`
	Emoji       *string   `json:"emoji"`
	History     bool      `json:"history" doc:"newcomers see what came before them"`
	Members     int       `json:"members"`
	Peer        *Summary  `json:"peer" doc:"the other one of a direct room, null in a group"`
	CreatedAt   Time      `json:"createdAt"`
	LastMessage *Message  `json:"lastMessage"`
	Unread      int       `json:"unread"`
	ReadUpTo    uint64    `json:"readUpTo"`
	Me          RoomMe    `json:"me"`
}

// RoomMe is a member's own in a room: nobody else sees it but for the role.
type RoomMe struct {
	Role          chat.Role `json:"role" enum:"owner,admin,member"`
	Theme         *string   `json:"theme"`
	Nickname      *string   `json:"nickname"`
	Notifications string    `json:"notifications" enum:"on,off,mentions"`
	MutedUntil    *Time     `json:"mutedUntil"`
	Pinned        bool      `json:"pinned"`
}

// Member is somebody in a room.
type Member struct {
	Account  *Summary  `json:"account"`
	Role     chat.Role `json:"role" enum:"owner,admin,member"`
	JoinedAt Time      `json:"joinedAt"`
	ReadUpTo uint64    `json:"readUpTo"`
	Nickname *string   `json:"nickname"`
}

// summaries are those that an answer needs, loaded at once.
type summaries map[uuid.UUID]readmodels.Summary

// of is the summary of an account, null where it is gone.
func (s summaries) of(id uuid.UUID) *Summary {
	found, ok := s[id]
	if !ok {
		return nil
	}
	shown := showSummary(found)
	return &shown
}

func showRoom(r readmodels.Room, people summaries) Room {
	out := Room{
		ID: r.ID, Kind: r.Kind, Name: orNull(r.Name), Avatar: signedImage(r.Avatar), Emoji: orNull(r.Emoji), History: r.History, Members: r.Members,
		Peer: people.of(r.Peer), CreatedAt: At(r.CreatedAt), Unread: r.Unread, ReadUpTo: r.ReadUpTo,
		Me: RoomMe{Role: r.Role, Notifications: "on"},
	}
	if r.LastMessage != nil {
		last := showMessage(*r.LastMessage, people)
		out.LastMessage = &last
	}
	return out
}

// nameRooms loads the summaries that rooms need.
func nameRooms(ctx context.Context, r readmodels.Reader, rooms []readmodels.Room) (summaries, error) {
	var messages []*readmodels.Message
	var peers []uuid.UUID
	for _, room := range rooms {
		peers = append(peers, room.Peer)
		if room.LastMessage != nil {
			messages = append(messages, room.LastMessage)
		}
	}
	return readmodels.NameMessages(ctx, r, messages, peers...)
}

type roomPath struct {
	ID uuid.UUID `path:"id"`
}

type roomMemberPath struct {
	roomPath
	Account uuid.UUID `path:"account"`
}

// mayEnter hides a room from whoever is not in it.
func (s *Server) mayEnter(ctx context.Context, c *Call, p roomPath) error {
	_, err := s.inside(ctx, c, p.ID)
	return err
}

// inside is the first number that the caller may see of a room. Errors:
// fault.ErrNotFound for whom it is not.
func (s *Server) inside(ctx context.Context, c *Call, room uuid.UUID) (first uint64, err error) {
	first, ok, err := s.cfg.Commands.RoomMember(ctx, room, c.Account())
	if err == nil && !ok {
		err = fault.ErrNotFound
	}
	return first, err
}

type roomKey struct {
	Active uint64 `json:"a"`
}

func (s *Server) listRooms(ctx context.Context, c *Call, p Page, _ None) (Reply[List[Room]], error) {
	key, err := seek[roomKey](c, p)
	if err != nil {
		return Reply[List[Room]]{}, err
	}
	var before uint64
	if key != nil {
		before = key.Active
	}
	var rooms []readmodels.Room
	var people summaries
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		if rooms, err = readmodels.RoomsOf(ctx, r, c.Account(), before, p.Limit+1); err != nil {
			return err
		}
		people, err = nameRooms(ctx, r, rooms)
		return err
	})
	if err != nil {
		return Reply[List[Room]]{}, err
	}
	answer, err := page(c, p, rooms,
		func(r readmodels.Room) Room { return showRoom(r, people) },
		func(r readmodels.Room) roomKey { return roomKey{r.Active} })
	return Reply[List[Room]]{Data: answer}, err
}

type newRoom struct {
	Kind    string      `json:"kind" enum:"direct,group"`
	Name    string      `json:"name,omitempty" doc:"at most 100 characters"`
	Avatar  *uuid.UUID  `json:"avatar,omitempty" doc:"id of a picture"`
	Emoji   string      `json:"emoji,omitempty" doc:"at most 16 characters"`
	Members []uuid.UUID `json:"members,omitempty" doc:"besides oneself; exactly one for a direct room"`
	History *bool       `json:"history,omitempty" doc:"whether newcomers see what came before them; they do unless it says not"`
}

func (s *Server) openRoom(ctx context.Context, c *Call, _ None, b newRoom) (Reply[Room], error) {
	in := commands.OpenRoom{Kind: chat.Kind(b.Kind), Name: b.Name, Emoji: b.Emoji, Members: b.Members, History: b.History}
	if b.Avatar != nil {
		in.Avatar = *b.Avatar
	}
	opened, err := s.cfg.Commands.OpenRoom(ctx, *c.Actor, in)
	if err != nil {
		return Reply[Room]{}, err
	}
	answer, err := s.replyRoom(ctx, c, opened.Room, opened.Position)
	if !opened.Created {
		answer.Status = http.StatusOK
	}
	return answer, err
}

// replyRoom answers a room as the caller sees it, once the tables show
// position.
func (s *Server) replyRoom(ctx context.Context, c *Call, id uuid.UUID, position uint64) (Reply[Room], error) {
	if err := s.written(ctx, position); err != nil {
		return Reply[Room]{}, err
	}
	var room readmodels.Room
	var people summaries
	err := s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
		found, ok, err := readmodels.RoomOf(ctx, r, c.Account(), id)
		if err == nil && !ok {
			err = fault.ErrNotFound
		}
		if err != nil {
			return err
		}
		room = found
		people, err = nameRooms(ctx, r, []readmodels.Room{room})
		return err
	})
	return Reply[Room]{Data: showRoom(room, people), Position: position, ETag: room.Version}, err
}

func (s *Server) getRoom(ctx context.Context, c *Call, p roomPath, _ None) (Reply[Room], error) {
	return s.replyRoom(ctx, c, p.ID, 0)
}

type roomEdit struct {
	Name    Maybe[string]    `json:"name" doc:"at most 100 characters; null takes it away"`
	Avatar  Maybe[uuid.UUID] `json:"avatar" doc:"id of a picture; null takes it away"`
	Emoji   Maybe[string]    `json:"emoji" doc:"at most 16 characters; null takes it away"`
	History Maybe[bool]      `json:"history" nullable:"false"`
}

func (s *Server) mayChangeRoom(ctx context.Context, c *Call, p roomPath) error {
	return s.cfg.Commands.MayChangeRoom(ctx, *c.Actor, p.ID)
}

func (s *Server) editRoom(ctx context.Context, c *Call, p roomPath, b roomEdit) (Reply[Room], error) {
	out, err := s.cfg.Commands.ChangeRoom(ctx, *c.Actor, p.ID, chat.Settings{
		Name: orCleared(b.Name), Avatar: orCleared(b.Avatar), Emoji: orCleared(b.Emoji), History: b.History.Pointer(),
	}, c.match())
	if err != nil {
		return Reply[Room]{}, err
	}
	return s.replyRoom(ctx, c, p.ID, out.Position)
}

type memberList struct {
	roomPath
	Page
}

type memberKey struct {
	Since   uint64    `json:"s"`
	Account uuid.UUID `json:"a"`
}

func (s *Server) mayListMembers(ctx context.Context, c *Call, p memberList) error {
	return s.mayEnter(ctx, c, p.roomPath)
}

func (s *Server) listRoomMembers(ctx context.Context, c *Call, p memberList, _ None) (Reply[List[Member]], error) {
	key, err := seek[memberKey](c, p.Page)
	if err != nil {
		return Reply[List[Member]]{}, err
	}
	var after *readmodels.RoomMember
	if key != nil {
		after = &readmodels.RoomMember{Since: key.Since, Account: key.Account}
	}
	var members []readmodels.RoomMember
	var people summaries
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		if members, err = readmodels.RoomMembers(ctx, r, p.ID, after, p.Limit+1); err != nil {
			return err
		}
		people, err = nameMembers(ctx, r, members...)
		return err
	})
	if err != nil {
		return Reply[List[Member]]{}, err
	}
	answer, err := page(c, p.Page, members,
		func(m readmodels.RoomMember) Member { return showMember(m, people) },
		func(m readmodels.RoomMember) memberKey { return memberKey{m.Since, m.Account} })
	return Reply[List[Member]]{Data: answer}, err
}

func nameMembers(ctx context.Context, r readmodels.Reader, members ...readmodels.RoomMember) (summaries, error) {
	ids := make([]uuid.UUID, len(members))
	for i, m := range members {
		ids[i] = m.Account
	}
	return readmodels.Summaries(ctx, r, ids...)
}

func showMember(m readmodels.RoomMember, people summaries) Member {
	return Member{Account: people.of(m.Account), Role: m.Role, JoinedAt: At(m.JoinedAt), ReadUpTo: m.ReadUpTo}
}

type roleChange struct {
	Role string `json:"role" enum:"owner,admin,member"`
}

func (s *Server) mayNameMember(ctx context.Context, c *Call, p roomMemberPath) error {
	return s.mayEnter(ctx, c, p.roomPath)
}

func (s *Server) mayGiveRole(ctx context.Context, c *Call, p roomMemberPath) error {
	return s.cfg.Commands.MayGiveRoomRole(ctx, *c.Actor, p.ID, p.Account)
}

func (s *Server) setRoomRole(ctx context.Context, c *Call, p roomMemberPath, b roleChange) (Reply[Member], error) {
	out, err := s.cfg.Commands.SetRoomRole(ctx, *c.Actor, p.ID, p.Account, chat.Role(b.Role))
	if err == nil {
		err = s.written(ctx, out.Position)
	}
	if err != nil {
		return Reply[Member]{}, err
	}
	var answer Member
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
		m, ok, err := readmodels.RoomMemberOf(ctx, r, p.ID, p.Account)
		if err == nil && !ok {
			err = fault.ErrNotFound // gone again meanwhile
		}
		if err != nil {
			return err
		}
		people, err := nameMembers(ctx, r, m)
		answer = showMember(m, people)
		return err
	})
	return Reply[Member]{Data: answer, Position: out.Position}, err
}

func (s *Server) removeRoomMember(ctx context.Context, c *Call, p roomMemberPath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.RemoveFromRoom(ctx, *c.Actor, p.ID, p.Account)
	return s.settled(ctx, out, err)
}
