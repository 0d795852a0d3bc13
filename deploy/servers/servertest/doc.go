// Package servertest gives a test a real server of its own, to be killed,
// paused and restarted: Postgres, Redis, Kafka or Elasticsearch on ports of its
// own, with its data in a folder of the test.
//
// It runs deploy/servers/run, so a server has the configuration that it has
// everywhere else; deploy/servers/install must have run before. Servers end
// with the test, and with its process if that dies. Linux only. Tests that need
// a server but do not hurt it share the one that PARLEY_TEST_… names.
package servertest
