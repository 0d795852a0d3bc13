// Package process holds what acts on events by itself.
//
// Notify tells people what happened to them: it follows the log in order,
// never ahead of the tables, and appends to inboxes. It has one leader; a
// second one does no harm, nor does beginning anew: every act is decided on the
// stream that it is appended to, and says there what caused it. Nodes that do
// not tell hear through a Follower how far others have told.
//
// Images removes pictures that nothing names, and their files. Due publishes
// scheduled posts when their time has come.
//
// Processes are no projections: what they did is in the log, and is not undone
// by a rebuild. They act through commands alone, and keep nothing but a
// checkpoint, which may be behind and may be lost.
package process
