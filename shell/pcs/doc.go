// Package pcs is pcs's command language (0.11, with the 0.9 and 0.10 forms where
// they differ) over Holdfast's document: words in, changes of the document out.
//
// A call goes through four steps. parseOptions takes the options out of the words,
// wherever they stand. The command table (table.go and the families' own tables)
// finds the command by its first words and refuses options that it does not know.
// The command reads and changes the session's document in memory; nothing is
// written when it fails. At the end the session stores a document that differs from
// what was loaded, in one change, with the command line as its cause.
//
// Messages go to the standard error as "Error: …" and "Warning: …", what a
// command prints goes to the standard output. Checks that --force overrides become
// warnings under it (reports.go).
//
// A command for several hosts starts one goroutine for each and waits for all of them.
package pcs
