// Package keepalived reads the language of keepalived.conf(5): blocks of directives, with
// comments, quoting, includes, parameters ($NAME) and lines for one host only (@id). What the
// directives mean is the business of the packages that compile them: traffic/vrrp and
// traffic/director read one file each for its part.
//
// Reading goes in two steps. Lines are expanded first (lines.go): comments fall away, conditions decide,
// parameters are replaced, included files take the place of the line that names them. Then words and braces
// become a tree of directives (tree.go). Every directive knows the file and line it came from.
//
// Sequences (~SEQ, ~LST) repeat the rest of their line, in sequence.go; include.go has what is said of files that are missing. The only words of
// global_defs that are heeded here are those about reading itself: include_check and random_seed.
package keepalived
