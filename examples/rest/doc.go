// Command rest is a client of Parley in nothing but the standard library.
//
// client.go is what is worth copying: one call that knows the envelope, tells
// errors by their slug, repeats what may be repeated, renews its token, reads
// its own writes, and walks through lists. main.go is a visit to the sample
// community with it, from signing up to signing out.
package main
