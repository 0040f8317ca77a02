package certificate

import (
	"maps"
	"os"
	"slices"
	"sync"
)

// Store has all certificates of a process.
type Store struct {
	read func(name string) ([]byte, error)
	how  Loading

	mu        sync.Mutex // guards what follows, and what the parts say it does
	files     map[string]*File
	lists     map[string]*List
	forgers   map[string]*Forger
	selectors []*Selector

	named       sync.Mutex // guards what follows: what the options of a list's line may name, which are looked at while mu is held
	authorities map[string]*Authorities
	tickets     []*Tickets
}

// NewStore makes an empty store that reads files of this machine.
func NewStore(how Loading) (*Store, error) {
	s := &Store{read: os.ReadFile, how: how, files: map[string]*File{}, lists: map[string]*List{}, authorities: map[string]*Authorities{}, forgers: map[string]*Forger{}}
	return s, s.how.readChains(s.read)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// refresh has all selectors look at the certificates anew.
func (s *Store) refresh() {
	for _, one := range s.selectors {
		one.refresh()
	}
}
