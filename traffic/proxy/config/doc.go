// Package config reads haproxy.cfg: its words, its conditional blocks, its sections and its directives, from one or several
// texts, into a Config that is whole and does not change any more.
//
// The language is read in three steps. lines.go makes logical lines of words (quotes, backslashes, comments, environment
// variables) and conditional.go drops those that `.if` excludes; section.go puts each line to the section it stands in; and the
// tables of directives (proxy.go, options.go, rules.go, server.go, bind.go, …) say what a line does there. A directive that
// is not in the tables is an error with file and line; one that HAProxy knows and this program does not is refused in those
// words (refused.go): no line is ignored in silence. Load goes on behind an error and returns all of them.
//
// What a directive does is said in docs/proxy.md, which a test holds to the tables.
//
// The package opens no file and asks no name server by itself: a Source does, which a caller hands in.
package config
