package nft

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/traffic/director/table"
)

// store keeps services in files of a directory, one for each, under a lock. The file "generation" holds a number that moves with
// each change, so that a process sees what another has done.
type store struct {
	dir        string
	generation uint64
}

const serviceSuffix = ".json"

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

// moved tells whether another process changed the store since this one looked, and notes that it has looked.
func (s *store) moved() (bool, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, "generation"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	now, _ := strconv.ParseUint(string(b), 10, 64)
	was := s.generation
	s.generation = now
	return now != was, nil
}

func (s *store) move() error {
	s.generation++
	return os.WriteFile(filepath.Join(s.dir, "generation"), []byte(strconv.FormatUint(s.generation, 10)), 0o600)
}

func (s *store) name(k table.Key) string { return filepath.Join(s.dir, chainName(k)+serviceSuffix) }

// kept is a service as it is in its file.
type kept struct {
	table.Service
	Table int `json:"table"` // the number of the table of nftables that has its rules
}

// keep writes a service, whole or not at all.
func (s *store) keep(service kept) error {
	b, err := json.Marshal(service)
	if err != nil {
		return err
	}
	name := s.name(service.Key)
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func (s *store) forget(k table.Key) error {
	if err := os.Remove(s.name(k)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// read reads all services.
func (s *store) read() ([]kept, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var all []kept
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), serviceSuffix) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(s.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		var service kept
		if err := json.Unmarshal(b, &service); err != nil {
			return nil, fmt.Errorf("read %s: %w; delete it to forget the service", e.Name(), err)
		}
		all = append(all, service)
	}
	return all, nil
}
