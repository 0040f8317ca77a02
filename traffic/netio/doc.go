// Package netio is what Holdfast's parts share of the wire: which floating addresses this
// host has, taking them off and putting them on, and telling the neighbours of it.
//
// A Held is an address as the kernel had it at one moment. Drop takes it away and Restore puts
// it back the same way: same interface, prefix, label and scope. Announce tells the
// neighbours where an address is now, by ARP (RFC 5227) or unsolicited neighbour
// advertisement (RFC 4861), so that they do not wait for their caches to run out.
//
// The package keeps no state and starts no goroutine.
package netio
