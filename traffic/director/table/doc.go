// Package table is the model of layer 4 load balancing, and the arithmetic on it: virtual services, the real servers behind
// each, and the changes that lead from one table to another.
//
// # The model
//
// A Service is found by its Key: protocol, address and port, or a firewall mark. It has a scheduler with flags, perhaps
// persistence (clients, or networks of clients, stay at a server for a time), and Servers. A Server has an address, a weight,
// a way packets get to it (Forward) and limits on its connections. Weight 0 drains: connections that exist go on, no new ones
// come. These are the terms of the Linux Virtual Server; every front end compiles to them, every data plane carries them out.
//
// A Table is a value. Difference tells what Changes lead from what a plane serves to what it should serve; it never deletes
// and adds again what only changes, so that connections live on, and it adds servers before it takes others away. Apply
// carries a change out on a table in memory; planes that keep their own table use it.
//
// The package computes only: same tables in, same changes in the same order out.
package table
