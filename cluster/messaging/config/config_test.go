package config_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/messaging/config"
	"holdfast/golden"
)

// describe is what a golden file has below the separator.
func describe(path, text string) string {
	var b strings.Builder
	f, err := config.Parse(path, text)
	if err != nil {
		fmt.Fprintf(&b, "refused:\n%v\n", err)
		return b.String()
	}
	fmt.Fprintf(&b, "cluster %q token %v links %d ports %v key %s\n", f.Cluster, f.Token, f.Links, f.Ports, f.KeyFile)
	for _, h := range f.Hosts {
		fmt.Fprintf(&b, "host %d name %s addrs %v votes %d\n", h.ID, h.Name, h.Addrs, h.Votes)
	}
	q := f.Quorum
	fmt.Fprintf(&b, "quorum expected %d two_node %v waits for all %v tie breaker %v %+v last man %v %v downscale %v\n",
		q.ExpectedVotes(), q.TwoNode, q.WaitsForAll(), q.AutoTie, q.Tie, q.LastManStanding, f.Window, q.AllowDownscale)
	if f.Device != nil {
		fmt.Fprintf(&b, "device %+v\n", *f.Device)
	}
	for _, w := range f.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w.Error())
	}
	return b.String()
}

const separator = "----\n"

func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	golden.Parted(t, "testdata/*.txt", separator, func(_ *testing.T, _, input string) string {
		return describe("/etc/corosync/corosync.conf", input)
	})
}

func TestListingOfMariaDBCluster(t *testing.T) {
	t.Parallel()
	path := "../../../../shared/listings/mariadb-haproxy/corosync.conf"
	f, err := config.Load(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the listing is not on this machine")
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Hosts) != 2 || f.Hosts[0].Addrs[0] != "172.16.29.10" || f.Hosts[1].ID != 2 || len(f.Warnings) != 0 {
		t.Errorf("got %+v", f)
	}
}

func TestWhichHostIsThis(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := write("corosync.conf", "totem {\nversion: 2\n}\nnodelist {\nnode {\nring0_addr: 192.0.2.1\nname: alpha\nnodeid: 1\n}\nnode {\nring0_addr: beta\nnodeid: 2\n}\n}\n", 0o644)
	resolve := func(_ context.Context, network, host string) ([]netip.Addr, error) {
		if host == "beta" && network == "ip4" {
			return []netip.Addr{netip.MustParseAddr("192.0.2.2")}, nil
		}
		return nil, errors.New("unknown")
	}
	here := func(name, addr string) config.Machine {
		return config.Machine{Name: name, Addrs: []netip.Addr{netip.MustParseAddr(addr)}, Resolve: resolve}
	}
	for _, c := range []struct {
		name    string
		machine config.Machine
		key     string
		mode    os.FileMode
		want    string // in the last line or in the error
	}{
		{"by address", here("other", "192.0.2.2"), strings.Repeat("k", 128), 0o400, "host 2: beta [192.0.2.2:5405], 1 votes, this host"},
		{"by name", here("alpha", "198.51.100.1"), strings.Repeat("k", 128), 0o400, "host 1: alpha [192.0.2.1:5405], 1 votes, this host"},
		{"not listed", here("gamma", "198.51.100.1"), strings.Repeat("k", 128), 0o400, "add this host to the node list"},
		{"short key", here("alpha", "192.0.2.1"), "short", 0o400, "needs at least 32"},
		{"open key", here("alpha", "192.0.2.1"), strings.Repeat("k", 128), 0o444, "chmod 400"},
	} {
		_ = os.Remove(filepath.Join(dir, "authkey"))
		write("authkey", c.key, c.mode)
		lines, err := config.Check(t.Context(), conf, c.machine)
		got := strings.Join(lines, "\n")
		if err != nil {
			got += err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %q in it", c.name, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range golden.Inputs(f, "testdata/*.txt", separator) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := config.Parse("corosync.conf", text)
		if err == nil && (len(file.Hosts) == 0 || file.Links == 0) {
			t.Errorf("accepted without hosts: %+v", file)
		}
	})
}
