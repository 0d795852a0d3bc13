//go:build stack

package postgrestest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parleyhq/parley/infra/postgres"
)

// Server is the address of the server.
func Server(t testing.TB) string {
	t.Helper()
	server := os.Getenv("PARLEY_TEST_POSTGRES")
	if server == "" {
		t.Fatal("PARLEY_TEST_POSTGRES names no server: see `make stack`")
	}
	return server
}

// Database makes a database and gives its address.
func Database(t testing.TB) string {
	t.Helper()
	return On(t, Server(t))
}

// On makes a database on some server.
func On(t testing.TB, server string) string {
	t.Helper()
	name := "parley_test_" + strings.ToLower(rand.Text()[:12])
	Exec(t, server, `CREATE DATABASE `+name+` TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`)
	t.Cleanup(func() { Exec(t, server, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`) })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Exec runs one statement without parameters, outside of a transaction.
func Exec(t testing.TB, address, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, address)
	if err == nil {
		defer func() { _ = c.Close(ctx) }()
		_, err = c.Exec(ctx, sql)
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Open opens a database of the test, until that ends. Options that are not set
// are short, as tests want them.
func Open(t testing.TB, o postgres.Options) *postgres.Postgres {
	t.Helper()
	if o.URL == "" {
		o.URL = Database(t)
	}
	if o.PoolMax == 0 {
		o.PoolMax = 20
	}
	p, err := postgres.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
