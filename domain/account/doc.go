// Package account is a person's own facts: how one signed up, is named and
// mailed, verifies an address, what the profile says, which roles one has and
// when all sessions were ended.
//
// Account folds the stream account-<id>. Claim folds the streams that make
// email addresses and handles unique (email-<hmac>, handle-<hmac>) and the one
// that makes the first administrator (setup-administrator). FoldHandle and
// Skeleton say which handles are the same; they are frozen, because streams
// are named after their outcome.
//
// Everything is pure: ids, times and hashes come in.
package account
