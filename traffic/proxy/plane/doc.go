// Package plane is the proxy's data plane: event loops over epoll that move bytes between clients and servers.
//
// There is one Loop per processor, each a goroutine that owns its connections, their sessions and their buffers outright:
// nothing of them is locked. Every loop has a socket of its own on each address (SO_REUSEPORT), so that the kernel spreads
// new connections; connections to servers are pooled per loop. What loops share is atomic: the configuration's Snapshot, behind
// a pointer that is loaded for each new client, the state of servers (package pool), and the counters. Others speak to a loop
// by posting a function into its mailbox.
//
// A session is one client's connection. It runs when an event came for either of its sides, does all that can be done, and
// returns to the loop; it never blocks. While a request is on its way the session holds an exchange: both heads, the rules'
// context, and how far the bodies have come. An idle client holds no buffer.
//
// Goroutines: Plane.Run starts one per loop and waits for them; a TLS handshake is a coroutine of its loop.
// GOMAXPROCS should be the number of loops and one more: the goroutine that wakes a loop then finds a processor without waiting.
package plane
