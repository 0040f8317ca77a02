// Package certificate has the certificates of a configuration: files that are read once however often they are named, lists of them (crt-list), authorities and lists
// of what they have revoked, answers of OCSP responders. All of it may be changed while it is in use, in two steps as HAProxy has it: what is to be is
// set, and then committed.
//
// A Store is shared by all that use it, and guarded by two mutexes; what a handshake needs it reads from atomics. There are no goroutines.
package certificate
