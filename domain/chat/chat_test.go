package chat_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/domain/fault"
)

// The people of these tests, in the order of their roles in a group.
var owner, admin, plain, other, stranger = person(1), person(2), person(3), person(4), person(5)

func person(n byte) uuid.UUID { return uuid.UUID{15: n} }

const resend = 3

// given is a room after events.
func given(events ...event.Data) *chat.Room {
	r := chat.NewRoom(resend)
	for i, e := range events {
		r.Apply(event.Decoded{Record: event.Record{Revision: uint64(i)}, Payload: e})
	}
	return r
}

func group(more ...event.Data) []event.Data {
	return append([]event.Data{
		chat.RoomCreated{Kind: chat.Group, By: owner, Members: []uuid.UUID{owner, admin, plain, other}, History: true},
		chat.RoleChanged{Account: admin, Role: chat.Admin, By: owner},
	}, more...)
}

func direct(more ...event.Data) []event.Data {
	return append([]event.Data{chat.RoomCreated{Kind: chat.Direct, By: owner, Members: []uuid.UUID{owner, other}, History: true}}, more...)
}

type decider func(*chat.Room) ([]event.Data, error)

func setRole(by, target uuid.UUID, role chat.Role) decider {
	return func(r *chat.Room) ([]event.Data, error) { return r.SetRole(by, target, role) }
}

func remove(by, target uuid.UUID) decider {
	return func(r *chat.Room) ([]event.Data, error) { return r.Remove(by, target) }
}

func rename(by uuid.UUID, name string) decider {
	return func(r *chat.Room) ([]event.Data, error) { return r.Change(by, chat.Settings{Name: &name}) }
}

func edit(by uuid.UUID, number uint64) decider {
	return func(r *chat.Room) ([]event.Data, error) {
		return r.Edit(chat.MessageEdited{Sender: by, Number: number, Text: "new"})
	}
}

func del(by uuid.UUID, number uint64) decider {
	return func(r *chat.Room) ([]event.Data, error) { return r.Delete(by, number) }
}

func takeDown(by uuid.UUID, number uint64) decider {
	return func(r *chat.Room) ([]event.Data, error) { return r.TakeDown(by, number) }
}

func putBack(number uint64) decider {
	return func(r *chat.Room) ([]event.Data, error) {
		return r.Restore(chat.MessageRestored{By: stranger, Number: number, Text: "hi"})
	}
}

func react(by uuid.UUID, number uint64, on bool) decider {
	return func(r *chat.Room) ([]event.Data, error) { return r.React(by, number, "like", on) }
}

func send(m chat.MessageSent) decider {
	return func(r *chat.Room) ([]event.Data, error) {
		events, _, err := r.Send(m)
		return events, err
	}
}

func join(account uuid.UUID, limit int) decider {
	return func(r *chat.Room) ([]event.Data, error) {
		return r.Join(chat.Joined{Account: account, By: owner}, limit)
	}
}

type scene struct {
	given []event.Data
	when  decider
	then  []event.Data
	err   error
}

func play(t *testing.T, scenes map[string]scene) {
	t.Helper()
	for name, s := range scenes {
		eventtest.Decided(t, name, s.then, s.err)(s.when(given(s.given...)))
	}
}

// C1: roles, leaving, removing and transfer.
func TestMembership(t *testing.T) {
	t.Parallel()
	role := func(a uuid.UUID, r chat.Role) event.Data { return chat.RoleChanged{Account: a, Role: r, By: owner} }
	play(t, map[string]scene{
		"owner makes an admin":              {group(), setRole(owner, plain, chat.Admin), []event.Data{role(plain, chat.Admin)}, nil},
		"twice changes nothing":             {group(), setRole(owner, admin, chat.Admin), nil, nil},
		"transfer":                          {group(), setRole(owner, plain, chat.Owner), []event.Data{role(plain, chat.Owner), role(owner, chat.Admin)}, nil},
		"admins give no roles":              {group(), setRole(admin, plain, chat.Admin), nil, fault.ErrForbidden},
		"admins step down":                  {group(), setRole(admin, admin, chat.Plain), []event.Data{chat.RoleChanged{Account: admin, Role: chat.Plain, By: admin}}, nil},
		"members take no roles":             {group(), setRole(plain, plain, chat.Admin), nil, fault.ErrForbidden},
		"owner steps down by transfer only": {group(), setRole(owner, owner, chat.Plain), nil, chat.ErrOwnerMustTransfer},
		"a role adds nobody":                {group(), setRole(owner, stranger, chat.Plain), nil, fault.ErrNotFound},
		"strangers see no room":             {group(), setRole(stranger, plain, chat.Admin), nil, fault.ErrNotFound},
		"no roles in a direct room":         {direct(), setRole(owner, other, chat.Admin), nil, fault.ErrForbidden},

		"leave":                         {group(), remove(plain, plain), []event.Data{chat.Left{Account: plain}}, nil},
		"owner must transfer":           {group(), remove(owner, owner), nil, chat.ErrOwnerMustTransfer},
		"the last one leaves":           {group(chat.Left{Account: admin}, chat.Left{Account: plain}, chat.Left{Account: other}), remove(owner, owner), []event.Data{chat.Left{Account: owner}}, nil},
		"owner removes an admin":        {group(), remove(owner, admin), []event.Data{chat.Removed{Account: admin, By: owner}}, nil},
		"admin removes a plain member":  {group(), remove(admin, plain), []event.Data{chat.Removed{Account: plain, By: admin}}, nil},
		"admin does not remove owners":  {group(), remove(admin, owner), nil, fault.ErrForbidden},
		"admin does not remove admins":  {group(role(plain, chat.Admin)), remove(admin, plain), nil, fault.ErrForbidden},
		"members remove nobody":         {group(), remove(plain, other), nil, fault.ErrForbidden},
		"removed already":               {group(), remove(owner, stranger), nil, nil},
		"strangers remove nobody":       {group(), remove(stranger, plain), nil, fault.ErrNotFound},
		"nobody leaves a direct room":   {direct(), remove(other, other), nil, fault.ErrForbidden},
		"who was removed is a stranger": {group(chat.Removed{Account: admin, By: owner}), remove(admin, plain), nil, fault.ErrNotFound},

		"join":                    {group(), join(stranger, 5), []event.Data{chat.Joined{Account: stranger, By: owner}}, nil},
		"join twice":              {group(), join(plain, 5), nil, nil},
		"join a full room":        {group(), join(stranger, 4), nil, chat.ErrFull},
		"direct rooms take none":  {direct(), join(stranger, 5), nil, fault.ErrNotFound},
		"join what is not there":  {nil, join(stranger, 5), nil, fault.ErrNotFound},
		"rename":                  {group(), rename(admin, "x"), []event.Data{settings(admin, "x")}, nil},
		"renamed already":         {group(settings(admin, "x")), rename(owner, "x"), nil, nil},
		"members rename nothing":  {group(), rename(plain, "x"), nil, fault.ErrForbidden},
		"strangers rename":        {group(), rename(stranger, "x"), nil, fault.ErrNotFound},
		"both rename direct room": {direct(), rename(other, "x"), []event.Data{settings(other, "x")}, nil},
	})
}

func settings(by uuid.UUID, name string) event.Data {
	return chat.SettingsChanged{By: by, Name: &name}
}

// C5: who may send, edit, delete and react to what.
func TestMessages(t *testing.T) {
	t.Parallel()
	by := func(a uuid.UUID) event.Data { return chat.MessageSent{Sender: a} } // number 3
	hidden := []event.Data{
		chat.RoomCreated{Kind: chat.Group, By: owner, Members: []uuid.UUID{owner}},
		by(owner), chat.Joined{Account: plain},
	}
	play(t, map[string]scene{
		"send":                     {group(), send(chat.MessageSent{Sender: plain, Text: "hi"}), []event.Data{chat.MessageSent{Sender: plain, Text: "hi"}}, nil},
		"strangers do not send":    {group(), send(chat.MessageSent{Sender: stranger}), nil, fault.ErrNotFound},
		"nor who left":             {group(chat.Left{Account: plain}), send(chat.MessageSent{Sender: plain}), nil, fault.ErrNotFound},
		"no room":                  {nil, send(chat.MessageSent{Sender: plain}), nil, fault.ErrNotFound},
		"reply":                    {group(by(plain)), send(chat.MessageSent{Sender: owner, ReplyTo: 3}), []event.Data{chat.MessageSent{Sender: owner, ReplyTo: 3}}, nil},
		"reply to no message":      {group(by(plain)), send(chat.MessageSent{Sender: owner, ReplyTo: 2}), nil, fault.ErrInvalid},
		"reply to the future":      {group(by(plain)), send(chat.MessageSent{Sender: owner, ReplyTo: 4}), nil, fault.ErrInvalid},
		"reply to what was before": {hidden, send(chat.MessageSent{Sender: plain, ReplyTo: 2}), nil, fault.ErrInvalid},

		"edit":                  {group(by(plain)), edit(plain, 3), []event.Data{chat.MessageEdited{Sender: plain, Number: 3, Text: "new"}}, nil},
		"owners edit nothing":   {group(by(plain)), edit(owner, 3), nil, fault.ErrForbidden},
		"edit what is none":     {group(by(plain)), edit(plain, 1), nil, fault.ErrNotFound},
		"edit 0":                {group(by(plain)), edit(plain, 0), nil, fault.ErrNotFound},
		"edit far away":         {group(by(plain)), edit(plain, 1<<63), nil, fault.ErrNotFound},
		"edit what was deleted": {group(by(plain), chat.MessageDeleted{By: plain, Number: 3}), edit(plain, 3), nil, fault.ErrNotFound},
		"strangers edit":        {group(by(plain)), edit(stranger, 3), nil, fault.ErrNotFound},

		"delete":                   {group(by(plain)), del(plain, 3), []event.Data{chat.MessageDeleted{By: plain, Number: 3}}, nil},
		"admins delete":            {group(by(owner)), del(admin, 3), []event.Data{chat.MessageDeleted{By: admin, Number: 3}}, nil},
		"members do not":           {group(by(owner)), del(plain, 3), nil, fault.ErrForbidden},
		"delete twice":             {group(by(owner), chat.MessageDeleted{By: owner, Number: 3}), del(admin, 3), nil, nil},
		"delete what is none":      {group(), del(owner, 2), nil, fault.ErrNotFound},
		"delete what is not seen":  {hidden, del(plain, 2), nil, fault.ErrNotFound},
		"not in direct rooms":      {direct(by(owner)), del(other, 2), nil, fault.ErrForbidden},
		"strangers delete nothing": {group(by(owner)), del(stranger, 3), nil, fault.ErrNotFound},

		"take down":               {group(by(owner)), takeDown(stranger, 3), []event.Data{chat.MessageDeleted{By: stranger, Number: 3}}, nil},
		"take down twice":         {group(by(owner), chat.MessageDeleted{By: stranger, Number: 3}), takeDown(stranger, 3), nil, nil},
		"take down what is none":  {group(), takeDown(stranger, 2), nil, fault.ErrNotFound},
		"put back":                {group(by(owner), chat.MessageDeleted{By: stranger, Number: 3}), putBack(3), []event.Data{chat.MessageRestored{By: stranger, Number: 3, Sender: owner, Text: "hi"}}, nil},
		"put back what is there":  {group(by(owner)), putBack(3), nil, nil},
		"put back what is none":   {group(), putBack(1), nil, fault.ErrNotFound},
		"edit what was put back":  {group(by(plain), chat.MessageDeleted{By: stranger, Number: 3}, chat.MessageRestored{Number: 3}), edit(plain, 3), []event.Data{chat.MessageEdited{Sender: plain, Number: 3, Text: "new"}}, nil},
		"react to what came back": {group(by(plain), chat.MessageDeleted{By: stranger, Number: 3}, chat.MessageRestored{Number: 3}), react(owner, 3, true), []event.Data{chat.ReactionAdded{Account: owner, Number: 3, Kind: "like"}}, nil},

		"react":                     {group(by(plain)), react(owner, 3, true), []event.Data{chat.ReactionAdded{Account: owner, Number: 3, Kind: "like"}}, nil},
		"react twice":               {group(by(plain), chat.ReactionAdded{Account: owner, Number: 3, Kind: "like"}), react(owner, 3, true), nil, nil},
		"take it back":              {group(by(plain), chat.ReactionAdded{Account: owner, Number: 3, Kind: "like"}), react(owner, 3, false), []event.Data{chat.ReactionRemoved{Account: owner, Number: 3, Kind: "like"}}, nil},
		"take back nothing":         {group(by(plain), chat.ReactionAdded{Account: owner, Number: 3, Kind: "sad"}), react(owner, 3, false), nil, nil},
		"another's stays":           {group(by(plain), chat.ReactionAdded{Account: owner, Number: 3, Kind: "like"}), react(plain, 3, false), nil, nil},
		"react to what is none":     {group(by(plain)), react(owner, 1, true), nil, fault.ErrNotFound},
		"react to what was deleted": {group(by(plain), chat.MessageDeleted{By: plain, Number: 3}), react(owner, 3, true), nil, fault.ErrNotFound},
	})
}

// C5: a resend finds the first message among the sender's newest ones only.
func TestResend(t *testing.T) {
	t.Parallel()
	m := func(a uuid.UUID, id string) event.Data { return chat.MessageSent{Sender: a, ClientID: id} }
	events := group(m(plain, "a"), m(other, "b"), m(plain, "b"), m(plain, "c"))
	for _, c := range []struct {
		events []event.Data
		sender uuid.UUID
		id     string
		first  uint64
	}{
		{events, plain, "a", 3}, {events, other, "b", 4}, {events, plain, "b", 5}, {events, plain, "c", 6},
		{events, other, "a", 0}, {events, plain, "", 0},
		{append(events, m(plain, "d")), plain, "a", 0}, {append(events, m(plain, "d")), plain, "d", 7}, {append(events, m(plain, "d")), plain, "b", 5},
		{append(events, m(plain, "d"), m(plain, "e"), m(plain, "f"), m(plain, "g")), plain, "e", 8},
		{append(events, m(plain, "d"), m(plain, "e"), m(plain, "f"), m(plain, "g")), plain, "d", 0},
	} {
		got, first, err := given(c.events...).Send(chat.MessageSent{Sender: c.sender, ClientID: c.id})
		if err != nil || first != c.first || (first == 0) == (len(got) == 0) {
			t.Errorf("%v sends %q: %v, first %d, %v; want first %d", c.sender, c.id, got, first, err, c.first)
		}
	}
}

// C1: newcomers see what came before them unless the room says not.
func TestFirstVisible(t *testing.T) {
	t.Parallel()
	for history, want := range map[bool]uint64{true: 1, false: 3} {
		r := given(
			chat.RoomCreated{Kind: chat.Group, By: owner, Members: []uuid.UUID{owner}, History: history},
			chat.MessageSent{Sender: owner}, chat.Joined{Account: plain},
		)
		m, ok := r.Member(plain)
		if got := r.FirstVisible(m); !ok || got != want {
			t.Errorf("history %v: first is %d, want %d", history, got, want)
		}
	}
}

// C1: the direct room of a pair has one id, a UUID of version 8.
func TestDirectRoom(t *testing.T) {
	t.Parallel()
	if string(chat.DirectPair(owner, other)) != string(chat.DirectPair(other, owner)) {
		t.Error("the pair depends on who asks")
	}
	id := chat.DirectID([]byte("0123456789abcdefghijklmnopqrstuv"))
	if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
		t.Errorf("%s: version %d, variant %v", id, id.Version(), id.Variant())
	}
	if r := given(direct()...); r.Other(owner) != other || r.Other(other) != owner || given(group()...).Other(owner) != uuid.Nil {
		t.Error("Other")
	}
	e := chat.RoomCreated{Kind: chat.Direct, By: other, Members: []uuid.UUID{other, owner}}
	if again, err := given(direct()...).Create(e, 50); err != nil || again != nil {
		t.Errorf("created twice: %v, %v", again, err)
	}
	if _, err := given().Create(chat.RoomCreated{Kind: chat.Group, Members: make([]uuid.UUID, 51)}, 50); !errors.Is(err, chat.ErrTooManyMembers) {
		t.Error(err)
	}
}

// C7: receipts go forward only.
func TestReceipt(t *testing.T) {
	t.Parallel()
	r := chat.NewReceipt()
	room := person(9)
	for i, c := range []struct{ to, want uint64 }{{3, 3}, {2, 3}, {3, 3}, {10, 10}, {0, 10}} {
		events, err := r.Read(room, owner, c.to)
		for _, e := range events {
			r.Apply(event.Decoded{Payload: e})
		}
		if err != nil || r.Number() != c.want || len(events) > 1 {
			t.Errorf("step %d: read %d gives %d, %v", i, c.to, r.Number(), err)
		}
	}
}

// BenchmarkApply is what one message costs the room's state.
func BenchmarkApply(b *testing.B) {
	r := given(group()...)
	b.ReportAllocs()
	for i := range b.N {
		r.Apply(event.Decoded{Record: event.Record{Revision: uint64(i + 2)}, Payload: chat.MessageSent{Sender: plain, ClientID: fmt.Sprint(i)}})
	}
}
