// Package bleve keeps search indexes in folders, in pure Go.
//
// Engine implements readmodels.SearchEngine: a folder for each generation and
// a file that names the live one of each family. What Apply wrote is on the
// disk when it returns, and can be found.
//
// An index is a function of the tables: one that cannot be opened, or whose
// checksums do not hold, is said in the log and thrown away, so that it is
// built again. It holds no text that could be read back, only what finds it.
//
// One process has the folder, and one writer each generation. What documents
// mean is the port's affair.
package bleve
