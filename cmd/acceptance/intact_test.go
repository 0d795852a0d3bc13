//go:build stack

package acceptance

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/infra/eventstore"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
)

// intact stops the load and looks whether anything was lost, repeated or
// changed: what was acknowledged, the subscriber's numbers, the tables beside
// a replay of the log, Kafka beside the log.
func (b *busy) intact() {
	b.t.Helper()
	b.settle(10)
	close(b.done)
	b.writers.Wait()
	for _, n := range b.s.Cluster.Nodes("api") {
		n.Ready()
	}
	b.end(b.checkMessages())
	b.checkSubscriber()
	b.checkPosts()
	inside := openInside(b.t, b.s.Cluster, b.servers)
	inside.checkTables()
	inside.checkKafka()
}

// checkMessages reads the room's history and gives its newest number.
func (b *busy) checkMessages() (newest uint64) {
	b.t.Helper()
	found := map[string][]uint64{}
	for after := uint64(0); ; {
		items := b.ben.Get(fmt.Sprintf("/v1/rooms/%s/messages?after=%d&limit=100", b.room, after)).Want(200).Items()
		for _, m := range items {
			number, _ := m["number"].(float64)
			text, _ := m["text"].(string)
			after = uint64(number)
			found[text] = append(found[text], after)
		}
		if len(items) == 0 {
			break
		}
		newest = after
	}
	for text, number := range b.messages {
		if got := found[text]; len(got) != 1 || got[0] != number {
			b.t.Errorf("message %q was acknowledged as %d and is at %v", text, number, got)
		}
	}
	b.t.Logf("%d messages and %d posts were acknowledged", len(b.messages), len(b.posts))
	return newest
}

// checkSubscriber wants every number once, in order.
func (b *busy) checkSubscriber() {
	b.t.Helper()
	for i, n := range b.seen {
		if n != uint64(i+1) {
			b.t.Fatalf("the subscriber got number %d in place %d", n, i+1)
		}
	}
}

// checkPosts wants every acknowledged post on its board, once.
func (b *busy) checkPosts() {
	b.t.Helper()
	found := map[string]int{}
	for path := "/v1/boards/" + b.board + "/posts?limit=100"; ; {
		a := b.ben.Get(path).Want(200)
		for _, p := range a.Items() {
			found[p["id"].(string)]++
		}
		if a.Next() == "" {
			break
		}
		path = "/v1/boards/" + b.board + "/posts?limit=100&cursor=" + a.Next()
	}
	for id, title := range b.posts {
		if found[id] != 1 {
			b.t.Errorf("%q was acknowledged and is on the board %d times", title, found[id])
		}
	}
}

// inside is a cluster's engines as its operator sees them.
type inside struct {
	t     *testing.T
	store *eventstore.Store
	db    *postgres.Postgres
	codec *event.Codec
	epoch uuid.UUID
	kafka string
	names string // namespace
}

func openInside(t *testing.T, c *harness.Cluster, own map[string]string) *inside {
	t.Helper()
	servers := harness.Servers(t, own)
	store, err := eventstore.Open(t.Context(), eventstore.Options{URL: c.EventStore})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	db, err := postgres.Open(t.Context(), postgres.Options{URL: servers["postgres"], Prefix: c.Namespace, PoolMax: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	master, err := os.ReadFile(c.MasterKeyFile())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Over(t.Context(), db.Keys(), master)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ring.Close() })
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	in := &inside{
		t: t, store: store, db: db, codec: event.NewCodec(catalogue, ring),
		kafka: strings.TrimPrefix(servers["kafka"], "kafka://"), names: c.Namespace,
	}
	for rec, err := range store.Stream(t.Context(), ops.EpochStream, 0, event.Forward) {
		if err != nil {
			t.Fatal(err)
		}
		in.epoch = rec.ID
	}
	return in
}

// checkTables wants the tables to be what a replay of the log gives.
func (in *inside) checkTables() {
	in.t.Helper()
	byDefault, err := settings.Defaults()
	if err != nil {
		in.t.Fatal(err)
	}
	projector := projections.Tables(app.Feeds(byDefault))
	replayed, err := sqlite.OpenGenerations(in.t.TempDir())
	if err != nil {
		in.t.Fatal(err)
	}
	defer replayed.Close()
	projectiontest.Fold(in.t, projectiontest.Config(projector, in.store, in.codec, replayed))
	live := in.db.Generations(projector.Family(in.codec.Catalogue(), in.epoch))
	if d := cmp.Diff(projectiontest.Dump(in.t, replayed, projector.Schema), projectiontest.Dump(in.t, live, projector.Schema)); d != "" {
		in.t.Errorf("the tables are not what a replay gives (-replay +tables):\n%s", d)
	}
}

// arrived is an event as Kafka has it.
type arrived struct {
	key      string
	position uint64
	id       string
}

// checkKafka wants every event of the log in Kafka, and those of each key in
// order, for a consumer that skips positions which it has seen.
func (in *inside) checkKafka() {
	in.t.Helper()
	want := map[string]string{}
	for rec, err := range in.store.All(in.t.Context(), 0, event.Filter{}) {
		if err != nil {
			in.t.Fatal(err)
		}
		want[rec.ID.String()] = rec.Type
	}
	deadline := time.Now().Add(harness.Patience)
	for {
		missing, twice := in.compareKafka(want)
		if len(missing) == 0 {
			in.t.Logf("%d events are in Kafka, %d of them twice", len(want), twice)
			return
		}
		if time.Now().After(deadline) {
			in.t.Fatalf("%d of %d events are not in Kafka, among them %v", len(missing), len(want), missing[0])
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (in *inside) compareKafka(want map[string]string) (missing []string, twice int) {
	in.t.Helper()
	got := map[string]bool{}
	for _, context := range []string{"people", "forum", "chat", "inbox", "ops", "outside"} {
		for _, partition := range in.partitions(in.names + "." + context) {
			newest, byKey := uint64(0), map[string]uint64{}
			for _, a := range in.read(in.names+"."+context, partition) {
				if a.position <= newest {
					twice++
					continue
				}
				newest = a.position
				if a.position <= byKey[a.key] {
					in.t.Errorf("key %s: %d comes after %d", a.key, a.position, byKey[a.key])
				}
				byKey[a.key] = a.position
				got[a.id] = true
			}
		}
	}
	for id, typ := range want {
		if !got[id] {
			missing = append(missing, typ+" "+id)
		}
	}
	slices.Sort(missing)
	return missing, twice
}

func (in *inside) partitions(topic string) (all []int) {
	in.t.Helper()
	conn, err := kafka.DialContext(in.t.Context(), "tcp", in.kafka)
	if err != nil {
		in.t.Fatal(err)
	}
	defer conn.Close()
	partitions, err := conn.ReadPartitions(topic)
	if err != nil {
		in.t.Fatalf("%s: %v", topic, err)
	}
	for _, p := range partitions {
		all = append(all, p.ID)
	}
	return all
}

// read is a partition from its start to its end of now.
func (in *inside) read(topic string, partition int) (all []arrived) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), time.Minute)
	defer cancel()
	leader, err := kafka.DialLeader(ctx, "tcp", in.kafka, topic, partition)
	if err != nil {
		in.t.Fatal(err)
	}
	end, err := leader.ReadLastOffset()
	_ = leader.Close()
	if err != nil {
		in.t.Fatal(err)
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{in.kafka}, Topic: topic, Partition: partition, MaxWait: 50 * time.Millisecond})
	defer reader.Close()
	for offset := int64(0); offset < end; {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			in.t.Fatalf("%s/%d at %d of %d: %v", topic, partition, offset, end, err)
		}
		offset = m.Offset + 1
		a := arrived{key: string(m.Key)}
		for _, h := range m.Headers {
			switch h.Key {
			case "ce_id":
				a.id = string(h.Value)
			case "ce_position":
				if a.position, err = strconv.ParseUint(string(h.Value), 10, 64); err != nil {
					in.t.Fatalf("ce_position %q: %v", h.Value, err)
				}
			}
		}
		all = append(all, a)
	}
	return all
}
