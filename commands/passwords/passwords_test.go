package passwords_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parleyhq/parley/commands/passwords"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cheap = passwords.Cost{Memory: 64, Time: 1, Threads: 1}

// A1: PHC strings of argon2id that match their password alone.
func TestHash(t *testing.T) {
	t.Parallel()
	h := passwords.New(passwords.DefaultCost(), 1, time.Minute)
	ctx := context.Background()
	phc, err := h.Hash(ctx, "Grüße, 日本")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s %v", phc, err)
	}
	if again, err := h.Hash(ctx, "Grüße, 日本"); err != nil || again == phc {
		t.Error("no salt")
	}
	for password, want := range map[string]bool{
		"Grüße, 日本": true, "Gru\u0308ße, 日本": true, "grüße, 日本": false, "": false, "Grüße, 日本 ": false,
	} {
		if got, err := h.Check(ctx, phc, password); err != nil || got != want {
			t.Errorf("%q: %v %v", password, got, err)
		}
	}
	// Another cost's hash is checked at its own cost.
	if got, err := passwords.New(cheap, 1, time.Minute).Check(ctx, phc, "Grüße, 日本"); err != nil || !got {
		t.Errorf("%v %v", got, err)
	}
	if got, err := h.Check(ctx, "", "no account has this password"); err != nil || got {
		t.Errorf("nobody's password matched: %v", err)
	}
	for _, bad := range []string{"x", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=1,p=1$AAAA$"} {
		if _, err := h.Check(ctx, bad, "x"); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// O5: who waits too long for a turn is told to come back.
func TestBusy(t *testing.T) {
	t.Parallel()
	h := passwords.New(passwords.Cost{Memory: 32 << 10, Time: 30, Threads: 1}, 1, time.Millisecond)
	var wg sync.WaitGroup
	busy := make(chan bool, 4)
	for range cap(busy) {
		wg.Go(func() {
			_, err := h.Hash(context.Background(), "x")
			busy <- errors.Is(err, passwords.ErrBusy)
		})
	}
	wg.Wait()
	close(busy)
	refused := 0
	for b := range busy {
		if b {
			refused++
		}
	}
	if refused == 0 || refused == cap(busy) {
		t.Errorf("%d of %d were refused", refused, cap(busy))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Hash(ctx, "x"); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A1: the common ones are known in any case.
func TestCommon(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]bool{
		"password": true, "PassWord": true, "12345678": true, "qwertyuiop": true, "iloveyou1": true, "baseball1": true,
		"correct horse battery staple": false, "Zq9#vLp2": false, "": false,
	} {
		if got := passwords.Common(password); got != want {
			t.Errorf("%q: %v", password, got)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	h := passwords.New(passwords.DefaultCost(), 1, time.Minute)
	for b.Loop() {
		if _, err := h.Hash(context.Background(), "correct horse battery staple"); err != nil {
			b.Fatal(err)
		}
	}
}
