// Package gfm is the Markdown that people write here: GitHub's, without HTML,
// so that whatever looks like a tag is shown as it was written, and no word
// is lost in one. Commands look for hashtags and mentions in what it parses,
// and read models render the same.
package gfm
