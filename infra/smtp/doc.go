// Package smtp delivers letters. Outbox is the commands.Mailer: it takes a
// letter into the state database, so that nobody waits for a mail server and no
// letter is lost with a process, and workers deliver from there, through
// Server, which is one mail server.
//
// A letter is delivered at least once: whoever loses the answer of the server
// sends it again, with the same Message-ID. A letter that cannot be delivered
// is told in the log, never with its text or address. Rows are deleted with
// their letter's end, since they hold what people wrote.
package smtp
