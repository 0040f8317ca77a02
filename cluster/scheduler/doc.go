// Package scheduler decides where resources run and what has to be done for that.
// It is a pure function of a document and a moment: no I/O, no clock, no globals.
package scheduler
