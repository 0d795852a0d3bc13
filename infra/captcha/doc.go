// Package captcha paints the characters of a captcha as a PNG.
//
// Painter is a commands.Painter: outlines of the Go fonts, turned, bent and
// filled by golang.org/x/image. What the characters are, who answered and for
// how long is none of its business: it keeps nothing, and no two pictures of
// one text are alike.
package captcha
