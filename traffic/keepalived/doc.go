// Package keepalived reads the language of keepalived.conf(5): blocks of directives, with
// comments, quoting, includes, parameters ($NAME) and lines for one host only (@id). What the
// directives mean is the business of the packages that compile them: traffic/vrrp and
// traffic/director read one file each for its part.
//
// Reading goes in two steps. Lines are expanded first (lines.go): comments fall away, conditions decide,
// parameters are replaced, included files take the place of the line that names them. Then words and braces
// become a tree of directives (tree.go). Every directive knows the file and line it came from.
//
// What of the language is not here is refused by name: ~SEQ and ~LST sequences, and parameters with
// arithmetic.
package keepalived
