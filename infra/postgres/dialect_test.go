package postgres

import (
	"strings"
	"testing"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`SELECT a FROM b WHERE c = ? AND d IN (?, ?)`:                 `SELECT a FROM b WHERE c = $1 AND d IN ($2, $3)`,
		`SELECT 'it''s ?', "odd?", ? -- what?` + "\n" + `, ? /* ? */`: `SELECT 'it''s ?', "odd?", $1 -- what?` + "\n" + `, $2 /* ? */`,
		`SELECT 'open ?`: `SELECT 'open ?`,
		``:               ``,
		`CREATE TABLE IF NOT EXISTS a (id text PRIMARY KEY, n bigint, b text NOT NULL)`: `CREATE TABLE IF NOT EXISTS a (id text COLLATE "C" PRIMARY KEY, n bigint, b text COLLATE "C" NOT NULL)`,
		"create table text (\n\ttext TEXT,\n\t\"odd\" text DEFAULT 'a text, b text')":   "create table text (\n\ttext TEXT COLLATE \"C\",\n\t\"odd\" text COLLATE \"C\" DEFAULT 'a text, b text')",
		`CREATE TABLE a (without text, PRIMARY KEY (without)) WITHOUT ROWID`:            `CREATE TABLE a (without text COLLATE "C", PRIMARY KEY (without)) `,
		`ALTER TABLE a ADD COLUMN b text`:                                               `ALTER TABLE a ADD COLUMN b text COLLATE "C"`,
		`ALTER TABLE a ADD COLUMN IF NOT EXISTS b text DEFAULT ''`:                      `ALTER TABLE a ADD COLUMN IF NOT EXISTS b text COLLATE "C" DEFAULT ''`,
		`CREATE INDEX IF NOT EXISTS a_text ON a (b, text) WHERE c > 0`:                  `CREATE INDEX IF NOT EXISTS a_text ON a (b, text) WHERE c > 0`,
		`CREATE FUNCTION f(a text, b text) RETURNS text`:                                `CREATE FUNCTION f(a text, b text) RETURNS text`,
		`SELECT CAST(? AS text), b text FROM a`:                                         `SELECT CAST($1 AS text), b text FROM a`,
	} {
		got := translate(given)
		if got.sql != want {
			t.Errorf("%s\nbecame %s\nwant   %s", given, got.sql, want)
		}
		if ddl := strings.HasPrefix(strings.ToUpper(given), "CREATE") || strings.HasPrefix(given, "ALTER"); got.ddl != ddl {
			t.Errorf("%s: makes something: %v", given, got.ddl)
		}
	}
}

func FuzzTranslate(f *testing.F) {
	f.Add(`SELECT '?', "?" -- ?`)
	f.Add(`CREATE TABLE a (b text)`)
	f.Fuzz(func(t *testing.T, sql string) {
		got := translate(sql)
		if got.asks > strings.Count(sql, "?") {
			t.Errorf("%q asks for %d", sql, got.asks)
		}
		if !strings.Contains(sql, "?") && !got.ddl && got.sql != sql {
			t.Errorf("%q became %q", sql, got.sql)
		}
	})
}
