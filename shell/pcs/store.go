package pcs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"holdfast/cluster/cib"
)

// documentStore is where a call's document comes from and goes to.
type documentStore interface {
	Load() (*cib.Document, error)
	Store(doc *cib.Document, cause string) error
	Live() bool
}

// openStore picks the file of -f, else the file of CIB_file, else the running cluster.
func openStore(opts options) (documentStore, error) {
	if file := opts["f"]; file != "" {
		return fileStore(file), nil
	}
	if file := os.Getenv("CIB_file"); file != "" {
		return fileStore(file), nil
	}
	return nil, errors.New("no cluster is running on this host; start it with 'pcs cluster start', or name a document with -f FILE")
}

type fileStore string

func (f fileStore) Live() bool { return false }

func (f fileStore) Load() (*cib.Document, error) {
	text, err := os.ReadFile(string(f))
	if errors.Is(err, os.ErrNotExist) {
		return cib.New(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	return cib.Parse(string(f), text)
}

func (f fileStore) Store(doc *cib.Document, _ string) error {
	temporary, err := os.CreateTemp(filepath.Dir(string(f)), ".cib-*")
	if err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	defer os.Remove(temporary.Name())
	if _, err := doc.WriteTo(temporary); err != nil {
		temporary.Close()
		return fmt.Errorf("write the document: %w", err)
	}
	if err := temporary.Close(); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	if info, err := os.Stat(string(f)); err == nil {
		_ = os.Chmod(temporary.Name(), info.Mode().Perm())
	}
	return os.Rename(temporary.Name(), string(f))
}
