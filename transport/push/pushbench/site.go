//go:build linux

package pushbench

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/transport/push"
)

// Payload is the size of a message's text, so that its frame has about 512
// bytes of which the text is half.
const Payload = 256

// patience is how long anything here may take.
const patience = 2 * time.Minute

// site is a push server on a log, with an HTTP server before it.
type site struct {
	store   event.Store
	codec   *event.Codec
	tickets *push.Tickets
	listen  net.Listener
	stop    func() error
}

// key seals for everybody.
type key struct{ aead cipher.AEAD }

func (k key) SealingKey(context.Context, event.Owner) (string, cipher.AEAD, error) {
	return "bench", k.aead, nil
}

func (k key) OpeningKey(context.Context, string) (cipher.AEAD, error) { return k.aead, nil }

// Neighbours stand for what sockets need beside the log.
type neighbours struct{}

func (neighbours) Authenticate(context.Context, string) (commands.Actor, error) {
	return commands.Actor{}, commands.ErrTokenInvalid
}

func (neighbours) CheckSession(context.Context, commands.Actor) error { return nil }

func (neighbours) Summary(_ context.Context, id uuid.UUID) (any, error) {
	return json.RawMessage(`{"id":"` + id.String() + `","handle":"somebody","displayName":"Somebody","avatar":null}`), nil
}

func (neighbours) Images(context.Context, []uuid.UUID, bool) ([]any, error) { return nil, nil }

// newSite starts a server on store that hears of events from feed; nil: from
// the store.
func newSite(store event.Store, epoch uuid.UUID, feed push.Feed) (*site, error) {
	raiseLimit()
	catalogue, err := domain.Catalogue()
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	s := &site{store: store, codec: event.NewCodec(catalogue, key{aead})}
	cmds, err := commands.New(commands.Defaults(), commands.Deps{Store: store, Codec: s.codec, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	cfg := push.Defaults()
	cfg.PerAccount = 100_000
	s.tickets = push.NewTickets(time.Hour, &drawer{})
	server := push.New(cfg, push.Deps{
		Store: store, Feed: feed, Codec: s.codec, Positions: event.NewPositions(epoch), Tickets: s.tickets,
		Sessions: neighbours{}, Resources: neighbours{}, Rooms: cmds, Inboxes: cmds, Posts: cmds,
		HTML: func(s string) string { return s },
		Refuse: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		},
	})
	if s.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	web := &http.Server{Handler: server, ReadHeaderTimeout: patience}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	go func() { ended <- cmds.Run(ctx) }()
	go func() { ended <- server.Run(ctx) }()
	go func() { ended <- web.Serve(s.listen) }()
	s.stop = func() error {
		_ = web.Close()
		cancel()
		err := errors.Join(<-ended, <-ended, <-ended)
		cmds.Close(context.Background())
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}
	return s, s.await()
}

// await waits until the server serves.
func (s *site) await() error {
	deadline := time.Now().Add(patience)
	for {
		fd, err := connect(s.listen.Addr().(*net.TCPAddr), s.hello(uuid.New()))
		if err != nil {
			return err
		}
		answer, err := readUntil(fd, func(b []byte) bool { return bytes.Contains(b, []byte("\r\n\r\n")) })
		_ = syscall.Close(fd)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(answer, []byte("HTTP/1.1 101")) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not serve: %q", answer)
		}
		time.Sleep(time.Millisecond)
	}
}

// room makes a room of those members.
func (s *site) room(ctx context.Context, members ...uuid.UUID) (uuid.UUID, error) {
	room := uuid.Must(uuid.NewV7())
	return room, s.append(ctx, chat.Stream(room), chat.RoomCreated{Kind: chat.Group, By: members[0], Members: members, History: true})
}

// say appends that many messages as one.
func (s *site) say(ctx context.Context, room, by uuid.UUID, messages int) error {
	all := make([]event.Data, messages)
	for i := range all {
		all[i] = chat.MessageSent{Sender: by, Text: strings.Repeat("x", Payload)}
	}
	return s.append(ctx, chat.Stream(room), all...)
}

func (s *site) append(ctx context.Context, stream string, data ...event.Data) error {
	events := make([]event.Event, len(data))
	for i, d := range data {
		id := uuid.Must(uuid.NewV7())
		typ, raw, err := s.codec.Encode(ctx, stream, id, d)
		if err != nil {
			return err
		}
		events[i] = event.Event{ID: id, Type: typ, ContentType: event.ContentJSON, Data: raw, Metadata: []byte("{}")}
	}
	_, err := s.store.Append(ctx, stream, event.Any, events)
	return err
}

// hello is the request of a client with a ticket.
func (s *site) hello(account uuid.UUID) []byte {
	word, _, _ := s.tickets.Issue(context.Background(), commands.Actor{Account: account, Session: account})
	return []byte("GET /v1/push HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " + push.Subprotocol + ", ticket." + word + "\r\n\r\n")
}

// shaken reads the answer to hello and gives what came after it.
func shaken(fd int) ([]byte, error) {
	end := []byte("\r\n\r\n")
	all, err := readUntil(fd, func(b []byte) bool { return bytes.Contains(b, end) })
	if err != nil {
		return nil, err
	}
	head, rest, _ := bytes.Cut(all, end)
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101")) {
		return nil, fmt.Errorf("no socket: %q", head)
	}
	return rest, nil
}

// masked is a client's text frame; the mask is zero, which is one.
func masked(text string) []byte {
	b := []byte{0x81}
	if len(text) < 126 {
		b = append(b, 0x80|byte(len(text)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(text)))
	}
	return append(append(b, 0, 0, 0, 0), text...)
}

// drawer keeps tickets until they are used.
type drawer struct{ kept sync.Map }

// PutAmong implements push.TicketKeeper.
func (d *drawer) PutAmong(_ context.Context, _ string, _ int, key string, value []byte, _ time.Duration) error {
	d.kept.Store(key, value)
	return nil
}

// Take implements push.TicketKeeper.
func (d *drawer) Take(_ context.Context, key string) ([]byte, bool, error) {
	value, ok := d.kept.LoadAndDelete(key)
	if !ok {
		return nil, false, nil
	}
	return value.([]byte), true, nil
}
