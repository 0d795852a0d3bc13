//go:build linux && stack

package servertest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/deploy/servers/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// impatience is how long a paused server is given to prove that it is silent.
const impatience = 500 * time.Millisecond

// Every server keeps its word when it is paused, killed, stopped and started
// again: Postgres, Kafka and Elasticsearch have what they acknowledged, Redis
// begins anew.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    servertest.Kind
		scheme  string
		put     func(ctx context.Context, s *servertest.Server, value string) error
		has     func(ctx context.Context, s *servertest.Server, value string) (bool, error)
		forgets bool
	}{
		{kind: servertest.Postgres, scheme: "postgres://", put: putPostgres, has: hasPostgres},
		{kind: servertest.Redis, scheme: "redis://", put: putRedis, has: hasRedis, forgets: true},
		{kind: servertest.Kafka, scheme: "kafka://", put: putKafka, has: hasKafka},
		{kind: servertest.Elasticsearch, scheme: "http://", put: putElasticsearch, has: hasElasticsearch},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
			defer cancel()
			s := servertest.Start(t, c.kind)
			if !strings.HasPrefix(s.URL(), c.scheme) || !strings.Contains(s.URL(), s.Addr()) {
				t.Fatalf("url %s, address %s", s.URL(), s.Addr())
			}
			before := s.URL()
			check := func(after, value string, want bool) {
				t.Helper()
				if has, err := c.has(ctx, s, value); err != nil || has != want {
					t.Errorf("after %s: has %s %v (%v), want %v; log:\n%s", after, value, has, err, want, s.Log())
				}
			}
			put := func(value string) {
				t.Helper()
				if err := c.put(ctx, s, value); err != nil {
					t.Fatalf("put %s: %v", value, err)
				}
			}
			put("one")
			check("put", "one", true)

			s.Pause()
			short, stop := context.WithTimeout(ctx, impatience)
			if err := c.put(short, s, "paused"); err == nil {
				t.Error("a paused server acknowledged")
			}
			stop()
			s.Resume()
			check("resume", "one", true)

			s.Kill()
			s.Kill() // once is enough
			short, stop = context.WithTimeout(ctx, impatience)
			if err := c.put(short, s, "killed"); err == nil {
				t.Error("a killed server acknowledged")
			}
			stop()
			s.Restart()
			check("kill", "one", !c.forgets)

			put("two")
			s.Restart() // while it runs
			check("restart", "two", !c.forgets)
			if s.URL() != before {
				t.Errorf("moved from %s to %s", before, s.URL())
			}
			s.Pause()
			s.Stop() // a paused server can be stopped
		})
	}
}

// Two servers of a kind do not know each other.
func TestServersAreSeparate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, b := servertest.Start(t, servertest.Redis), servertest.Start(t, servertest.Redis)
	if err := putRedis(ctx, a, "mine"); err != nil {
		t.Fatal(err)
	}
	if has, err := hasRedis(ctx, b, "mine"); has || err != nil {
		t.Errorf("the other server has it too: %v %v", has, err)
	}
}

func withPostgres(ctx context.Context, s *servertest.Server, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return f(conn)
}

func putPostgres(ctx context.Context, s *servertest.Server, value string) error {
	return withPostgres(ctx, s, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `CREATE TABLE `+value+` ()`)
		return err
	})
}

func hasPostgres(ctx context.Context, s *servertest.Server, value string) (has bool, err error) {
	err = withPostgres(ctx, s, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, value).Scan(&has)
	})
	return has, err
}

func withRedis(s *servertest.Server, f func(*redis.Client) error) error {
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), ContextTimeoutEnabled: true})
	defer client.Close()
	return f(client)
}

func putRedis(ctx context.Context, s *servertest.Server, value string) error {
	return withRedis(s, func(c *redis.Client) error { return c.Set(ctx, value, "", 0).Err() })
}

func hasRedis(ctx context.Context, s *servertest.Server, value string) (has bool, err error) {
	err = withRedis(s, func(c *redis.Client) error {
		n, err := c.Exists(ctx, value).Result()
		has = n > 0
		return err
	})
	return has, err
}

// A value is a topic: what is acknowledged is in the metadata log.
func putKafka(ctx context.Context, s *servertest.Server, value string) error {
	conn, err := kafka.DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	return conn.CreateTopics(kafka.TopicConfig{Topic: value, NumPartitions: 1, ReplicationFactor: 1})
}

func hasKafka(ctx context.Context, s *servertest.Server, value string) (bool, error) {
	client := &kafka.Client{Addr: kafka.TCP(s.Addr()), Transport: &kafka.Transport{}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	answer, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return false, err
	}
	for _, topic := range answer.Topics {
		if topic.Name == value {
			return true, nil
		}
	}
	return false, nil
}

func elasticsearch(ctx context.Context, method, url, body string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

func putElasticsearch(ctx context.Context, s *servertest.Server, value string) error {
	_, err := elasticsearch(ctx, http.MethodPut, s.URL()+"/things/_doc/"+value, `{}`)
	return err
}

func hasElasticsearch(ctx context.Context, s *servertest.Server, value string) (bool, error) {
	status, err := elasticsearch(ctx, http.MethodGet, s.URL()+"/things/_doc/"+value, "")
	return status == http.StatusOK, err
}
