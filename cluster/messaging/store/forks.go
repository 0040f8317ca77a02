package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/atomicfile"
	"holdfast/cluster/messaging/core"
)

// keptForks is how many discarded logs stay; the oldest go.
const keptForks = 16

const forksDir = "forks"

// keptForkFile is the file's content, version 1, as JSON.
type keptForkFile struct {
	Version  int
	Ballot   core.Ballot
	Index    uint64
	Snapshot []byte
	Tail     [][]byte
}

// keepFork writes a discarded log durably into a file named after its ballot and index.
func keepFork(dir string, f *core.Fork) error {
	dir = filepath.Join(dir, forksDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	data, err := json.Marshal(keptForkFile{core.FormatVersion, f.Ballot, f.Index, f.Snapshot, f.Tail})
	if err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("%020d-%010d-%020d.json", f.Ballot.Number, f.Ballot.Proposer, f.Index))
	if err := atomicfile.WriteDurably(name, data, 0o600); err != nil {
		return err
	}
	names, err := forkNames(dir)
	if err != nil {
		return err
	}
	for len(names) > keptForks {
		if err := os.Remove(filepath.Join(dir, names[0])); err != nil {
			return err
		}
		names = names[1:]
	}
	return nil
}

func forkNames(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range list {
		if strings.HasSuffix(e.Name(), ".json") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}

// Forks reads the discarded logs below a state directory, oldest first.
func Forks(dir string) ([]core.Fork, error) {
	dir = filepath.Join(dir, forksDir)
	names, err := forkNames(dir)
	if err != nil {
		return nil, fmt.Errorf("list discarded logs: %w", err)
	}
	var forks []core.Fork
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("read discarded log: %w", err)
		}
		var f keptForkFile
		if err := json.Unmarshal(data, &f); err != nil {
			return nil, fmt.Errorf("read discarded log %s: %w", name, err)
		}
		forks = append(forks, core.Fork{Ballot: f.Ballot, Index: f.Index, Snapshot: f.Snapshot, Tail: f.Tail})
	}
	return forks, nil
}
