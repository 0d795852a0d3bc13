// Package postgrestest gives tests databases of their own on the Postgres
// server that PARLEY_TEST_POSTGRES names (postgres://…, of a superuser).
//
// Database makes one whose locale sorts text otherwise than SQLite does, so
// that tests find out whoever forgets it; Open opens it. Both end with the test
// and drop it. The code is there under the build tag stack alone.
package postgrestest
