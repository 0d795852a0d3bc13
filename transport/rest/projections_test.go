package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// toyProjections are one that can be rebuilt once, and one that cannot.
type toyProjections struct{}

var toyRebuild = readmodels.Rebuild{ID: toyThing, Projection: "tables", State: readmodels.Running, Progress: 0.25, Asked: toyClock}

func (toyProjections) Projections(context.Context) ([]readmodels.ProjectionState, error) {
	quarter := 0.25
	return []readmodels.ProjectionState{
		{Name: "tables", Position: 7, Lag: 2, Rebuildable: true, Rebuild: &quarter, Parked: 3}, {Name: "notify", Position: 9},
	}, nil
}

func (toyProjections) Rebuild(_ context.Context, name string) (readmodels.Rebuild, error) {
	switch name {
	case "tables":
		return toyRebuild, nil
	case "search":
		return readmodels.Rebuild{}, readmodels.ErrRebuilding
	case "notify":
		return readmodels.Rebuild{}, readmodels.ErrNotRebuildable
	}
	return readmodels.Rebuild{}, fault.ErrNotFound
}

func (toyProjections) LastRebuild(_ context.Context, name string) (readmodels.Rebuild, error) {
	failed := toyRebuild
	failed.State, failed.Reason = readmodels.Failed, "the disk is full"
	return failed, nil
}

func (toyProjections) Parked(context.Context) ([]readmodels.ParkedEvent, error) {
	return []readmodels.ParkedEvent{{ID: "tables-5", Projection: "tables", EventID: toyThing.String(), Stream: "post-1", Type: "post.published.v1", Position: 5, Reason: "refused", At: toyClock}}, nil
}

func (toyProjections) Replay(_ context.Context, id string) error {
	switch id {
	case "tables-5":
		return nil
	case "tables-6":
		return readmodels.ErrParkedAgain.With(fault.Field("id", "refused"))
	case "tables-7":
		return readmodels.ErrNobodyLeads
	}
	return fault.ErrNotFound
}

func (t toyProjections) Drop(ctx context.Context, id string) error { return t.Replay(ctx, id) }

// operators serves all routes of the product to alice, an administrator, and
// bob, who is none.
func operators(t *testing.T, with Projections) *client {
	t.Helper()
	ring, err := keyring.Open(filepath.Join(t.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ring.Close() })
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	log, codec := projectiontest.NewLog(), event.NewCodec(catalogue, ring)
	for person, roles := range map[uuid.UUID][]string{toyAlice: {account.Member, account.Administrator}, toyBob: {account.Member}} {
		if err := ring.EnsureAccount(t.Context(), person); err != nil {
			t.Fatal(err)
		}
		id := uuid.New()
		typ, data, err := codec.Encode(t.Context(), account.Stream(person), id, account.Registered{Handle: person.String()[24:], Roles: roles})
		if err != nil {
			t.Fatal(err)
		}
		_, err = log.Append(t.Context(), account.Stream(person), event.NoStream, []event.Event{{ID: id, Type: typ, Time: time.UnixMilli(1), Data: data}})
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := commands.New(commands.Defaults(), commands.Deps{Store: log, Codec: codec, Keyring: ring, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	s, err := New(toyConfig(func(cfg *Config) {
		cfg.Commands, cfg.Projections = c, with
		cfg.Waiters = map[string]Waiter{Tables: toyWaiter{}, Notify: toyWaiter{}, Search: toyWaiter{}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, s)
}

// Q7, Q8, S7: administrators see projections, and ask for rebuilds and
// replays; nobody else does.
func TestQ7_Administration(t *testing.T) {
	t.Parallel()
	c := operators(t, toyProjections{})
	for _, test := range []struct {
		method, path string
		status       int
		slug         string
		data         string
	}{
		{"GET", "projections", 200, "", `{"items":[
			{"name":"tables","position":7,"lag":2,"rebuildable":true,"rebuild":{"progress":0.25},"parked":3},
			{"name":"notify","position":9,"lag":0,"rebuildable":false,"rebuild":null,"parked":0}]}`},
		{"POST", "projections/tables/rebuild", 202, "", `{"id":"` + toyThing.String() + `","projection":"tables","state":"running",
			"progress":0.25,"reason":null,"askedAt":"2026-01-31T11:00:00.123Z"}`},
		{"GET", "projections/tables/rebuild", 200, "", `{"id":"` + toyThing.String() + `","projection":"tables","state":"failed",
			"progress":0.25,"reason":"the disk is full","askedAt":"2026-01-31T11:00:00.123Z"}`},
		{"POST", "projections/search/rebuild", 409, "projection.rebuilding", ""},
		{"POST", "projections/notify/rebuild", 422, "projection.not_rebuildable", ""},
		{"POST", "projections/nothing/rebuild", 404, "not_found", ""},
		{"GET", "parked", 200, "", `{"items":[{"id":"tables-5","eventId":"` + toyThing.String() + `","stream":"post-1","type":"post.published.v1",
			"position":5,"projection":"tables","reason":"refused","behind":false,"at":"2026-01-31T11:00:00.123Z"}]}`},
		{"POST", "parked/tables-5/replay", 204, "", ""},
		{"POST", "parked/tables-6/replay", 409, "parked.fails_again", ""},
		{"POST", "parked/tables-7/replay", 503, "projection.nobody_leads", ""},
		{"POST", "parked/tables-8/replay", 404, "not_found", ""},
		{"DELETE", "parked/tables-5", 204, "", ""},
		{"DELETE", "parked/tables-8", 404, "not_found", ""},
	} {
		path := "/v1/admin/" + test.path
		a := c.do(test.method, path, "", "Authorization", "Bearer alice").want(t, test.status, test.slug)
		if test.data != "" {
			var want any
			if err := json.Unmarshal([]byte(test.data), &want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, a.JSON["data"]); d != "" {
				t.Errorf("%s %s: (-want +got)\n%s", test.method, path, d)
			}
		}
		c.do(test.method, path, "", "Authorization", "Bearer bob").want(t, 403, "auth.forbidden")
		c.do(test.method, path, "").want(t, 401, "auth.missing")
		if strings.HasSuffix(path, "projections") {
			operators(t, nil).do(test.method, path, "", "Authorization", "Bearer alice").want(t, 503, "unavailable")
		}
	}
}
