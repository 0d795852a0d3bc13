// Package follow is who follows, blocks and mutes whom, and which boards,
// hashtags and posts one follows. Each relation is a stream of its own
// (follow-<a>.<b>, block-…, mute-…, boardfollow-<account>.<board>,
// tagfollow-<account>.<tag>, postfollow-<account>.<post>), so that a thousand
// at once never conflict.
//
// Relation is the state of all six: it stands or it does not. What a block
// means for follows is decided where the streams meet: commands refuse new
// follows across a block, and projections end the old ones with the block.
package follow
