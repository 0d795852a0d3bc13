// Package reaction is what one person feels about one post or comment: any
// number of kinds, each once. Reactions are signed, under anonymous posts too.
//
// Reactions folds the stream reaction-<subject>.<account>, so that a thousand
// people at once never wait for each other.
package reaction
