// Package remotes proves remote and guest nodes on virtual hosts: resources run on hosts that are
// no members of the cluster, and what becomes of them when the connection or the host is lost. The
// package has no code of its own.
package remotes
