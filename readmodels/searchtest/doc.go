// Package searchtest is the conformance suite of search engines.
//
// Run holds an engine to the port: words, scripts, filters, orders, pages,
// generations, and what a late writer may do. Relevance asks a fixed community
// (examples/community) what people ask, in Chinese, Japanese, English and
// mixed; every engine gives the same first answers. Documents makes as many plausible posts as
// wanted, the same ones each time, for measuring.
package searchtest
