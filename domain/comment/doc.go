// Package comment is what people say under a post: flat, each with the comment
// that it answers, if any.
//
// Comment folds the stream comment-<id>. Bodies come in as text.Quote leaves
// them. Where the author of an anonymous post comments under it, the comment
// belongs to the post's pseudonym, as the post does; the account stands in
// HiddenAuthor alone, sealed.
package comment
