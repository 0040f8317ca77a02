// Package listings proves on virtual hosts that configurations printed in books and articles run
// as they are written: each test loads the file as it is, with the commands that its book uses, and
// then kills what the configuration is to protect.
//
// What a listing needs and this machine cannot have (a hypervisor, an iSCSI target, a cluster file
// system in the kernel) is stood in for by an agent of the same name on the virtual hosts; the
// tests say what and why. The package has no code of its own.
package listings
