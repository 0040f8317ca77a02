package sbd

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/messaging/sectors"
)

// Disk is an open disk. It is safe for concurrent use.
type Disk struct {
	*sectors.Disk
	Header Header
}

// Open opens a disk that was created.
func Open(path string) (*Disk, error) {
	raw, err := sectors.Open(path)
	if err != nil {
		return nil, err
	}
	d := &Disk{Disk: raw}
	b, err := d.read(0)
	if err == nil {
		d.Header, err = parseHeader(b, d.Size())
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open sbd disk %s: %w", path, err)
	}
	return d, nil
}

// Create makes a disk, whatever was on it, and returns it.
func Create(path string, timeouts Timeouts) (*Disk, error) {
	raw, err := sectors.Open(path)
	if err != nil {
		return nil, err
	}
	d := &Disk{Disk: raw, Header: Header{Timeouts: timeouts, Slots: slotCount, SectorSize: raw.Size(), Minor: minor}}
	_, _ = rand.Read(d.Header.UUID[:])
	d.Header.UUID[6] = d.Header.UUID[6]&0x0f | 0x40 // a random UUID: RFC 9562, version 4
	d.Header.UUID[8] = d.Header.UUID[8]&0x3f | 0x80
	// The header comes last: a disk half made is none.
	if err = d.write(0, nil); err == nil {
		err = d.Write(1, 2*slotCount, nil)
	}
	if err == nil {
		err = d.write(0, d.Header.sector())
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("create sbd disk %s: %w", path, err)
	}
	return d, nil
}

// read returns a sector.
func (d *Disk) read(sector int) ([]byte, error) { return d.Read(sector, 1) }

// write writes a sector; what data lacks is zero.
func (d *Disk) write(sector int, data []byte) error { return d.Write(sector, 1, data) }

// Slots are the slots in use.
func (d *Disk) Slots() ([]Slot, error) {
	slots := []Slot{}
	for i := range d.Header.Slots {
		b, err := d.read(1 + 2*i)
		if err != nil {
			return nil, fmt.Errorf("sbd disk %s: slot %d: %w", d.Path(), i, err)
		}
		if b[0] != 1 {
			continue
		}
		slot := Slot{Index: i, Host: nameIn(b)}
		if err := d.mailbox(&slot); err != nil {
			return nil, err
		}
		slots = append(slots, slot)
	}
	return slots, nil
}

// mailbox reads a slot's message anew.
func (d *Disk) mailbox(slot *Slot) error {
	b, err := d.read(2 + 2*slot.Index)
	if err != nil {
		return fmt.Errorf("sbd disk %s: mailbox of %s: %w", d.Path(), slot.Host, err)
	}
	slot.Message, slot.From = Message(b[0]), nameIn(b)
	return nil
}

// Find returns a host's slot. Names are compared without case, as sbd does.
func (d *Disk) Find(host string) (slot Slot, found bool, err error) {
	slots, err := d.Slots()
	for _, slot := range slots {
		if strings.EqualFold(slot.Host, host) {
			return slot, true, err
		}
	}
	return Slot{}, false, err
}

// Allocate returns a host's slot, taking a free one when it has none. After Timeouts.Allocate it looks
// again: another host may have taken the same at the same moment, and the one whose name stayed has it.
// wait waits for so long.
func (d *Disk) Allocate(host string, wait func(time.Duration)) (Slot, error) {
	for {
		slot, found, err := d.Find(host)
		if found || err != nil {
			return slot, err
		}
		index, err := d.free()
		if err != nil {
			return Slot{}, err
		}
		b, err := named(1, host, d.Size())
		if err != nil {
			return Slot{}, err
		}
		// A message for whoever had the slot before is none for this host.
		if err = d.write(2+2*index, nil); err == nil {
			err = d.write(1+2*index, b)
		}
		if err != nil {
			return Slot{}, fmt.Errorf("sbd disk %s: take slot %d for %s: %w", d.Path(), index, host, err)
		}
		wait(d.Header.Allocate)
	}
}

func (d *Disk) free() (int, error) {
	for i := range d.Header.Slots {
		b, err := d.read(1 + 2*i)
		if err != nil {
			return 0, fmt.Errorf("sbd disk %s: slot %d: %w", d.Path(), i, err)
		}
		if b[0] != 1 {
			return i, nil
		}
	}
	return 0, fmt.Errorf("sbd disk %s: all %d slots are taken; create it anew to drop hosts that are gone", d.Path(), d.Header.Slots)
}

// Send writes a message into a host's mailbox and reads it back.
func (d *Disk) Send(host string, m Message, from string) error {
	slot, found, err := d.Find(host)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("sbd disk %s: host %s has no slot; 'sbd -d %[1]s list' shows those there are", d.Path(), host)
	}
	return d.post(slot, m, from)
}

func (d *Disk) post(slot Slot, m Message, from string) error {
	b, err := named(byte(m), from, d.Size())
	if err != nil {
		return err
	}
	sector := 2 + 2*slot.Index
	if err := d.write(sector, b); err != nil {
		return fmt.Errorf("sbd disk %s: %s to %s: %w", d.Path(), m, slot.Host, err)
	}
	back, err := d.read(sector)
	if err != nil {
		return fmt.Errorf("sbd disk %s: %s to %s: %w", d.Path(), m, slot.Host, err)
	}
	if !bytes.Equal(b, back) {
		return fmt.Errorf("sbd disk %s: %s to %s: the disk holds something else than was written; another host may have written at the same moment", d.Path(), m, slot.Host)
	}
	return nil
}
