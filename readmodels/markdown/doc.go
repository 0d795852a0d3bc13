// Package markdown renders what people write as HTML that is safe to show.
//
// HTML takes CommonMark with tables, strikethrough, task lists and bare
// links. Raw HTML is dropped by the renderer and whatever is left goes through
// an allow-list: a second line that does not trust the first. Links go to
// http, https and mailto alone and carry rel="ugc nofollow noreferrer noopener";
// pictures become links, as nothing may be loaded from elsewhere.
//
// The result depends on the text alone, so tables that hold it rebuild to the
// same rows.
package markdown
