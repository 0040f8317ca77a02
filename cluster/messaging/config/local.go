package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
)

// Machine is what this machine says about itself and about names.
type Machine struct {
	Addrs   []netip.Addr // of its interfaces
	Name    string       // uname -n
	Resolve func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// ThisMachine asks the kernel and the resolver.
func ThisMachine() (Machine, error) {
	name, err := os.Hostname()
	if err != nil {
		return Machine{}, fmt.Errorf("read this host's name: %w", err)
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return Machine{}, fmt.Errorf("read this host's addresses: %w", err)
	}
	m := Machine{Name: name, Resolve: net.DefaultResolver.LookupNetIP}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				m.Addrs = append(m.Addrs, addr.Unmap())
			}
		}
	}
	return m, nil
}

// Messaging makes what messaging.Open wants: addresses resolved, this host found among
// the nodes, the authkey read. Dir, Log and Serve are the caller's to set.
func (f *File) Messaging(ctx context.Context, here Machine) (messaging.Config, error) {
	c := messaging.Config{Token: f.Token, Quorum: f.Quorum, Device: f.Device}
	var errs []error
	for _, h := range f.Hosts {
		host := messaging.Host{ID: h.ID, Name: h.Name}
		for link, name := range h.Addrs {
			addr, err := here.resolve(ctx, f.IPFamily, name)
			if err != nil {
				errs = append(errs, &Problem{f.Path, h.Line, fmt.Sprintf("ring%d_addr of node %d: %v", link, h.ID, err)})
				continue
			}
			host.Addrs = append(host.Addrs, netip.AddrPortFrom(addr, f.Ports[link]))
		}
		c.Hosts = append(c.Hosts, host)
	}
	if err := errors.Join(errs...); err != nil {
		return messaging.Config{}, err
	}
	var err error
	if c.Self, err = f.self(here, c.Hosts); err != nil {
		return messaging.Config{}, err
	}
	c.Key, err = readKey(f.KeyFile)
	return c, err
}

// resolve finds a node's address: an address as it is, or the resolver's first of the family.
func (m Machine) resolve(ctx context.Context, family, name string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Unmap(), nil
	}
	order := map[string][]string{"ipv4": {"ip4"}, "ipv6": {"ip6"}, "ipv4-6": {"ip4", "ip6"}, "": {"ip6", "ip4"}, "ipv6-4": {"ip6", "ip4"}}[family]
	var errs []error
	for _, network := range order {
		addrs, err := m.Resolve(ctx, network, name)
		if err == nil && len(addrs) > 0 {
			return addrs[0].Unmap(), nil
		}
		errs = append(errs, err)
	}
	return netip.Addr{}, fmt.Errorf("%q has no address: %w; write the address, or add the name to /etc/hosts on every host", name, errors.Join(errs...))
}

// self finds this machine among the nodes: by an address that one of its interfaces has,
// then by its name.
func (f *File) self(here Machine, hosts []messaging.Host) (core.HostID, error) {
	var found []core.HostID
	for _, h := range hosts {
		if slices.ContainsFunc(h.Addrs, func(a netip.AddrPort) bool { return slices.Contains(here.Addrs, a.Addr()) }) {
			found = append(found, h.ID)
		}
	}
	if len(found) == 0 {
		for _, h := range hosts {
			if h.Name == here.Name {
				found = append(found, h.ID)
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return 0, &Problem{File: f.Path, Text: fmt.Sprintf(
			"no node has an address or the name of this host (%s, %v); add this host to the node list, or correct its ring0_addr", here.Name, here.Addrs)}
	}
	for _, h := range hosts { // several nodes' addresses on one machine: the name decides
		if slices.Contains(found, h.ID) && h.Name == here.Name {
			return h.ID, nil
		}
	}
	return 0, &Problem{File: f.Path, Text: fmt.Sprintf("nodes %v all have addresses of this host; each host may be one node", found)}
}

// maxKey is the most that is read of a key file.
const maxKey = 64 << 10

// readKey reads the authkey, which nobody but its owner may read.
func readKey(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's key: %w; copy it from another host, or make one with corosync-keygen or holdfast init", err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the cluster's key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read the cluster's key: %s can be read by others than its owner (mode %04o); run chmod 400 %s, and make a new key if others may have seen it", path, st.Mode().Perm(), path)
	}
	key, err := io.ReadAll(io.LimitReader(file, maxKey))
	if err != nil {
		return nil, fmt.Errorf("read the cluster's key: %w", err)
	}
	if len(key) < 32 {
		return nil, fmt.Errorf("read the cluster's key: %s has %d bytes and needs at least 32; make one with corosync-keygen", path, len(key))
	}
	return key, nil
}

// Check reads and resolves a configuration without starting anything, as "holdfast node
// --check" does, and returns the lines to print. The error says why a start would fail.
func Check(ctx context.Context, path string, here Machine) (lines []string, err error) {
	f, err := Load(path)
	if err != nil {
		return nil, err
	}
	for _, w := range f.Warnings {
		lines = append(lines, "warning: "+w.Error())
	}
	timing := core.NewTiming(f.Token)
	lines = append(lines, fmt.Sprintf("%s: cluster %q: %d hosts, %d links, a silent host is dead after %s", path, f.Cluster, len(f.Hosts), f.Links, timing.Token))
	c, err := f.Messaging(ctx, here)
	if err != nil {
		return lines, err
	}
	for _, h := range c.Hosts {
		mark := ""
		if h.ID == c.Self {
			mark = ", this host"
		}
		lines = append(lines, fmt.Sprintf("host %d: %s %v, %d votes%s", h.ID, h.Name, h.Addrs, f.Quorum.HostVotes(h.ID), mark))
	}
	return lines, nil
}
