// Package s3 keeps files in a bucket of any S3: Blobs implements
// commands.Blobs. Config says which one, as a URL; Open makes the bucket if it
// is not there.
//
// Every request has an end, and every error says that it was S3's. Nothing is
// cached, and the package has no goroutines of its own.
package s3
