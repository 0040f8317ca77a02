// Package vrrp keeps floating addresses alive without a cluster: `holdfast vrrp -f keepalived.conf`.
//
// # The model
//
// config compiles the file into one checked model, router decides (a pure core), packet reads and writes the wire. This
// package does what they say: it owns the sockets, puts addresses, routes and rules on and takes them off, announces, watches
// interfaces, runs tracking and notify programs.
//
// A Daemon is one goroutine that owns the router.Set and everything about an instance (Run). Others only
// bring it events:
//
//   - one per socket reads advertisements;
//   - two watch the kernel's links and addresses;
//   - one per tracked script, and one for all tracked processes and files;
//   - one has the data plane exchange connections as one instance's state says (lvs_sync_daemon);
//   - one per pipe that states are written into;
//   - one per instance or sync group with notify programs runs them, one after the other, in the order of the states.
//
// Run waits for all of them before it returns, and takes every address off first.
//
// # Obligations
//
// The clock counts pauses of the host (CLOCK_BOOTTIME); router relies on it to give addresses up after a pause
// before anything is sent. A reload (Reload) never takes off an address that stays.
package vrrp
