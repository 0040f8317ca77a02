// Package chaos proves a cluster of real processes under random faults: `make chaos`.
//
// Three virtual hosts run the daemon, a floating address and a ledger: a small service that
// appends what a client sends to a file on storage that all hosts share. A client writes to it
// through the floating address all the time; others change the cluster's configuration through
// every host. Meanwhile hosts are killed, frozen, cut off, partitioned and so on, one fault or two
// at a time, each mended before the next. What must hold:
//
//	one writer    no ledger writes after one on another host has started
//	kept          everything that the ledger acknowledged is in the file
//	linearizable  confirmed changes of the configuration took effect in one order, between
//	              their call and their answer (checked with porcupine)
//	converged     30 s after a fault was mended all hosts are in one view with nothing left to do
//	agreed        in the end every host has the same configuration
//
// The run ends with a table of faults, outages as the client saw them, and violations. All of it is
// test code.
package chaos
