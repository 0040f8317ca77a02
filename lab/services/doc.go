// Package services proves that real services under the distribution's own agents are kept alive: each
// is configured as its user would write it, watched from a client, killed, moved, and its host is lost.
// What was run, with which version, is the table of docs/services.md, which the tests write (make
// services) and compare with what they know. The package has no code of its own.
package services
