// Package community holds a sample community: people, boards, posts, comments
// and reactions in Chinese, Japanese and English, in the lines that
// docs/import.md describes.
//
// `make sample` brings it into a fresh folder; the other examples read and
// write there. Search engines are judged by it too, so what its posts say is
// not changed without looking at readmodels/searchtest.
package community
