// Package fencing proves on virtual hosts what cluster/fencing and no-quorum-policy promise: that
// nothing runs twice, and that whoever looks sees why something waits. It has tests only.
package fencing
