// Package pool keeps the servers of a backend at run time: their state, their load, and who gets the next request.
//
// A Server is shared by all event loops: what they read and count on every request is atomic. Which servers can be used, and
// in which order, is an immutable ordering behind an atomic pointer; a change of any server's state or weight makes a new one
// (Backend.Refresh), under the backend's mutex. A request that finds all servers full waits in the backend's queue; a server
// that gets room wakes the first that may use it.
//
// The package starts no goroutine. Random numbers and the clock are handed in.
package pool
