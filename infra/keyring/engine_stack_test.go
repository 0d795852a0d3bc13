//go:build stack

package keyring_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/readmodels"
)

// databases are those of the paths that tests have opened: here a path is the
// name of a database.
var databases struct {
	sync.Mutex
	urls map[string]string
}

// database opens the database of that path, as another process does.
func database(t *testing.T, path string) *postgres.Postgres {
	t.Helper()
	databases.Lock()
	defer databases.Unlock()
	if databases.urls == nil {
		databases.urls = map[string]string{}
	}
	if databases.urls[path] == "" {
		databases.urls[path] = postgrestest.Database(t)
	}
	return postgrestest.Open(t, postgres.Options{URL: databases.urls[path], PoolMax: 5})
}

// open opens the keyring of that path.
func open(t *testing.T, path string, key []byte) (*keyring.Ring, error) {
	t.Helper()
	return keyring.Over(t.Context(), database(t, path).Keys(), key)
}

// everything is all that is stored there.
func everything(t *testing.T, path string) []byte {
	t.Helper()
	rows, err := database(t, path).Keys().Query(t.Context(), `SELECT id, owner, parent, wrapped FROM keys`)
	must(t, err)
	var all bytes.Buffer
	for rows.Next() {
		var id, owner string
		var parent, wrapped []byte
		must(t, rows.Scan(&id, &owner, &parent, &wrapped))
		for _, part := range [][]byte{[]byte(id), []byte(owner), parent, wrapped} {
			all.Write(part)
		}
	}
	must(t, errors.Join(rows.Err(), rows.Close()))
	return all.Bytes()
}

// A destroyed key is final, and no page of the table has a row that holds it.
func TestDestroyedInPostgres(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t, postgres.Options{})
	keys := db.Keys()
	r, err := keyring.Over(t.Context(), keys, master)
	must(t, err)
	account := uuid.New()
	must(t, r.EnsureAccount(t.Context(), account))
	must(t, r.EnsureAccount(t.Context(), uuid.New()))
	one := func(query string, args ...any) (v []byte) {
		t.Helper()
		rows, err := keys.Query(t.Context(), query, args...)
		must(t, err)
		if !rows.Next() {
			t.Fatal(errors.Join(errors.New("no row"), rows.Err()))
		}
		must(t, rows.Scan(&v))
		must(t, rows.Close())
		return v
	}
	must(t, db.State().Batch(t.Context(), func(b readmodels.Batch) error { return b.Exec(t.Context(), `CREATE EXTENSION pageinspect`) }))
	wrapped := one(`SELECT wrapped FROM keys WHERE owner = ?`, account.String())
	const versions = `SELECT string_agg(t_data, '') FROM parley_state.heap_page_items(parley_state.get_raw_page('parley_keys.keys', 0))`
	if !bytes.Contains(one(versions), wrapped) {
		t.Fatal("the table's page does not show the key even before")
	}
	for range 2 {
		must(t, r.Destroy(t.Context(), account))
	}
	if bytes.Contains(one(versions), wrapped) {
		t.Error("an old version of the row still holds the key")
	}
	if err := r.EnsureAccount(t.Context(), account); !errors.Is(err, event.ErrKeyGone) {
		t.Errorf("EnsureAccount after Destroy: %v", err)
	}
}

// O2: however many processes start at once on an empty database, everything is
// made once and all have the same system keys.
func TestTenStartAtOnce(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	const processes = 10
	var got [processes]string
	var group sync.WaitGroup
	for i := range processes {
		group.Go(func() {
			db, err := postgres.Open(t.Context(), postgres.Options{URL: url, PoolMax: 3})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = db.Close() }()
			r, err := keyring.Over(t.Context(), db.Keys(), master)
			if err != nil {
				t.Error(err)
				return
			}
			for _, name := range []string{"names", "refresh", "links"} {
				raw, err := r.System(t.Context(), name)
				if err != nil {
					t.Error(err)
				}
				got[i] += string(raw)
			}
		})
	}
	group.Wait()
	for _, keys := range got {
		if keys != got[0] {
			t.Error("two processes have different system keys")
		}
	}
}

// A keyring moves from a file to a database and back.
func TestCopyBetweenEngines(t *testing.T) {
	t.Parallel()
	from, account := openFile(t, t.TempDir()+"/a.db"), uuid.New()
	must(t, from.EnsureAccount(t.Context(), account))
	over := newRing(t)
	if n, err := from.CopyTo(t.Context(), over); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	back := openFile(t, t.TempDir()+"/b.db")
	if n, err := over.CopyTo(t.Context(), back); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	want := sealing(t, from, account)
	if sealing(t, over, account) != want || sealing(t, back, account) != want {
		t.Error("the copies have another key")
	}
}
