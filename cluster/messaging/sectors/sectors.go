// Package sectors reads and writes the sectors of a disk that several machines share: past every cache,
// as another machine is at its other end. Package quorumdisk and fencing's sbd keep what they
// tell each other there. It starts no goroutine.
package sectors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The sizes of a sector that are taken, in bytes.
const (
	Min = 512
	Max = 64 << 10
)

// Disk is an open disk. It is safe for concurrent use.
type Disk struct {
	path string
	file *os.File
	size int // of a sector

	mu sync.Mutex // guards buffer
	// buffer is aligned as direct access wants it.
	buffer []byte
}

// Open opens a block device, or a regular file, which serves tests and has sectors of 512 bytes.
func Open(path string) (*Disk, error) {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_DIRECT|unix.O_SYNC|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EINVAL) { // a file system without direct access
		file, err = os.OpenFile(path, os.O_RDWR|unix.O_SYNC|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open shared disk: %w", err)
	}
	d := &Disk{path: path, file: file, size: Min}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.Mode()&fs.ModeDevice != 0:
		if d.size, err = unix.IoctlGetInt(int(file.Fd()), unix.BLKSSZGET); err != nil {
			err = fmt.Errorf("ask for the size of its sectors: %w; is it a disk?", err)
		}
	case !info.Mode().IsRegular():
		err = errors.New("it is neither a disk nor a file")
	}
	if err == nil && (d.size < Min || d.size > Max) {
		err = fmt.Errorf("its sectors have %d bytes", d.size)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open shared disk %s: %w", path, err)
	}
	return d, nil
}

// Path is the name that the disk was opened by.
func (d *Disk) Path() string { return d.path }

// Size is that of a sector, in bytes.
func (d *Disk) Size() int { return d.size }

// Close closes the disk; a nil Disk is closed.
func (d *Disk) Close() error {
	if d == nil {
		return nil
	}
	return d.file.Close()
}

// room makes the buffer that long, at an address that is a multiple of a sector's size.
func (d *Disk) room(sectors int) []byte {
	if want := sectors * d.size; len(d.buffer) < want {
		b := make([]byte, want+d.size)
		skip := (d.size - int(uintptr(unsafe.Pointer(&b[0]))%uintptr(d.size))) % d.size
		d.buffer = b[skip : skip+want]
	}
	return d.buffer[:sectors*d.size]
}

// Read returns so many sectors from one on.
func (d *Disk) Read(first, sectors int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.room(sectors)
	n, err := d.file.ReadAt(b, int64(first)*int64(d.size))
	if err != nil && !(errors.Is(err, io.EOF) && n == len(b)) {
		return nil, fmt.Errorf("read sector %d: %w", first, err)
	}
	return bytes.Clone(b), nil
}

// Write writes so many sectors from one on; what data lacks is zero.
func (d *Disk) Write(first, sectors int, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.room(sectors)
	clear(b[copy(b, data):])
	if _, err := d.file.WriteAt(b, int64(first)*int64(d.size)); err != nil {
		return fmt.Errorf("write sector %d: %w", first, err)
	}
	return nil
}
