//go:build stack

package smtp_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/infra/smtp"
)

// A1: several processes share the letters of one Postgres while more come in;
// each letter is delivered by one.
func TestOutboxesSharePostgres(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	to := &deliverer{}
	var outboxes []*smtp.Outbox
	for range 3 {
		db := postgrestest.Open(t, postgres.Options{URL: url}).State()
		o := newOutbox(t, db, to, smtp.OutboxConfig{})
		run(t, o)
		outboxes = append(outboxes, o)
	}
	var want []string
	for i := range 60 {
		want = append(want, fmt.Sprintf("%02d", i))
		send(t, outboxes[i%len(outboxes)], want[i])
	}
	none(t, outboxes[0])
	got := to.delivered()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("delivered %v", got)
	}
}
