// Package sbd is storage-based death: hosts that share up to three disks tell each other there
// to die, when the network no longer carries anything.
//
// On each disk every host has a slot with its name and a mailbox. To fence a host is to
// write reset or off into its mailbox on a majority of the disks and to wait for msgwait: until then
// the host has either read the message and obeyed, or could not read the disk and was ended by its own
// watchdog (package watchdog), because a host that reads too few of the disks and has no quorum either
// is not fed. So msgwait must be longer than the watchdog's time; Timeouts.Check says what has to fit.
//
// The layout is that of the sbd program's version 2.1, found by looking at disks that it made, so
// hosts with either may share a disk: a header in sector 0, and for slot i its owner's name in sector
// 1+2i and its mailbox in sector 2+2i; numbers are big-endian.
//
//	header   0 "SBD_SBD_", 8 version (2), 9 number of slots (255), 12 sector size, 16 watchdog,
//	         20 allocate, 24 loop, 28 msgwait (seconds), 32 minor version (1), 33 UUID (16 bytes)
//	slot     0 in use (1), 1 name, ended by 0, at most 63 bytes
//	mailbox  0 message, 1 name of the sender, as above
//
// Goroutines: one per Watcher's disk, until its Close.
package sbd

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/messaging/sectors"
)

const (
	magic      = "SBD_SBD_"
	version    = 2
	minor      = 1
	slotCount  = 255
	nameLength = 64 // with its end
)

// Timeouts are a disk's times, whole seconds.
type Timeouts struct {
	Watchdog time.Duration // within which a host that must not go on is reset
	Allocate time.Duration // for two hosts that take one slot at a time to notice
	Loop     time.Duration // between two looks at the mailbox
	MsgWait  time.Duration // after which a message counts as obeyed
}

// DefaultTimeouts suit a disk that answers within a second.
var DefaultTimeouts = Timeouts{Watchdog: 5 * time.Second, Allocate: 2 * time.Second, Loop: time.Second, MsgWait: 10 * time.Second}

// Check says what does not fit together; "" each when all does.
func (t Timeouts) Check() []string {
	var wrong []string
	if t.MsgWait <= t.Watchdog {
		wrong = append(wrong, fmt.Sprintf("msgwait %s is not longer than watchdog %s: a host that cannot read the disk counts as dead before it is; make it %s", t.MsgWait, t.Watchdog, 2*t.Watchdog))
	} else if t.MsgWait < 2*t.Watchdog {
		wrong = append(wrong, fmt.Sprintf("msgwait %s is less than twice watchdog %s: a slow disk leaves no margin; make it %s", t.MsgWait, t.Watchdog, 2*t.Watchdog))
	}
	if t.Loop >= t.Watchdog {
		wrong = append(wrong, fmt.Sprintf("loop %s is not shorter than watchdog %s: the disk is looked at too seldom; make it 1s", t.Loop, t.Watchdog))
	}
	return wrong
}

// Header is the description of a disk.
type Header struct {
	Timeouts
	Slots      int
	SectorSize int
	UUID       [16]byte
	Minor      int
}

// ID writes the UUID as usual.
func (h Header) ID() string {
	u := h.UUID
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }

// sector writes the header as sector 0.
func (h Header) sector() []byte {
	b := make([]byte, h.SectorSize)
	copy(b, magic)
	b[8], b[9] = version, byte(h.Slots)
	for i, n := range []uint32{uint32(h.SectorSize), seconds(h.Watchdog), seconds(h.Allocate), seconds(h.Loop), seconds(h.MsgWait)} {
		binary.BigEndian.PutUint32(b[12+4*i:], n)
	}
	b[32] = byte(h.Minor)
	copy(b[33:], h.UUID[:])
	return b
}

// parseHeader reads sector 0 of a disk whose sectors are of that size.
func parseHeader(b []byte, sectorSize int) (Header, error) {
	if len(b) < sectors.Min || string(b[:8]) != magic {
		return Header{}, fmt.Errorf("it is no sbd disk; 'sbd create' makes it one, and overwrites what is on it")
	}
	if b[8] != version {
		return Header{}, fmt.Errorf("it has version %d of the format, this build knows %d", b[8], version)
	}
	number := func(i int) uint32 { return binary.BigEndian.Uint32(b[12+4*i:]) }
	span := func(i int) time.Duration { return time.Duration(number(i)) * time.Second }
	if got := number(0); got != uint32(sectorSize) {
		return Header{}, fmt.Errorf("it was made for sectors of %d bytes, and has %d; create it anew on this disk", got, sectorSize)
	}
	h := Header{
		Timeouts: Timeouts{Watchdog: span(1), Allocate: span(2), Loop: span(3), MsgWait: span(4)},
		Slots:    int(b[9]), SectorSize: sectorSize, Minor: int(b[32]),
	}
	copy(h.UUID[:], b[33:49])
	return h, nil
}

// Message is what a mailbox holds.
type Message byte

// The messages.
const (
	Clear Message = iota
	Test
	Reset
	Off
	Exit
	CrashDump
)

var messageNames = []string{"clear", "test", "reset", "off", "exit", "crashdump"}

func (m Message) String() string {
	if int(m) < len(messageNames) {
		return messageNames[m]
	}
	return fmt.Sprintf("unknown (%d)", byte(m))
}

// Fatal tells whether a host that reads the message dies of it.
func (m Message) Fatal() bool { return m == Reset || m == Off || m == CrashDump }

// ParseMessage reads a message's name.
func ParseMessage(name string) (Message, error) {
	for i, known := range messageNames {
		if name == known {
			return Message(i), nil
		}
	}
	return 0, fmt.Errorf("message %q: expected one of %s", name, strings.Join(messageNames, ", "))
}

// Slot is a host's place on a disk.
type Slot struct {
	Index   int
	Host    string
	Message Message
	From    string // who wrote the message
}

// named writes a byte and a name as a sector.
func named(first byte, name string, sectorSize int) ([]byte, error) {
	if name == "" || len(name) >= nameLength || strings.ContainsAny(name, "\x00\n\t") {
		return nil, fmt.Errorf("host name %q: sbd takes names of 1 to %d bytes", name, nameLength-1)
	}
	b := make([]byte, sectorSize)
	b[0] = first
	copy(b[1:], name)
	return b, nil
}

// nameIn reads the name after a sector's first byte.
func nameIn(b []byte) string {
	name, _, _ := bytes.Cut(b[1:min(len(b), 1+nameLength)], []byte{0})
	return strings.ToValidUTF8(string(name), "?")
}
