package sbd

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Disk is an open disk. Every read and write goes to the disk itself, past the cache, because another
// machine is at its other end. It is safe for concurrent use.
type Disk struct {
	path   string
	file   *os.File
	sector int
	Header Header

	mu sync.Mutex // guards buffer
	// buffer is aligned as direct access wants it.
	buffer []byte
}

// open opens a block device, or a regular file, which serves tests and has sectors of 512 bytes.
func open(path string) (*Disk, error) {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_DIRECT|unix.O_SYNC|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EINVAL) { // a file system without direct access
		file, err = os.OpenFile(path, os.O_RDWR|unix.O_SYNC|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open sbd disk: %w", err)
	}
	d := &Disk{path: path, file: file, sector: minSector}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.Mode()&fs.ModeDevice != 0:
		if d.sector, err = unix.IoctlGetInt(int(file.Fd()), unix.BLKSSZGET); err != nil {
			err = fmt.Errorf("ask for the size of its sectors: %w; is it a disk?", err)
		}
	case !info.Mode().IsRegular():
		err = errors.New("it is neither a disk nor a file")
	}
	if err == nil && (d.sector < minSector || d.sector > maxSector) {
		err = fmt.Errorf("its sectors have %d bytes", d.sector)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open sbd disk %s: %w", path, err)
	}
	d.buffer = aligned(d.sector, 1)
	return d, nil
}

// aligned returns so many sectors at an address that is a multiple of a sector's size.
func aligned(size, sectors int) []byte {
	b := make([]byte, (sectors+1)*size)
	skip := (size - int(uintptr(unsafe.Pointer(&b[0]))%uintptr(size))) % size
	return b[skip : skip+sectors*size]
}

// Open opens a disk that was created.
func Open(path string) (*Disk, error) {
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	b, err := d.read(0)
	if err == nil {
		d.Header, err = parseHeader(b, d.sector)
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open sbd disk %s: %w", path, err)
	}
	return d, nil
}

// Create makes a disk, whatever was on it, and returns it.
func Create(path string, timeouts Timeouts) (*Disk, error) {
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	d.Header = Header{Timeouts: timeouts, Slots: slotCount, SectorSize: d.sector, Minor: minor}
	_, _ = rand.Read(d.Header.UUID[:])
	d.Header.UUID[6] = d.Header.UUID[6]&0x0f | 0x40 // a random UUID: RFC 9562, version 4
	d.Header.UUID[8] = d.Header.UUID[8]&0x3f | 0x80
	// The header comes last: a disk half made is none.
	if err = d.write(0, nil); err == nil {
		_, err = d.file.WriteAt(aligned(d.sector, 2*slotCount), int64(d.sector))
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

// Path is the name that the disk was opened by.
func (d *Disk) Path() string { return d.path }

// Close closes the disk.
func (d *Disk) Close() error { return d.file.Close() }

// read returns a sector.
func (d *Disk) read(sector int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.file.ReadAt(d.buffer, int64(sector)*int64(d.sector))
	if err != nil && !(errors.Is(err, io.EOF) && n == d.sector) {
		return nil, fmt.Errorf("read sector %d: %w", sector, err)
	}
	return bytes.Clone(d.buffer), nil
}

// write writes a sector; what data lacks is zero.
func (d *Disk) write(sector int, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.buffer[copy(d.buffer, data):])
	if _, err := d.file.WriteAt(d.buffer, int64(sector)*int64(d.sector)); err != nil {
		return fmt.Errorf("write sector %d: %w", sector, err)
	}
	return nil
}

// Slots are the slots in use.
func (d *Disk) Slots() ([]Slot, error) {
	slots := []Slot{}
	for i := range d.Header.Slots {
		b, err := d.read(1 + 2*i)
		if err != nil {
			return nil, fmt.Errorf("sbd disk %s: slot %d: %w", d.path, i, err)
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
		return fmt.Errorf("sbd disk %s: mailbox of %s: %w", d.path, slot.Host, err)
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
		b, err := named(1, host, d.sector)
		if err != nil {
			return Slot{}, err
		}
		// A message for whoever had the slot before is none for this host.
		if err = d.write(2+2*index, nil); err == nil {
			err = d.write(1+2*index, b)
		}
		if err != nil {
			return Slot{}, fmt.Errorf("sbd disk %s: take slot %d for %s: %w", d.path, index, host, err)
		}
		wait(d.Header.Allocate)
	}
}

func (d *Disk) free() (int, error) {
	for i := range d.Header.Slots {
		b, err := d.read(1 + 2*i)
		if err != nil {
			return 0, fmt.Errorf("sbd disk %s: slot %d: %w", d.path, i, err)
		}
		if b[0] != 1 {
			return i, nil
		}
	}
	return 0, fmt.Errorf("sbd disk %s: all %d slots are taken; create it anew to drop hosts that are gone", d.path, d.Header.Slots)
}

// Send writes a message into a host's mailbox and reads it back.
func (d *Disk) Send(host string, m Message, from string) error {
	slot, found, err := d.Find(host)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("sbd disk %s: host %s has no slot; 'sbd -d %[1]s list' shows those there are", d.path, host)
	}
	return d.post(slot, m, from)
}

func (d *Disk) post(slot Slot, m Message, from string) error {
	b, err := named(byte(m), from, d.sector)
	if err != nil {
		return err
	}
	sector := 2 + 2*slot.Index
	if err := d.write(sector, b); err != nil {
		return fmt.Errorf("sbd disk %s: %s to %s: %w", d.path, m, slot.Host, err)
	}
	back, err := d.read(sector)
	if err != nil {
		return fmt.Errorf("sbd disk %s: %s to %s: %w", d.path, m, slot.Host, err)
	}
	if !bytes.Equal(b, back) {
		return fmt.Errorf("sbd disk %s: %s to %s: the disk holds something else than was written; another host may have written at the same moment", d.path, m, slot.Host)
	}
	return nil
}
