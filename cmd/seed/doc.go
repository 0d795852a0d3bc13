// Package seed makes up a lively community, the same one each time for the
// same numbers: people in three languages, boards, posts with hashtags,
// comments, reactions, follows, and rooms in which they talk.
//
// A Plan is pure: a random source with a fixed seed decides everything. Fill
// carries it out through the commands, as people would; what a plan asks for
// and a rule refuses is an error, for then the sample is wrong.
package seed
