// Package pushbench measures sockets beside floors that do the same work with
// nothing around it: fan-out of one topic beside a bare loop of one write a
// delivery, the memory of an idle socket beside a bare connection with a
// goroutine, and the return of many clients with cursors beside sending them
// the same bytes.
//
// Clients are bare descriptors of this process, read by one epoll loop that
// counts frames, so that both sides pay the same for them; it runs on Linux
// alone. `go test -bench` and `parley bench` call the same functions, because
// only ratios mean anything on another machine. The log is given.
package pushbench
