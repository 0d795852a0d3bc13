package push

import (
	"fmt"
	"testing"
)

// N3, N5: what is sent over one socket arrives at the others, numbered.
func TestSendAndReceive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	topic := "room:" + room.String()
	a, b := n.dial(alice), n.dial(bob)
	if f := b.subscribe(topic, nil); f.N != 1 || f.Recovered == nil || *f.Recovered {
		t.Fatalf("answer: %s", f.raw)
	}
	for i := range 10 {
		text := fmt.Sprintf("hello %d", i)
		sent := a.ask("send", map[string]any{"room": room, "text": text, "clientId": fmt.Sprint(i)})
		if sent.OK == nil || !*sent.OK || sent.Number != uint64(i+2) {
			t.Fatalf("send: %s", sent.raw)
		}
		got := b.next()
		if got.Topic != topic || got.N != sent.Number || got.Type != typeMessageSent || got.Data["text"] != text || got.Data["clientId"] != fmt.Sprint(i) {
			t.Fatalf("received: %s", got.raw)
		}
	}
}
