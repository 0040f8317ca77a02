package setup

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"
)

// Member is one host of a configuration that Render writes.
type Member struct {
	ID int // nodeid, from 1
	Host
}

// nameForm is what a cluster's or host's name may look like: a host name.
var nameForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$`)
})

// CheckHost says what is wrong with a host's name or addresses.
func CheckHost(host Host) error {
	if !nameForm().MatchString(host.Name) {
		return fmt.Errorf("host name %q: letters, digits, '.', '-' and '_' are accepted, at most 64", host.Name)
	}
	if len(host.Addrs) == 0 || len(host.Addrs) > 8 {
		return fmt.Errorf("host %s has %d addresses; 1 to 8 are accepted, one for each link", host.Name, len(host.Addrs))
	}
	for _, addr := range host.Addrs {
		if _, err := netip.ParseAddr(addr); err != nil && !nameForm().MatchString(addr) {
			return fmt.Errorf("host %s: address %q is neither an IP address nor a host name", host.Name, addr)
		}
	}
	return nil
}

// Render writes holdfast.conf for a cluster, in corosync.conf's grammar. Two hosts get
// two_node, as a majority of two would not survive the loss of one.
func Render(cluster string, members []Member) (string, error) {
	if !nameForm().MatchString(cluster) {
		return "", fmt.Errorf("cluster name %q: letters, digits, '.', '-' and '_' are accepted, at most 64", cluster)
	}
	if len(members) == 0 {
		return "", errors.New("a cluster needs at least one host")
	}
	seen := map[string]bool{}
	var b strings.Builder
	fmt.Fprintf(&b, "totem {\n    version: 2\n    cluster_name: %s\n    transport: knet\n    crypto_cipher: aes256\n    crypto_hash: sha256\n}\n\nnodelist {\n", cluster)
	for _, m := range members {
		if err := CheckHost(m.Host); err != nil {
			return "", err
		}
		if seen[m.Name] {
			return "", fmt.Errorf("host %s is in the cluster already; give the new host another name, or remove the old one first", m.Name)
		}
		seen[m.Name] = true
		b.WriteString("    node {\n")
		for link, addr := range m.Addrs {
			fmt.Fprintf(&b, "        ring%d_addr: %s\n", link, addr)
		}
		fmt.Fprintf(&b, "        name: %s\n        nodeid: %d\n    }\n", m.Name, m.ID)
	}
	b.WriteString("}\n\nquorum {\n    provider: corosync_votequorum\n")
	if len(members) == 2 {
		b.WriteString("    two_node: 1\n")
	}
	b.WriteString("}\n")
	return b.String(), nil
}
