// Package exchange tells a standby director of the connections of the active one, for data planes of ours: the kernel's own plane has its own exchange.
//
// # The model
//
// A Source is a plane whose connections a process can read (News) and add to (Learn). For each role (plane.Sync) that a host has there is one process,
// `holdfast director exchange`, which StartSync starts and which goes on without whoever started it, as the kernel's daemons do: ipvsadm, the director and
// VRRP start and stop it by turns. A file with a lock tells who runs (process.go).
//
// The master reads the news of its plane fifty times a second: what has begun, what ends, and bit by bit all the others, so that a standby that
// was booted knows all within a minute. It sends them as packets of UDP to a group on one link. The backup opens packets, and has its plane learn
// what is in them. Nothing is acknowledged; what is lost comes again with the next round.
//
// A host may have both roles: then each tells the other what it carries itself, and what it has only heard of it does not tell.
//
// # Trust
//
// Packets are sealed (seal.go) by AES-256-GCM with a key that both have: /etc/holdfast/director.key, or the cluster's authkey. Without one
// nothing is started. Each run of a master has a key of its own, derived from that one, and numbers its packets; a packet
// that is not newer than the last one of its sender is refused, so that nothing can be sent again. A backup that has just begun
// knows no last one: until it has heard the master that runs, which says something every second, it would believe an earlier recording.
//
// Each process has one goroutine, and one more that ends its waiting when it is told to end.
package exchange
