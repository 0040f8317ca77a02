// Package lab makes virtual hosts on one Linux machine, breaks them, and leaves
// nothing behind. Tests, the demo, benchmarks and rehearsals all use it.
//
// # The model
//
// A Lab is one keeper process and some hosts. The keeper is PID 1 of a pid
// namespace, so when it dies, however it dies, the kernel takes everything in the
// lab with it. It also owns a network namespace with one bridge for each link and a
// mount namespace with one tmpfs that holds every file the lab writes. Nothing is
// made in the machine's own namespaces: labs run side by side, and nothing needs to
// be cleaned. The keeper listens on an abstract socket, which disappears with it.
//
// A Host is a process tree in network, mount, pid, uts and ipc namespaces of its own:
//
//   - PID 1 is this binary (Main). It reaps orphans and starts what it is asked to.
//   - /usr, /etc, /var and so on are overlays over the machine's, whose upper layers are on the
//     lab's tmpfs. They are the host's disk: they survive Kill. /run, /tmp and /dev are new
//     at each boot.
//   - /var/lib/holdfast is a file system of its own that can be made full.
//   - eth0, eth1, … are veths, one to the bridge of each link.
//
// What the machine itself keeps of clusters (/etc/corosync, /var/lib/pacemaker and so
// on) is hidden, so that a lab on a cluster's host sees none of it.
//
// As root, hosts have root's powers; they share the machine's clock, so nothing in a host may
// set it. As an ordinary user the lab is inside a user namespace with one user, root; programs
// that change to another user (Apache, for one) fail there. Supported says whether this machine can have a lab at all.
//
// # Faults
//
// Kill is a power cut: links down first, so that no FIN, reset or leave message gets
// out, then SIGKILL. Freeze stops every process of a host. Cut pulls a cable: both ends lose
// carrier. Partition and Lose drop packets on the bridges and leave the carrier. FillDisk
// takes the last free byte of the state directory. A host that calls reboot(2) boots
// again; one that powers itself off stays off. Faults of the network survive a boot.
//
// # Who runs what
//
// A program that uses this package calls Main first of all in its main function or
// TestMain: keeper and hosts are the same executable under other names.
//
// The keeper has one goroutine per connection and one per running host, which waits for its PID 1.
// A host's PID 1 has one goroutine that reaps, one that reads the keeper's channel, and one per
// request. The package starts no goroutine in its caller except in Start (one that
// waits for the keeper), Host.Command (one that waits for the answer) and Poll.
package lab
