package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"sync"
	"time"
)

// Config says what a lab consists of. The zero value of every field but Hosts has a
// meaning, so Config{Hosts: lab.Names("web", 3)} is a whole one.
type Config struct {
	// Name tells labs of one user apart; a Lab started by a program needs none.
	Name string `json:"name,omitempty"`
	// Hosts are the names of the cluster's hosts, in order of address.
	Hosts []string `json:"hosts"`
	// Links are the networks, one eth each: link i of every host is on Links[i].
	// Default: 10.77.0.0/24 alone.
	Links []netip.Prefix `json:"links,omitempty"`
	// FirstHost is the host part of the first host's address on every link; the others
	// follow. Default 11. The client host is at 250.
	FirstHost int `json:"first_host,omitempty"`
	// Binary is what /usr/sbin/holdfast is in the hosts. Default: the running program.
	Binary string `json:"binary,omitempty"`
	// Binds are directories of the machine that hosts see, read-only, at the same place.
	Binds []string `json:"binds,omitempty"`
	// Shared is where all hosts see one and the same directory, which is there as long as the
	// lab is: storage that they share. Default: none.
	Shared string `json:"shared,omitempty"`
	// Files are written in each host of the cluster when its disk is fresh, before Install.
	Files []File `json:"files,omitempty"`
	// Install are commands run in each host before its very first Boot, when its disk
	// is fresh: links, configuration files. A host whose Install fails does not come up.
	Install []Command `json:"install,omitempty"`
	// Boot are commands started at each boot of each host of the cluster, and left
	// running: its daemons. What they write is in /var/log/boot.log.
	Boot []Command `json:"boot,omitempty"`
	// Disks is the number of disks that all hosts share, at DiskPath(1) and on.
	Disks int `json:"disks,omitempty"`
	// StateDir is the directory that FillDisk makes full. Default /var/lib/holdfast.
	StateDir string `json:"state_dir,omitempty"`
	// RebootDelay is the time that a fenced or rebooting host stays off. Default 1 s.
	RebootDelay time.Duration `json:"reboot_delay,omitempty"`
}

// File is a file that hosts have from the beginning.
type File struct {
	Path string      `json:"path"`
	Data []byte      `json:"data"`
	Mode os.FileMode `json:"mode"` // permissions; directories on the way are made with 0755
}

// Command is a program to run in a host.
type Command struct {
	Args   []string `json:"args"`           // Args[0] is looked up in the host's PATH
	Path   string   `json:"path,omitempty"` // the program, when it is not Args[0]
	Env    []string `json:"env,omitempty"`  // added to the host's own environment
	Dir    string   `json:"dir,omitempty"`
	Detach bool     `json:"detach,omitempty"` // goes on when whoever started it is gone
	TTY    bool     `json:"tty,omitempty"`    // standard input becomes its controlling terminal
}

// ClientName is the name of the host without a cluster that every lab has, for looking at
// the cluster from outside.
const ClientName = "client"

const clientHostPart = 250

// Names returns prefix1 to prefixN.
func Names(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s%d", prefix, i+1)
	}
	return names
}

var hostName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
})

// withDefaults fills in the defaults and refuses what cannot be made.
func (c Config) withDefaults() (Config, error) {
	if len(c.Links) == 0 {
		c.Links = []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24")}
	}
	if c.FirstHost == 0 {
		c.FirstHost = 11
	}
	if c.StateDir == "" {
		c.StateDir = "/var/lib/holdfast"
	}
	if c.RebootDelay == 0 {
		c.RebootDelay = time.Second
	}
	return c, c.check()
}

func (c Config) check() error {
	if len(c.Links) > 8 {
		return fmt.Errorf("lab with %d links: 8 is the most", len(c.Links))
	}
	for _, link := range c.Links {
		if !link.Addr().Is4() || link.Bits() > 24 {
			return fmt.Errorf("lab link %s: want an IPv4 network of at least 256 addresses, like 10.77.0.0/24", link)
		}
	}
	if last := c.FirstHost + len(c.Hosts) - 1; c.FirstHost < 1 || last >= clientHostPart {
		return fmt.Errorf("lab with %d hosts from .%d: host addresses must lie between .1 and .%d", len(c.Hosts), c.FirstHost, clientHostPart-1)
	}
	seen := map[string]bool{ClientName: true}
	for _, name := range c.Hosts {
		if !hostName().MatchString(name) {
			return fmt.Errorf("lab host name %q: want small letters, digits, hyphens and dots", name)
		}
		if seen[name] {
			return fmt.Errorf("lab host name %q is given twice (%q is the lab's own)", name, ClientName)
		}
		seen[name] = true
	}
	for _, command := range append(c.Install[:len(c.Install):len(c.Install)], c.Boot...) {
		if len(command.Args) == 0 {
			return fmt.Errorf("lab command without a program")
		}
	}
	return nil
}

// hostPart is the last byte of a host's addresses: index counts Hosts, -1 is the client.
func (c Config) hostPart(index int) int {
	if index < 0 {
		return clientHostPart
	}
	return c.FirstHost + index
}

// ClientAddr is the client's address on a link.
func ClientAddr(link netip.Prefix) netip.Addr {
	return Config{Links: []netip.Prefix{link}}.address(-1, 0).Addr()
}

// address is a host's address on a link.
func (c Config) address(index, link int) netip.Prefix {
	network := c.Links[link].Masked().Addr().As4()
	network[3] = byte(c.hostPart(index))
	return netip.PrefixFrom(netip.AddrFrom4(network), c.Links[link].Bits())
}

// mac is a host's hardware address on a link: fixed, so that a boot does not change it.
func (c Config) mac(index, link int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0x68, 0x66, byte(link), 0, byte(c.hostPart(index))}
}
