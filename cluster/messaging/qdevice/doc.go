// Package qdevice is the protocol between a host of a cluster and its quorum device, a
// third machine that gives one side of a divided cluster its votes: the protocol of
// corosync-qdevice and corosync-qnetd ("QNetd protocol" in their project's wiki), so that a
// host of Holdfast can ask a corosync-qnetd, and a corosync-qdevice can ask a witness of
// Holdfast (package witness).
//
// # Messages
//
// A message is a type (16 bits), the length of what follows (32 bits), and options, each a
// type (16 bits), a length (16 bits) and a value; all integers are big-endian. Message has
// every option as a field; Marshal and Reader translate. Options and messages that are not
// known are left out, as both sides announce what they know.
//
//	client                                   server
//	Preinit (cluster)                     ->
//	                                      <- PreinitReply (TLS offered, certificate wanted)
//	StartTLS, then TLS's own handshake    ->
//	Init (host, algorithm, tie breaker)   ->
//	                                      <- InitReply (error, sizes, algorithms)
//	SetOption (keep active partition)     ->
//	NodeList configured, members, quorum  ->
//	                                      <- NodeListReply (a vote, or "wait for it")
//	                                      <- VoteInfo (the vote, when it changes)
//	VoteInfoReply                         ->
//	EchoRequest, once an interval         ->
//	                                      <- EchoReply
//
// # The vote
//
// A vote is for a ring: a partition as its hosts see it. Client, the pure state machine of a host's
// side, holds an acknowledged vote for the ring that it reported last and for no other, and only for as
// long as the server cannot have given it away: the server takes a client for dead when it has
// not heard it for one and a half intervals (corosync-qnetd's dpd_interval_coefficient), and the
// client gives the vote up lease after it sent the last echo that was answered, which
// is less. So at no time do two rings hold it, as far as the clocks of both run at one speed.
//
// Client starts no goroutine and reads no clock: events and instants go in, an Output comes out,
// and package device does with sockets what it says. The simulator drives it as well.
package qdevice
