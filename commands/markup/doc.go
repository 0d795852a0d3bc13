// Package markup finds what a Markdown text names: hashtags and mentions,
// outside of code and links.
//
// It walks the syntax tree and asks domain/text about each run of plain text,
// so that commands record what readers will see. It renders nothing; the
// package readmodels/markdown does, over the same syntax.
package markup
