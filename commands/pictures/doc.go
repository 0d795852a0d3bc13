// Package pictures makes what is kept of a picture out of what somebody sent:
// bytes that may be anything.
//
// A Maker looks at the first bytes, never at a name or a header, and takes
// PNG, JPEG, GIF and WebP. Bounds come from the header, before a decoder runs.
// What it gives is encoded anew from pixels alone: whatever else was in the
// file (places, cameras, colour profiles, comments, a web page behind the end)
// is gone, and the orientation that a camera noted is applied. Thumbnails are
// never larger than the picture.
//
// Animated GIFs stay animated. WebP becomes JPEG, or PNG where it has
// transparency or is lossless; animated WebP is refused. A few pictures are
// worked on at once, and nobody waits longer than is said.
package pictures
