// Package elastic keeps search indexes in Elasticsearch 8.
//
// Engine implements readmodels.SearchEngine. A generation is an index
// <prefix>-<name>-docs with an alias <prefix>-<name>, through which alone it is
// written: every write requires the alias, so none can make an index that the
// cluster has lost. A family's live generation has the alias
// <prefix>-<family>-live, which is moved at once; searches ask that.
//
// Documents carry the log position as external version, so a late writer
// changes nothing; a deletion is a document that no query finds. Indexes
// refresh only when asked to. Texts are taken out of
// what the cluster stores (_source): they can be found and not be read back.
//
// Every call has a time-out, and is repeated with growing pauses while the
// cluster says that it has too much to do. Errors begin with "elasticsearch".
package elastic
