package nft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"holdfast/atomicfile"
	"holdfast/traffic/director/table"
)

// store keeps services in a file, a line for each change of one, the last of which counts. Another file is the lock that several processes work under: each
// reads what others have added since it looked. When most lines no longer count, the file is written anew.
type store struct {
	dir    string
	inode  uint64 // of the file that was read
	size   int64  // how much of it; what is behind the last line that is whole was never in force
	lines  int
	exists bool
}

// kept is a service as it is in a line.
type kept struct {
	table.Service
	place
	Gone bool `json:"gone,omitempty"`
}

func (s *store) name() string { return filepath.Join(s.dir, "services") }

// lock waits until no other process has the store; unlock lets the next one go on.
func (s *store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// read returns what was added since this process looked; anew is true if that is everything.
func (s *store) read() (all []kept, anew bool, err error) {
	f, err := os.Open(s.name())
	if errors.Is(err, fs.ErrNotExist) {
		anew = s.exists
		s.exists, s.inode, s.size, s.lines = false, 0, 0, 0
		return nil, anew, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return nil, false, err
	}
	if !s.exists || stat.Ino != s.inode || stat.Size < s.size {
		anew = true
		s.exists, s.inode, s.size, s.lines = true, stat.Ino, 0, 0
	}
	if stat.Size == s.size {
		return nil, anew, nil
	}
	b := make([]byte, stat.Size-s.size)
	if _, err := f.ReadAt(b, s.size); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	for {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		if !whole {
			return all, anew, nil
		}
		var service kept
		if err := json.Unmarshal(line, &service); err != nil {
			return nil, false, fmt.Errorf("read line %d of %s: %w; delete the file to forget all services", s.lines+1, s.name(), err)
		}
		all = append(all, service)
		s.size += int64(len(line)) + 1
		s.lines++
		b = rest
	}
}

func lines(services []kept) ([]byte, error) {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	for _, service := range services {
		if err := to.Encode(service); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// add appends lines.
func (s *store) add(services []kept) error {
	b, err := lines(services)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.name(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	var stat unix.Stat_t
	if err := errors.Join(f.Truncate(s.size), unix.Fstat(int(f.Fd()), &stat)); err != nil {
		return err
	}
	if _, err := f.WriteAt(b, s.size); err != nil {
		return err
	}
	s.exists, s.inode = true, stat.Ino
	s.size += int64(len(b))
	s.lines += len(services)
	return nil
}

// fewLines are not worth writing anew.
const fewLines = 1000

// shrink writes the file anew if most of its lines no longer count.
func (s *store) shrink(live func() []kept, count int) error {
	if s.lines < fewLines || s.lines < 4*count {
		return nil
	}
	fresh := store{dir: s.dir}
	b, err := lines(live())
	if err != nil {
		return err
	}
	if err := atomicfile.Write(s.name(), b, 0o600); err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Stat(s.name(), &stat); err != nil { // other processes wait for the lock
		return err
	}
	fresh.exists, fresh.inode, fresh.size, fresh.lines = true, stat.Ino, int64(len(b)), count
	*s = fresh
	return nil
}
