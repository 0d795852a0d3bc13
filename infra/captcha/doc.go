// Package captcha paints the characters of a captcha as a PNG.
//
// Painter is a commands.Painter over base64Captcha, which brings fonts and
// clutter. What the characters are, who answered and for how long is none of
// its business: it keeps nothing, and no two pictures of one text are alike.
package captcha
