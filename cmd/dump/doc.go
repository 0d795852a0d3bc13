// Package dump brings a community from elsewhere in, from a file of JSON lines.
//
// Each line is one thing: an account, a board, a post, a comment or a reaction,
// as docs/import.md describes them. They go through the same commands as
// everything else, so what people could not write is refused, with its reason;
// but they keep their own times, and nobody is told of them. Their ids follow
// from what the source calls them, so a file may be imported again: what is
// here by now is passed over.
package dump
