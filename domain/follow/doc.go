// Package follow is who follows, blocks and mutes whom, and which boards and
// hashtags one follows. Each relation is a stream of its own (follow-<a>.<b>,
// block-…, mute-…, boardfollow-<account>.<board>, tagfollow-<account>.<tag>),
// so that a thousand at once never conflict.
//
// Relation is the state of all five: it stands or it does not. What a block
// means for follows is decided where the streams meet: commands refuse new
// follows across a block, and projections end the old ones with the block.
package follow
