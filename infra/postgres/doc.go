// Package postgres keeps tables, state, leases and announcements of several
// processes in one Postgres database.
//
// Open gives a Postgres; from it come State (what cannot be rebuilt),
// Generations (read models, a schema each, with a live one for each family, so
// that two releases stand side by side), Leases and Announcements (the ports
// of projections), and Keys for the keyring. All of them run the SQL that
// SQLite runs: "?" becomes "$1", and text is compared byte by byte whatever
// the locale of the database is.
//
// A batch keeps its statements until it asks something or ends and sends them
// in one round trip, with BEGIN before and COMMIT behind them. Every call has
// an end: CallTimeout here, settings of the session at the server. Names of
// schemas begin with Options.Prefix; nothing else of the database is touched.
// Whoever puts a pooler between must pool sessions.
package postgres
