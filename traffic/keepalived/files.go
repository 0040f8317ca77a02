package keepalived

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Files is where the configuration and what it includes come from.
type Files interface {
	Read(name string) ([]byte, error)
	Glob(pattern string) ([]string, error) // sorted names
}

// Disk is this machine's files.
type Disk struct{}

// Read is os.ReadFile.
func (Disk) Read(name string) ([]byte, error) { return os.ReadFile(name) }

// Glob is filepath.Glob.
func (Disk) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// Texts are files in memory, by name.
type Texts map[string]string

// Read returns a text, or fs.ErrNotExist.
func (t Texts) Read(name string) ([]byte, error) {
	text, ok := t[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

// Glob matches the names as path.Match does.
func (t Texts) Glob(pattern string) ([]string, error) {
	var names []string
	for name := range t {
		if ok, err := path.Match(pattern, name); err != nil {
			return nil, err
		} else if ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
