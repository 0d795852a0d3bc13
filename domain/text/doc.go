// Package text holds the rules of what people write: which characters a
// field takes, how text is folded for comparison, and what a hashtag or a
// mention is.
//
// Check gathers the wrong fields of a request; Tokens finds hashtags and
// mentions in a run of plain text, whose place in Markdown is the caller's
// concern (commands/markup walks the syntax tree, so that code and links are
// left out). Quote and Unquote put the ids of mentioned accounts in the place
// of their handles and back, so that no text names a person for ever.
//
// It is pure, and imports the standard library, uuid, x/text and uniseg alone.
package text
