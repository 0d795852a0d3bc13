//go:build stack

package relay

import (
	"context"
	"os"
	"testing"

	driver "github.com/segmentio/kafka-go"

	"github.com/parleyhq/parley/domain/event"
)

func realURL(t testing.TB) string {
	t.Helper()
	url := os.Getenv("PARLEY_TEST_KAFKA")
	if url == "" {
		t.Fatal("PARLEY_TEST_KAFKA names no broker: kafka://host:port")
	}
	return url
}

// realWorld is a world on a real broker, whose topics go with it.
func realWorld(t testing.TB) *world {
	t.Helper()
	w := worldAt(t, realURL(t))
	t.Cleanup(func() {
		transport := &driver.Transport{}
		defer transport.CloseIdleConnections()
		c := driver.Client{Addr: driver.TCP(realURL(t)[len("kafka://"):]), Transport: transport}
		_, err := c.DeleteTopics(context.Background(), &driver.DeleteTopicsRequest{Topics: Topics(w.catalogue, w.prefix, event.Filter{})})
		if err != nil {
			t.Error(err)
		}
	})
	return w
}

// Q2: every event reaches a real broker, as it stands in the log, each key in
// order; who goes on after a stop repeats nothing.
func TestEveryEventArrivesReal(t *testing.T) {
	t.Parallel()
	w := realWorld(t)
	w.say(2000)
	r := w.run(nil)
	w.relayed(r)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.say(500)
	w.relayed(w.run(nil))
	if n := w.complete(w.read(2501)); n != 0 {
		t.Errorf("%d events came twice", n)
	}
}
