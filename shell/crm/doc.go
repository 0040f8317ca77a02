// Package crm is the command language of the crm shell: text in, document changes out.
//
// A line becomes words (words.go); the words of a configuration command become one
// element of the document (a kind in kinds.go, one file per kind), without the
// identifiers that the language leaves out; ids.go gives those. A model (model.go) is the
// document while it is being worked on: it knows every object by its identifier, puts
// members into their containers, and keeps constraints pointing at something. Going the
// other way, each kind formats its element as lines of text (format.go). An element whose
// text would not read back as the same element is shown as XML instead, so what show
// prints always loads as the document it was printed from.
//
// Commands are methods of a level, found through tables (levels.go); a session (session.go)
// holds the levels that are open, the options and the streams. Nothing is written before
// commit, and a failed commit writes nothing.
//
// The package starts no goroutine of its own; interactive editing blocks the caller.
package crm
