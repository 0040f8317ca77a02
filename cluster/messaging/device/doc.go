// Package device asks a cluster's quorum device, a third machine, for its votes: the sockets,
// TLS, commands and clock around package qdevice's client.
//
// A Device is told of every partition that the host finds itself in (Report), runs the
// configured commands (heuristics), brings both to the server, and says what the server makes of it
// (Config.Say). It connects again, for ever, when the connection breaks; meanwhile it says that there
// is no vote.
//
// The connection is secured with the files that "pcs quorum device add" or "holdfast witness"
// made: the server's authority (ca.crt), and this cluster's certificate and key (node.crt,
// node.key), below etc/holdfast/qdevice.
//
// A Disk does the same with a quorum disk (package quorumdisk) in the server's place.
//
// Goroutines: one loop, which alone touches the client, and beside it at most one that dials, one
// that reads the connection, one for each round of commands and one for each of its commands. Close
// waits for all of them. A Disk has a loop, those of the commands, and one that accesses the disk, for which Close does not wait
// as a disk may never answer.
package device
