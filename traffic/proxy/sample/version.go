package sample

import (
	"fmt"
	"slices"
	"sync"
)

// mostDrafts bounds how many versions may be in preparation.
const mostDrafts = 64

// drafts are versions of a pattern file that are put together beside the one that counts.
type drafts[Entry any] struct {
	mu            sync.Mutex // guards what follows
	current, next int
	open          map[int][]Entry
}

// Versions are the number of the version that counts, and that of the one that was prepared last.
func (d *drafts[Entry]) Versions() (current, next int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current, d.next
}

// Prepare begins a version, and returns its number.
func (d *drafts[Entry]) Prepare() (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) >= mostDrafts {
		return 0, fmt.Errorf("%d versions are in preparation already; commit one, and those before it go", len(d.open))
	}
	if d.open == nil {
		d.open = map[int][]Entry{}
	}
	d.next++
	d.open[d.next] = nil
	return d.next, nil
}

// Draft returns what a version in preparation has; one that is not in preparation has nothing.
func (d *drafts[Entry]) Draft(version int) []Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.open[version])
}

// Empty takes out what a version in preparation has.
func (d *drafts[Entry]) Empty(version int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.open[version]; !ok {
		return fmt.Errorf("version number out of range")
	}
	d.open[version] = nil
	return nil
}

// addTo adds to a version in preparation.
func (d *drafts[Entry]) addTo(version int, more ...Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, ok := d.open[version]
	if !ok {
		return fmt.Errorf("version number out of range")
	}
	d.open[version] = append(all, more...)
	return nil
}

// commit ends the preparation of a version and of those before it.
func (d *drafts[Entry]) commit(version int) ([]Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, ok := d.open[version]
	if !ok {
		return nil, fmt.Errorf("version number out of range")
	}
	for v := range d.open {
		if v <= version {
			delete(d.open, v)
		}
	}
	d.current = version
	return all, nil
}

// AddTo adds to a version in preparation, or to the one that counts.
func (m *Map) AddTo(version int, more ...MapEntry) error {
	if current, _ := m.Versions(); version == current {
		return m.Add(more...)
	}
	if err := m.check(more); err != nil {
		return err
	}
	return m.addTo(version, more...)
}

// AddTo adds to a version in preparation, or to the one that counts.
func (l *List) AddTo(version int, more ...string) error {
	if current, _ := l.Versions(); version == current {
		return l.Add(more...)
	}
	if err := l.check(more); err != nil {
		return err
	}
	return l.addTo(version, more...)
}

// Commit has a version that was prepared count.
func (m *Map) Commit(version int) error {
	all, err := m.commit(version)
	if err == nil {
		m.Store(all)
	}
	return err
}

// Commit has a version that was prepared count.
func (l *List) Commit(version int) error {
	all, err := l.commit(version)
	if err == nil {
		l.Store(all)
	}
	return err
}

// Store puts patterns in the place of those there are.
func (l *List) Store(patterns []string) {
	if patterns == nil {
		patterns = []string{}
	}
	l.patterns.Store(&patterns)
}
