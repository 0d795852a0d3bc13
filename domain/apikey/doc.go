// Package apikey is a key with which a program calls Parley on behalf of the
// administrator who made it, within scopes.
//
// Key folds the stream apikey-<id>. Text and Parse are the form in which a key
// is handed out, once; the log holds its hash alone. Whether the administrator
// still is one stands in the account's own stream, so a key ends with the
// office of its maker: docs/decisions/0055-api-keys-act-for-their-maker.md.
package apikey
