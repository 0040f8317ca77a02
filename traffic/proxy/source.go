package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"holdfast/traffic/proxy/config"
)

// machine is the configuration's Source: this machine's files, environment and name servers.
type machine struct {
	unresolved bool // names without an address are no mistake
}

func (machine) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }
func (machine) Environment(name string) (string, bool) {
	value, set := os.LookupEnv(name)
	if !set && name == "HOSTNAME" { // shells have it, but do not always pass it on
		host, err := os.Hostname()
		return host, err == nil
	}
	return value, set
}
func (machine) User(name string) error  { _, err := user.Lookup(name); return err }
func (machine) Group(name string) error { _, err := user.LookupGroup(name); return err }
func (m machine) Resolve(host string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	switch {
	case err != nil && m.unresolved:
		return netip.Addr{}, config.ErrNoAddress
	case err != nil:
		return netip.Addr{}, err
	}
	for _, a := range all {
		if a.Unmap().Is4() {
			return a.Unmap(), nil
		}
	}
	return all[0], nil
}

// files reads the files that -f names: of a directory, those that end in .cfg, by name.
func files(names []string) ([]config.File, error) {
	var all []config.File
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		list := []string{name}
		if info.IsDir() {
			if list, err = filepath.Glob(filepath.Join(name, "*.cfg")); err != nil {
				return nil, err
			}
			list = visible(list)
			sort.Strings(list)
		}
		for _, each := range list {
			text, err := os.ReadFile(each)
			if err != nil {
				return nil, fmt.Errorf("read configuration: %w", err)
			}
			all = append(all, config.File{Name: each, Text: text})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there is no configuration; name a file with -f")
	}
	return all, nil
}

func visible(names []string) []string {
	var all []string
	for _, n := range names {
		if !strings.HasPrefix(filepath.Base(n), ".") {
			all = append(all, n)
		}
	}
	return all
}

// Load reads a configuration from files and directories of this machine.
func Load(names []string) (*config.Config, error) { return load(names, machine{}) }

func load(names []string, from machine) (*config.Config, error) {
	all, err := files(names)
	if err != nil {
		return nil, err
	}
	return config.Load(all, from)
}
