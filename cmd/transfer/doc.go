// Package transfer copies a community from one log to another: from the
// embedded stack to the distributed one.
//
// Run copies the keys, then every event in the order of the log, to the same
// revision of the same stream with the same id, time, data and metadata, those
// of outside categories, their deletions and their streams' metadata included.
// A new epoch begins at the end. Positions change, so tokens and cursors of
// before are refused; and notifications count as told up to there.
//
// It may be cut off anywhere and run again: what the target holds is compared
// with the source, event by event, and a target that is no beginning of it is
// refused. Nobody else may write to either meanwhile. The package chooses no
// engines.
package transfer
