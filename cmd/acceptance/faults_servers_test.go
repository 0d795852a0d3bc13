//go:build stack

package acceptance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/deploy/servers/servertest"
)

// down waits until an api process names the dependency as down, and until it
// does not.
func (b *busy) down(name string, want bool) {
	b.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		a, err := b.s.Cluster.Nodes("api")[0].Client().Try("GET", "/readyz", nil)
		if err == nil && bytes.Contains(a.Raw, []byte(name)) && isDown(a, name) == want {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("/readyz does not say that %s is down: %v, but %v %v", name, want, a, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func isDown(a *harness.Answer, name string) bool {
	var now struct {
		Dependencies []struct{ Name, State string }
	}
	if json.Unmarshal(a.Raw, &now) != nil {
		return false
	}
	for _, d := range now.Dependencies {
		if d.Name == name {
			return d.State == "down"
		}
	}
	return false
}

// O2, invariants 1, 5, 6 and 7: Postgres ends as an operator ends it, and by
// signal 9, while people write.
func TestO2_PostgresIsRestarted(t *testing.T) {
	t.Parallel()
	server := servertest.Start(t, servertest.Postgres)
	b := newBusy(t, map[string]string{"postgres": server.URL()})
	for _, end := range []func(){server.Stop, server.Kill} {
		end()
		b.down("postgres", true)
		server.Restart()
		b.down("postgres", false)
		b.settle(20)
	}
	b.intact()
}

// O2, N5: Kafka dies and stays away for a while. People write on, and
// afterwards everything arrives; the subscriber misses nothing.
func TestO2_KafkaIsAway(t *testing.T) {
	t.Parallel()
	server := servertest.Start(t, servertest.Kafka)
	b := newBusy(t, map[string]string{"kafka": server.URL()})
	server.Kill()
	b.down("kafka", true)
	b.settle(20)
	server.Restart()
	b.down("kafka", false)
	b.intact()
}

// O2, O5, S5: Redis forgets everything, ends by signal 9, and hangs, while people
// write: they write on, nobody is signed out, and a session that was ended stays
// ended.
func TestO2_RedisIsEmptied(t *testing.T) {
	t.Parallel()
	server := servertest.Start(t, servertest.Redis)
	b := newBusy(t, map[string]string{"redis": server.URL()})
	ended := b.s.SignIn(b.ada.Account.Handle)
	ended.Delete("/v1/sessions/current").Want(http.StatusNoContent)
	ended.Get("/v1/me").Want(http.StatusUnauthorized)
	for _, do := range []func(){func() { flush(t, server.Addr()) }, func() { server.Kill(); flushed(t, server) }} {
		do()
		b.settle(20)
		b.ada.Get("/v1/me").Want(http.StatusOK)
		for _, n := range b.s.Cluster.Nodes("api") {
			c := n.Client()
			c.Token = ended.Token
			c.Get("/v1/me").Want(http.StatusUnauthorized)
		}
	}
	server.Pause() // it takes what it is asked, and answers nothing
	b.settle(20)
	server.Resume()
	b.settle(20)
	b.intact()
}

// flushed starts a killed server again and empties it.
func flushed(t *testing.T, server *servertest.Server) {
	t.Helper()
	server.Restart()
	flush(t, server.Addr())
}

// flush empties a Redis in its own protocol.
func flush(t *testing.T, address string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // a socket of the system never fails here
	if _, err := conn.Write([]byte("FLUSHALL\r\n")); err != nil {
		t.Fatal(err)
	}
	if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil || answer != "+OK\r\n" {
		t.Fatalf("FLUSHALL: %q, %v", answer, err)
	}
}
