// Package report is a report of something to those who look after it, and
// what they decided: resolved with an action and a reason, appealed once by
// whoever was acted on, and decided anew as often as need be.
//
// Report folds the stream report-<id>; Relation folds the stream
// reported-<account>.<subject>, which names the newest report of an account
// about one thing, so that there is one open at a time.
//
// Of an anonymous post, or its author's comment, everything here names the
// pseudonym alone. What a decision does to the post, the comment, the message
// or the account stands in their own streams. The package does no I/O.
package report
