package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/transfer"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/projections"
)

// O7: wrong use and a folder without a community are told in a sentence, and
// nothing is made.
func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	servers := []string{"--eventstore=esdb://127.0.0.1:1", "--kafka=kafka://127.0.0.1:1", "--postgres=postgres://127.0.0.1:1/x",
		"--elasticsearch=http://127.0.0.1:1", "--redis=redis://127.0.0.1:1", "--master-key-file=x", "--jwt-key-file=y"}
	data := filepath.Join(t.TempDir(), "data")
	for name, test := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"no servers":   {[]string{"copy", "--data", data}, 2, "--eventstore and --postgres"},
		"no community": {append([]string{"copy", "--data", data}, servers...), 1, "--data: " + data + " holds no community"},
	} {
		_, stderr, status := call(t, nil, test.args...)
		if status != test.status || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, stderr %q", name, status, stderr)
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
}

// O7: the wiring between two stacks copies events and keys, and counts
// notifications as told under the lead of the target.
func TestCopyBetweenStacks(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	source, target := embedded(t), embedded(t)
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	codec := event.NewCodec(catalogue, source.Keyring)
	id, account := uuid.New(), uuid.New()
	typ, data, err := codec.Encode(ctx, ops.EpochStream, id, ops.EpochBegun{Reason: "created"})
	if err == nil {
		_, err = source.Store.Append(ctx, ops.EpochStream, event.NoStream, []event.Event{{ID: id, Type: typ, Data: data}})
	}
	if err == nil {
		err = source.Keyring.EnsureAccount(ctx, account)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &copyCommand{}
	c.LeaseTTL = time.Minute
	var result transfer.Result
	err = c.lead(ctx, target.Leases, func(ctx context.Context, fence projections.Fence) error {
		cfg, err := c.transfer(ctx, source, target, fence)
		if err == nil {
			result, err = transfer.Run(ctx, cfg)
		}
		if err == nil {
			epoch, position, broken := cfg.TargetTold.Load(ctx)
			if broken != nil || epoch != result.Epoch || position != result.Position {
				t.Errorf("told up to %d of %s: %v", position, epoch, broken)
			}
		}
		return err
	})
	if err != nil || result.Events != 2 {
		t.Fatalf("%+v: %v", result, err)
	}
	for _, s := range []*stack.Stack{source, target} {
		if _, _, err := s.Keyring.SealingKey(ctx, event.Owner{Class: event.Personal, Account: account}); err != nil {
			t.Errorf("the account's key: %v", err)
		}
	}
}

// O7: a server that runs on the target is told, not waited for.
func TestCopyWaitsForNobody(t *testing.T) {
	t.Parallel()
	c := &copyCommand{}
	c.LeaseTTL = time.Millisecond
	err := c.lead(t.Context(), taken{}, func(context.Context, projections.Fence) error {
		t.Error("it leads")
		return nil
	})
	if !errors.Is(err, errBusy) {
		t.Errorf("got %v", err)
	}
}

// taken are leases that others hold.
type taken struct{}

func (taken) Lead(ctx context.Context, _ string, _ func(context.Context, projections.Fence) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func embedded(t *testing.T) *stack.Stack {
	t.Helper()
	dir := t.TempDir()
	s, err := stack.Open(t.Context(), stack.Config{
		Data: dir, SigningKeyName: "jwt.key", NewSigningKey: keyring.NewMasterKey, MailFrom: "a@example.org", Now: time.Now, NewID: uuid.New,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
