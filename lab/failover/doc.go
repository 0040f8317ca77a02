// Package failover measures how long a client goes without a service when something breaks:
// `holdfast lab bench`. A cluster of three virtual hosts with default settings serves one page on a
// floating address; a client polls it every 5 ms; each row of the report is one fault, done
// again and again. What is printed is minimum, median and maximum, never a verdict.
//
// An outage lasts from the sending of the first request that was not answered within 250 ms to
// the first answer after it. Agents are part of it, so the report names them:
// ocf:holdfast:web and, unless Options say otherwise, ocf:heartbeat:IPaddr2.
//
// The package starts goroutines that watch the hosts' addresses or write, and waits for them.
package failover
