// Package eventstore keeps a daemon's events on disk, so that `holdfast events` can look back
// over restarts and at hosts whose daemon is down.
//
// A store is a directory of segments, each a file of JSON lines named after the number of its
// first event. It is a ring: when the newest segment is full the next begins, and the
// oldest goes, so that a store never holds more than Segments times SegmentBytes. Lines are
// written without fsync: a power cut may cost the last seconds, and a line that it tore is skipped.
//
// One process at a time appends; others may read meanwhile. The package starts no goroutine.
package eventstore

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"holdfast/cluster/node/client"
)

// The bounds of a store.
const (
	SegmentBytes = 1 << 20
	Segments     = 16
)

// Dir is where a host's daemon keeps its events.
func Dir(root string) string { return filepath.Join(client.Root(root), "var/lib/holdfast/events") }

// Store appends to a directory. It is for one goroutine.
type Store struct {
	dir     string
	file    *os.File
	size    int64
	last    uint64
	segment int64 // bytes after which the next begins
}

// Open opens the store in dir, which is made when it is missing.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the directory for events: %w", err)
	}
	names, err := segments(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, segment: SegmentBytes}
	for _, name := range slices.Backward(names) {
		whole := true
		whole, err = s.lastOf(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if name == names[len(names)-1] && whole {
			if s.file, err = os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0); err != nil {
				return nil, fmt.Errorf("open the newest events: %w", err)
			}
			if info, err := s.file.Stat(); err == nil {
				s.size = info.Size()
			}
		}
		if s.last > 0 {
			break
		}
	}
	return s, nil
}

// lastOf finds the number of a segment's last event, and whether the segment ends with a
// whole line.
func (s *Store) lastOf(path string) (whole bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("read kept events: %w", err)
	}
	_, err = eachLine(text, func(e client.Event) bool {
		s.last = max(s.last, e.Seq)
		return true
	})
	return len(text) == 0 || text[len(text)-1] == '\n', err
}

// Last is the number of the last event kept; 0: none.
func (s *Store) Last() uint64 { return s.last }

// Append keeps an event, whose number must be above Last.
func (s *Store) Append(e client.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event %d: %w", e.Seq, err)
	}
	line = append(line, '\n')
	if s.file == nil || s.size+int64(len(line)) > s.segment {
		if err := s.begin(e.Seq); err != nil {
			return err
		}
	}
	n, err := s.file.Write(line)
	s.size += int64(n)
	if err != nil {
		s.file.Close()
		s.file = nil // what follows goes to a file that begins with a whole line
		return fmt.Errorf("keep event %d: %w", e.Seq, err)
	}
	s.last = e.Seq
	return nil
}

// begin begins the segment of an event and drops those that are too many.
func (s *Store) begin(seq uint64) error {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
	name := fmt.Sprintf("%020d.jsonl", seq)
	file, err := os.OpenFile(filepath.Join(s.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("begin a file of events: %w", err)
	}
	s.file, s.size = file, 0
	names, err := segments(s.dir)
	if err != nil {
		return err
	}
	for len(names) > Segments {
		if err := os.Remove(filepath.Join(s.dir, names[0])); err != nil {
			return fmt.Errorf("drop the oldest events: %w", err)
		}
		names = names[1:]
	}
	return nil
}

// Close closes the newest segment.
func (s *Store) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

func segments(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("list kept events in %s: %w", dir, err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	slices.Sort(names)
	return names, nil
}

// Read yields the events kept in dir that are no older than from, in order, until each
// returns false. A directory that is missing holds none.
func Read(dir string, from time.Time, each func(client.Event) bool) error {
	names, err := segments(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().Before(from) {
			continue // the ring went on meanwhile; or nothing in it is new enough
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read kept events: %w", err)
		}
		more, err := eachLine(text, func(e client.Event) bool { return e.Time.Before(from) || each(e) })
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// eachLine yields the events of whole lines. Lines that are no event were torn by a power cut.
func eachLine(text []byte, each func(client.Event) bool) (more bool, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, SegmentBytes)
	for lines.Scan() {
		var e client.Event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		if !each(e) {
			return false, nil
		}
	}
	return true, lines.Err()
}
