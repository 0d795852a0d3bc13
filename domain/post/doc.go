// Package post is a post of a board: a draft until it is published, edited and
// deleted by its author or a moderator, with an accepted answer if it asks a
// question.
//
// Post folds the stream post-<id>; texts are kept as a hash, so that a state
// stays small. Titles and bodies come in as text.Quote leaves them.
//
// An anonymous post belongs to a pseudonym of its own: that is its Author, the
// owner of the key that seals its text, and whoever its author is called in
// every later event about it. The account behind it stands in HiddenAuthor
// alone, sealed. Acts gives the id under which an account acts on a post;
// nothing else may be written into an event about it.
package post
