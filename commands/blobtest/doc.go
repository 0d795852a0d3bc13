// Package blobtest is the conformance suite of commands.Blobs: what every
// store of files must keep to. infra/files and infra/s3 run it.
package blobtest
