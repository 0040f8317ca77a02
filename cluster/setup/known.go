package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// KnownHost is a host that this one may set up.
type KnownHost struct {
	Addr        string `json:"addr"` // host or host:port
	Token       string `json:"token"`
	Fingerprint string `json:"fingerprint"` // of its certificate
}

// KnownHosts are the hosts that one user of one host has logged in to, by name. They
// are kept in a file that only its owner may read.
type KnownHosts struct {
	path  string
	Hosts map[string]KnownHost
}

// OpenKnownHosts reads the file; one that is missing is empty.
func OpenKnownHosts(path string) (*KnownHosts, error) {
	known := &KnownHosts{path: path, Hosts: map[string]KnownHost{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	if err := json.Unmarshal(text, &known.Hosts); err != nil {
		return nil, fmt.Errorf("read known hosts %s: %w; remove the file and authenticate to the hosts again", path, err)
	}
	return known, nil
}

// Save writes the file.
func (k *KnownHosts) Save() error {
	text, err := json.MarshalIndent(k.Hosts, "", "  ")
	if err != nil {
		return fmt.Errorf("encode known hosts: %w", err)
	}
	if err := writeFile(k.path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write known hosts: %w", err)
	}
	return nil
}

// Client returns a caller of a known host, or an error that says how to get to know it.
func (k *KnownHosts) Client(name string) (*Client, error) {
	host, ok := k.Hosts[name]
	if !ok {
		return nil, fmt.Errorf("host %s is not authenticated; run 'pcs host auth %s' first", name, name)
	}
	return NewClient(name, host), nil
}
