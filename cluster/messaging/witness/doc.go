// Package witness is the quorum device itself, the third machine's side of package qdevice's
// protocol: it hears from the hosts of any number of clusters which partitions they are in, and gives
// each cluster's vote to one of them. It does what corosync-qnetd does.
//
// # Deciding
//
// Clients of a cluster are put together by the ring that they report. The cluster is stable when no two
// clients that count each other as members report different rings, and all have reported. While it is not,
// nothing is decided: somebody's report is on its way, or a host is gone and is heard no more soon. Then
// the algorithm chooses a partition (Choose), and the vote moves: first each client that is not in
// it is told so (NACK), and only when all of those have answered, or are taken for dead, are the chosen
// ones told (ACK). A client counts its vote only for the ring that it was given for and for less time than
// it takes to be taken for dead, so at no time do two partitions hold it.
//
// A witness that was just started knows nothing of votes that it gave before. It waits with the first
// decision of a cluster until these have run out, or all configured hosts are connected.
//
// # What differs from corosync-qnetd
//
// The algorithm lms waits for stability as ffsplit does; corosync-qnetd gives its vote a quarter of an interval
// after the first report, when a host that was cut off may yet count on it. The wait after a start is not
// corosync-qnetd's. The algorithms test and 2nodelms, which are for developers, do not exist.
//
// Server is pure: events and instants go in, Outputs come out. It starts no goroutine, reads no clock
// and touches no socket; package witness/serve does, and the simulator.
package witness
