// Package image is what is known of a picture that was uploaded.
//
// Image folds the stream image-<id>: whose it is, what for, and what it was
// used for. Its bytes are files (commands.Blobs) under its id; the log holds
// how large they are and, sealed, what they are called.
//
// A picture for posts belongs to a pseudonym of its own, since it may come to
// stand in an anonymous post: nothing open says who uploaded it, and one that
// stood in an anonymous post stands nowhere else.
package image
