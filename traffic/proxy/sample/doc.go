// Package sample computes with what is known of a connection and its messages, as haproxy.cfg's expressions say: fetches give
// samples (`req.hdr(host)`, `src`), converters change them (`lower`, `field(1,:)`), ACLs and conditions decide by them, and
// formats make texts of them (log lines, header values).
//
// Everything is compiled once, when the configuration is read, into values without state; evaluation takes a Context, which
// belongs to one connection, and gives the same answer for the same Context. Samples share memory with the Context's
// messages and with each other: whoever keeps one copies it. Reading files (patterns, maps) is the caller's, through Files.
package sample
