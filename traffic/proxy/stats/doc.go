// Package stats shows what the proxy does, and changes it while it runs: the statistics page, its CSV and JSON, and the run-time
// socket that speaks HAProxy's commands.
//
// All of them read the same Rows, which are made anew for each look from the counters of package plane and package pool. Whoever
// changes a server (the page's form, the socket) goes through Control. The package keeps no state; the socket's goroutines are
// Serve's, and end with its listener and their connections.
package stats
