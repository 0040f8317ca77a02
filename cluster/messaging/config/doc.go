// Package config reads /etc/corosync/corosync.conf as it is, and /etc/holdfast/holdfast.conf,
// which has the same grammar, into what messaging starts from.
//
// Every key of corosync.conf(5), votequorum(5) and corosync-qdevice(8) is known: either
// it is used, or it is accepted and has no meaning here, for a reason that Explain tells.
// An unknown key gives a warning with file and line. A value that a key does not accept
// refuses the file, with file, line, the value, and what is accepted; all faults of a file
// are reported at once. The package starts no goroutines.
package config
