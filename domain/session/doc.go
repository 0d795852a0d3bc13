// Package session is one sign-in: the stream session-<id>, which holds a
// family of refresh tokens, each used once.
//
// Token 0 is issued with the sign-in; presenting token n issues n+1. A token
// that comes back after its successor was used was stolen, or its successor
// was: the session ends. The state is as small as that: who, which token is
// the newest, until when.
//
// Whether the account ended all its sessions stands in the account's own
// stream: see account.Over.
package session
