// Package transport carries what package core wants sent between hosts: heartbeats as
// sealed UDP packets on each link, messages and calls over gRPC with mutually
// authenticated TLS 1.3. Trust in both comes from the cluster's authkey alone, through
// HKDF-SHA256 (RFC 5869); a host without the key gets no byte of state.
//
// Heartbeat packet, version 1, integers big endian:
//
//	"HF" | version 1 byte | link 1 | sender 4 | boot 8 | counter 8 | AES-256-GCM(heartbeat)
//
// The header is the additional data. The key is derived per sender and boot, so the
// counter, which grows with every packet, is a nonce that never repeats. A receiver takes
// each counter once, within a window for packets out of order.
//
// TLS: every host derives the same certificate authority (Ed25519) from the authkey and
// issues itself a certificate with a key that lives only in its memory. Certificates name
// the host ("host-3.holdfast") and have no practical end, so that a step of a host's
// clock breaks nothing; they die with the daemon. Messages are one client stream for
// each direction of a pair of hosts; calls are unary. Both carry bytes as they are.
//
// Goroutines: one sender for each peer (Streams), and gRPC's own. Close waits for all of
// them. Heartbeats are read and sent by the caller's goroutine, which sleeps in a Waiter: an
// idle host does nothing else, twelve times a second for each other host.
package transport
