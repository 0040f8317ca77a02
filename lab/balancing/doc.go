// Package balancing has the tests and measurements of directors and proxies in virtual hosts: servers that die, balancers that are killed, interfaces that lose
// their link. It holds no code of its own.
package balancing
