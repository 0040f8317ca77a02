package config

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/messaging/core"
)

// Known is a host that another file names: the cluster's document.
type Known struct {
	ID   core.HostID // 0: none that corosync could have
	Name string
}

// Complete brings a configuration of an older corosync to one that Parse accepts: corosync 1 listed hosts as members of interfaces or found them
// by multicast, and corosync 2 made ids of addresses. known gives names and ids where the file has none. The notes say what was
// made up, and are empty when text needed nothing.
func Complete(path, text string, known []Known) (completed string, notes []string, err error) {
	root, err := parse(path, text)
	if err != nil {
		return "", nil, err
	}
	o := &older{path: path, known: known, used: map[core.HostID]bool{}}
	var listed []*block
	for _, l := range root.all("nodelist") {
		listed = append(listed, l.all("node")...)
	}
	switch rings := members(root); {
	case len(listed) > 0:
		return o.number(text, listed), o.notes, nil
	case len(rings) > 0:
		o.note("the node list is made of the members of the interface sections")
		return text + o.nodelist(rings), o.notes, nil
	case len(known) > 0:
		o.note("the file names no host, as multicast found them: the node list has the hosts of the cluster's document, by name; put their addresses there")
		var names [][]string
		for _, k := range known {
			names = append(names, []string{k.Name})
		}
		return text + o.nodelist(names), o.notes, nil
	}
	return "", nil, fmt.Errorf("%s: no host is named, as multicast found them; name them in a nodelist section, or give the cluster's document (cib.xml) together with this file", path)
}

// older is a configuration while it is completed.
type older struct {
	path  string
	known []Known
	used  map[core.HostID]bool
	notes []string
}

func (o *older) note(format string, args ...any) {
	o.notes = append(o.notes, o.path+": "+fmt.Sprintf(format, args...))
}

// members returns the addresses of each host on the rings, as corosync 1 listed them for udpu: host by host in the same order on each ring.
func members(root *block) [][]string {
	var hosts [][]string
	for _, t := range root.all("totem") {
		interfaces := t.all("interface")
		slices.SortStableFunc(interfaces, func(a, b *block) int { return cmp.Compare(ring(a), ring(b)) })
		for _, in := range interfaces {
			for i, m := range in.all("member") {
				s, ok := m.get("memberaddr")
				if !ok {
					continue
				}
				if i == len(hosts) {
					hosts = append(hosts, nil)
				}
				if i < len(hosts) {
					hosts[i] = append(hosts[i], s.value)
				}
			}
		}
	}
	return hosts
}

func ring(in *block) int {
	s, _ := in.get("ringnumber")
	n, _ := strconv.Atoi(s.value) // 0 without one
	return n
}

// nodelist writes the section for hosts by their addresses.
func (o *older) nodelist(hosts [][]string) string {
	var b strings.Builder
	b.WriteString("\nnodelist {\n")
	for _, addrs := range hosts {
		k := o.identify(addrs[0])
		b.WriteString("    node {\n")
		for link, addr := range addrs {
			fmt.Fprintf(&b, "        ring%d_addr: %s\n", link, addr)
		}
		if k.Name != "" {
			fmt.Fprintf(&b, "        name: %s\n", k.Name)
		}
		fmt.Fprintf(&b, "        nodeid: %d\n    }\n", k.ID)
	}
	b.WriteString("}\n")
	return b.String()
}

// number gives nodes of the list an id, and a name where one is known.
func (o *older) number(text string, nodes []*block) string {
	added := map[int]string{} // after a line
	for _, n := range nodes {
		if s, ok := n.get("nodeid"); ok {
			id, _ := strconv.ParseUint(s.value, 10, 32) // 0, which no host has, when Parse will refuse it
			o.used[core.HostID(id)] = true
		}
	}
	for _, n := range nodes {
		addr, ok := n.get("ring0_addr")
		if _, has := n.get("nodeid"); has || !ok {
			continue
		}
		k := o.identify(addr.value)
		more := fmt.Sprintf("        nodeid: %d\n", k.ID)
		if _, named := n.get("name"); !named && k.Name != "" && k.Name != addr.value {
			more += fmt.Sprintf("        name: %s\n", k.Name)
		}
		added[n.line] = more
		o.note("line %d: node %s gets the nodeid %d", n.line, addr.value, k.ID)
	}
	var b strings.Builder
	number := 0
	for line := range strings.Lines(text) {
		number++
		b.WriteString(line)
		b.WriteString(added[number])
	}
	return b.String()
}

// identify finds the host with an address among those that are known: by its name, or by the id that corosync made of its
// IPv4 address. One that is not known gets the lowest free id.
func (o *older) identify(addr string) Known {
	found := Known{}
	ids := addressIDs(addr)
	for _, k := range o.known {
		if k.Name == addr || slices.Contains(ids, k.ID) {
			found = k
		}
	}
	for id := core.HostID(1); found.ID == 0 || o.used[found.ID]; id++ {
		found.ID = id
	}
	o.used[found.ID] = true
	return found
}

// addressIDs are the ids that corosync made of an IPv4 address: in the network's byte order and, before 2.0, in the machine's; with the
// highest bit and, under clear_node_high_bit, without it.
func addressIDs(addr string) []core.HostID {
	ip, err := netip.ParseAddr(addr)
	if err != nil || !ip.Is4() {
		return nil
	}
	bytes := ip.As4()
	const high = 1 << 31
	big, little := binary.BigEndian.Uint32(bytes[:]), binary.LittleEndian.Uint32(bytes[:])
	return []core.HostID{core.HostID(big), core.HostID(little), core.HostID(big &^ high), core.HostID(little &^ high)}
}
