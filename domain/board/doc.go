// Package board is a board of the forum: its name, what it says about itself,
// who moderates it and whether it still takes posts.
//
// Board folds the stream board-<id>. Claim folds boardname-<hmac>, which makes
// names unique: a name is claimed first and named by its board after that, so
// a claim that no board names can be taken over behind a fence (Board.Fence).
//
// Whether somebody may do a thing comes in as Who; ids and times come in too.
package board
