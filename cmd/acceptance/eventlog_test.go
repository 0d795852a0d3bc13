package acceptance

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

var eventLog = regexp.MustCompile(`(?m)^event log on (esdb://\S+)$`)

// logClient is an official client of the server's log.
func logClient(t *testing.T, s *harness.Server) *esdb.Client {
	t.Helper()
	var found []string
	s.Eventually("the line that says where the log is", func() bool {
		found = eventLog.FindStringSubmatch(s.Stdout())
		return found != nil
	})
	config, err := esdb.ParseConnectionString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func thing(text string) esdb.EventData {
	return esdb.EventData{EventID: uuid.New(), EventType: "thing-happened", ContentType: esdb.ContentTypeJson, Data: []byte(`{"text":"` + text + `"}`)}
}

func readLog(r *esdb.ReadStream, err error) (out []*esdb.RecordedEvent, _ error) {
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, e.OriginalEvent())
	}
}

func wantCode(t *testing.T, err error, code esdb.ErrorCode) {
	t.Helper()
	var e *esdb.Error
	if !errors.As(err, &e) || e.Code() != code {
		t.Errorf("got %v, want an error of code %d", err, code)
	}
}

// Q4, Q9, invariant 9: an official client reads what happens in the community,
// with personal fields sealed, live as well; it can write streams of its own
// and none of ours, and the community does not notice.
func TestQ4_OfficialClient(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Embedded(), harness.Flags("--grpc=127.0.0.1:0"))
	c := logClient(t, s)
	live, err := c.SubscribeToAll(t.Context(), esdb.SubscribeToAllOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	ada := s.NewPerson("ada")
	ada.Patch("/v1/me/profile", map[string]any{"bio": "likes bergamot"}).Want(200)

	account := "account-" + ada.Account.ID
	own, err := readLog(c.ReadStream(t.Context(), account, esdb.ReadStreamOptions{From: esdb.Start{}}, math.MaxUint64))
	if err != nil || len(own) == 0 {
		t.Fatalf("%s has %d events: %v", account, len(own), err)
	}
	for {
		e := live.Recv()
		if e.SubscriptionDropped != nil {
			t.Fatal(e.SubscriptionDropped.Error)
		}
		if e.EventAppeared != nil && e.EventAppeared.OriginalEvent().EventID == own[len(own)-1].EventID {
			break
		}
	}
	all, err := readLog(c.ReadAll(t.Context(), esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		for _, secret := range []string{"bergamot", ada.Account.Email, ada.Account.Handle, "argon2"} {
			if bytes.Contains(e.Data, []byte(secret)) {
				t.Errorf("%s of %s shows %q: %s", e.EventType, e.StreamID, secret, e.Data)
			}
		}
	}

	_, err = c.AppendToStream(t.Context(), account, esdb.AppendToStreamOptions{}, thing("forged"))
	wantCode(t, err, esdb.ErrorCodeAccessDenied)
	_, err = c.SetStreamMetadata(t.Context(), account, esdb.AppendToStreamOptions{}, esdb.StreamMetadata{})
	wantCode(t, err, esdb.ErrorCodeAccessDenied)
	_, err = c.DeleteStream(t.Context(), account, esdb.DeleteStreamOptions{})
	wantCode(t, err, esdb.ErrorCodeAccessDenied)
	_, err = c.AppendToStream(t.Context(), "parley_later-1", esdb.AppendToStreamOptions{}, thing("forged"))
	wantCode(t, err, esdb.ErrorCodeAccessDenied)

	for range 3 {
		if _, err := c.AppendToStream(t.Context(), "weather-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, thing("rain")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.DeleteStream(t.Context(), "weather-1", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Revision(2)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.TombstoneStream(t.Context(), "weather-2", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	bob := s.NewPerson("bob") // the tables go on behind all that
	bob.Get("/v1/me").Want(200)
	s.Ready()
	s.Stop() // with a subscription open
	for {
		if e := live.Recv(); e.SubscriptionDropped != nil {
			break
		}
	}
}

// Q4, invariant 1: what was appended and deleted through the protocol
// survives kill -9, and a subscription resumes where it was.
func TestQ4_Killed(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t, harness.Embedded(), harness.Flags("--grpc=127.0.0.1:0"))
	c := logClient(t, s)
	for _, stream := range []string{"weather-1", "weather-2", "weather-3"} {
		if _, err := c.AppendToStream(t.Context(), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, thing("a"), thing("b")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.DeleteStream(t.Context(), "weather-1", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.TombstoneStream(t.Context(), "weather-2", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Again(true)
	c = logClient(t, s)
	_, err := readLog(c.ReadStream(t.Context(), "weather-1", esdb.ReadStreamOptions{}, 10))
	wantCode(t, err, esdb.ErrorCodeResourceNotFound)
	_, err = readLog(c.ReadStream(t.Context(), "weather-2", esdb.ReadStreamOptions{}, 10))
	wantCode(t, err, esdb.ErrorCodeStreamDeleted)
	_, err = c.AppendToStream(t.Context(), "weather-2", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, thing("c"))
	wantCode(t, err, esdb.ErrorCodeStreamDeleted)
	again, err := c.AppendToStream(t.Context(), "weather-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, thing("c"))
	if err != nil || again.NextExpectedVersion != 2 {
		t.Errorf("written again: %+v %v", again, err)
	}
	resumed, err := c.SubscribeToStream(t.Context(), "weather-3", esdb.SubscribeToStreamOptions{From: esdb.Revision(0)})
	if err != nil {
		t.Fatal(err)
	}
	if e := resumed.Recv(); e.EventAppeared == nil || e.EventAppeared.OriginalEvent().EventNumber != 1 {
		t.Errorf("resumed with %+v", e)
	}
}

// Q4: the log is open on this machine alone, and only when it is asked for.
func TestQ4_WhereItListens(t *testing.T) {
	t.Parallel()
	quiet := harness.Start(t, harness.Embedded())
	if eventLog.MatchString(quiet.Stdout()) {
		t.Error("the log is served though nobody asked")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	empty := filepath.Join(t.TempDir(), "data")
	refuses(t, 1, l.Addr().String(), "serve", "--http", "127.0.0.1:0", "--grpc", l.Addr().String(), "--data", empty)
	refuses(t, 2, "needs TLS", "serve", "--http", "127.0.0.1:0", "--grpc", "0.0.0.0:0", "--data", empty)
}
