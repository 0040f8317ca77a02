// Package ipvsadm is the command of that name (ipvsadm(8)): what users and their scripts type to see and change the table of
// virtual services. It works on any plane.Plane.
//
// An invocation is parsed into one value (invocation), which says what to change or to list; a restore (-R) parses
// every line of its input before it changes anything. Listings are the ones of Debian's ipvsadm 1.31, byte for byte; sentences
// about errors are ours, and exit statuses the same: 2 for what is typed wrongly, 255 for what the table refuses. Where it differs:
// a save (-S) keeps the limits of servers (-x, -y), which the other loses; a restore is read whole before anything is changed, and
// the server of an IPv6 mark needs no port.
//
// Which plane it works on is its caller's to say (director.OpenPlane).
package ipvsadm
