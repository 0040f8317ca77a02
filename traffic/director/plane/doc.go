// Package plane is what the director asks of the piece that forwards packets, its data plane.
//
// # The model
//
// A Plane holds a table of services and forwards by it. The director reads the table (Table), computes what differs from what it
// wants (table.Difference), and has the changes carried out (Apply). There are three in the kernel: its own IP Virtual Server
// (package ipvs), rules of nftables (package nft), programs in BPF; and Memory here, which forwards nothing and serves tests
// and measurements.
//
// # Obligations of a plane
//
//   - Apply carries changes out in order. A change touches no connection but those of a server or service that it
//     deletes; a server at weight 0, or taken out and added again, keeps its connections.
//   - What a plane cannot do it refuses before it changes anything, with an *Unsupported that names plane and feature (Supports).
//   - A plane outlives the director: what is in force stays when the process ends (Close changes nothing), and a
//     new process finds it by Table. So a restart or an upgrade costs no connection.
//   - All methods may be called by several goroutines at a time.
//
// What only some planes have are interfaces of their own: Timed (timeouts of connections), Synchronized (connections
// that a standby director learns of).
package plane
