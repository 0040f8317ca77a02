// Package balancing has the tests and measurements of directors in virtual hosts: real servers that die, directors that are killed, interfaces that lose
// their link. It holds no code of its own.
package balancing
