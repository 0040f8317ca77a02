package certificate

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Store has all certificates of a process.
type Store struct {
	read func(name string) ([]byte, error)

	mu          sync.Mutex // guards what follows, and what the parts say it does
	files       map[string]*File
	lists       map[string]*List
	authorities map[string]*Authorities
	selectors   []*Selector
}

// NewStore makes an empty store that reads files of this machine.
func NewStore() *Store {
	return &Store{read: os.ReadFile, files: map[string]*File{}, lists: map[string]*List{}, authorities: map[string]*Authorities{}}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// refresh has all selectors look at the certificates anew.
func (s *Store) refresh() {
	for _, one := range s.selectors {
		one.refresh()
	}
}

// expand lists the files behind a name: those of a directory, in order, or the file itself.
func expand(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	all, err := filepath.Glob(filepath.Join(name, "*"))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(n string) bool { return isExtra(n) || strings.HasPrefix(filepath.Base(n), ".") }), nil
}
