// Package bookmark is a post that somebody keeps for themselves, in a folder
// of theirs or in none.
//
// Bookmark folds the stream bookmark-<account>.<post>. Whoever keeps their own
// anonymous post does so as its pseudonym, in the stream's name and in every
// event; the account stands in HiddenAccount alone, sealed. So the log shows
// that its author keeps a post, and not who that is.
package bookmark
