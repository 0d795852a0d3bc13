package s3_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/blobtest"
	"github.com/parleyhq/parley/infra/s3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an S3 in this process; the answer is its URL for a bucket.
func server(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	t.Cleanup(s.Close)
	return address(s.Listener.Addr())
}

func address(a net.Addr) string {
	return "s3://key:s%2Fcret@" + a.String() + "/parley-files?tls=false&region=us-east-1"
}

func open(t testing.TB, cfg s3.Config) *s3.Blobs {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := s3.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// A13
func TestBlobs(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t testing.TB) commands.Blobs { return open(t, s3.Config{URL: server(t)}) })
}

// A13: the bucket is made once, whoever comes first, and is shared.
func TestOpenMakesTheBucket(t *testing.T) {
	t.Parallel()
	ctx, url := context.Background(), server(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			b, err := s3.Open(ctx, s3.Config{URL: url})
			if err != nil {
				t.Error(err)
				return
			}
			_ = b.Close()
		})
	}
	wg.Wait()
	if err := open(t, s3.Config{URL: url}).Put(ctx, "a", "text/plain", 1, strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	blob, err := open(t, s3.Config{URL: url}).Get(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	_ = blob.Close()
}

// An address that is wrong is refused in words, without its secret.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "http://key:sEcret@host/bucket", "s3://host/bucket", "s3://key@host/bucket", "s3://key:sEcret@host", "s3://key:sEcret@host/a/b",
		"s3://key:sEcret@host/bucket?tls=maybe", "s3://key:sEcret@host/bucket?colour=blue", "s3://key:sEcret@ho st/bucket", "s3://key:sEcret%@host/bucket",
	} {
		_, err := s3.Open(context.Background(), s3.Config{URL: url})
		if err == nil || !strings.Contains(err.Error(), "S3") || strings.Contains(err.Error(), "sEcret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A server that is silent, away or out of order is told by its name, in time.
func TestServerFails(t *testing.T) {
	t.Parallel()
	healthy := gofakes3.New(s3mem.New()).Server()
	silent, broken := make(chan struct{}), make(chan struct{})
	ended := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-broken:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		default:
		}
		select {
		case <-silent:
			<-ended
		default:
			healthy.ServeHTTP(w, r)
		}
	}))
	b := open(t, s3.Config{URL: address(s.Listener.Addr()), CallTimeout: 100 * time.Millisecond, PutTimeout: 3 * time.Second, Tries: 1})
	check := func(how string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, get := b.Get(ctx, "a")
		for verb, err := range map[string]error{
			"put": b.Put(ctx, "a", "text/plain", 1, strings.NewReader("a")), "get": get, "delete": b.Delete(ctx, "a"), "ping": b.Ping(ctx),
		} {
			if err == nil || !strings.Contains(err.Error(), "S3 "+s.Listener.Addr().String()) || errors.Is(err, commands.ErrNoBlob) || ctx.Err() != nil {
				t.Errorf("%s, %s: %v", how, verb, err)
			}
		}
	}
	close(silent)
	check("silent")
	close(broken)
	check("out of order")
	close(ended)
	s.Close()
	check("away")
	if _, err := s3.Open(context.Background(), s3.Config{URL: address(s.Listener.Addr()), Tries: 1}); err == nil {
		t.Error("opened what is away")
	}
}
