// Package serve runs a witness: package witness' server on TCP port 5403, with TLS.
//
// One port serves two kinds of callers, told apart by the first byte: hosts speak package qdevice's
// protocol, which begins with a zero, and secure it on the way (StartTLS); a host that has no certificate
// yet begins with TLS at once, and asks for one over HTTP (POST /v1/enrol) with an invitation.
//
// # Keys
//
// Setup makes a certificate authority and the witness' own certificate, made out to "Qnetd Server" as
// corosync-qnetd's. Each cluster gets one certificate, made out to its name, which all its hosts
// share, as corosync-qdevice has it; a client that shows it for another cluster is refused. An
// invitation is for one cluster, good once and for an hour; it carries the fingerprint of the authority, so
// that the host knows whom it asks, and 128 random bits, of which the witness keeps only the SHA-256.
//
// # Goroutines
//
// One loop alone touches the server. Each connection has one that reads, after it has found out
// what the caller is, and one that writes; a client that does not read what it is sent is dropped. Close
// waits for all of them.
package serve
