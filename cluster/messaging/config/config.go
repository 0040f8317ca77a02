package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/quorum"
)

// DefaultPort serves heartbeats (UDP) and streams (TCP) on every link.
const DefaultPort = 5405

// File is a configuration that was read and found good.
type File struct {
	Path     string
	Cluster  string        // its name; "" when not given
	Token    time.Duration // 0: core.DefaultToken
	Hosts    []Host        // ascending by id
	Links    int
	Ports    []uint16 // of each link
	Quorum   quorum.Options
	Window   time.Duration  // last_man_standing_window
	Device   *device.Config // nil: no quorum device
	KeyFile  string         // the authkey's path
	IPFamily string         // ip_version, "" when not given
	Debug    bool
	Warnings []Problem
	Idle     []Problem // keys that are known and have no effect here, and why
}

// Host is a node of the node list.
type Host struct {
	ID    core.HostID
	Name  string   // its name, or its first address when the file gives none
	Named bool     // the file gives a name
	Addrs []string // of each link: an address or a host name
	Votes int
	Line  int
}

// Load reads a configuration file. The error joins a *Problem for each fault.
func Load(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's configuration: %w; make one with \"holdfast init\", or copy it from another host", err)
	}
	return Parse(path, string(text))
}

// Find returns the configuration below a root: holdfast.conf before corosync.conf.
func Find(root string) (string, error) {
	var tried []string
	for _, name := range []string{"etc/holdfast/holdfast.conf", "etc/corosync/corosync.conf"} {
		path := filepath.Join(root, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		tried = append(tried, path)
	}
	return "", fmt.Errorf("find the cluster's configuration: neither %s exists (%w); make one with \"holdfast init\" or \"holdfast join\"",
		strings.Join(tried, " nor "), os.ErrNotExist)
}

// reader collects a file and its problems.
type reader struct {
	file *File
	errs []error
}

func (r *reader) fault(line int, format string, args ...any) {
	r.errs = append(r.errs, &Problem{r.file.Path, line, fmt.Sprintf(format, args...)})
}

func (r *reader) warn(line int, format string, args ...any) {
	r.file.Warnings = append(r.file.Warnings, Problem{r.file.Path, line, fmt.Sprintf(format, args...)})
}

// Parse reads a configuration's text; path is for messages and to find the key beside it.
func Parse(path, text string) (*File, error) {
	root, err := parse(path, text)
	r := &reader{file: &File{Path: path}}
	if err != nil {
		r.errs = append(r.errs, err)
	}
	r.check(&section{keys: fileKeys, sections: fileSections}, root, "")
	r.totem(root)
	r.hosts(root)
	r.links(root)
	r.quorum(root)
	for _, list := range [][]Problem{r.file.Warnings, r.file.Idle} {
		slices.SortStableFunc(list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	return r.file, nil
}

// check holds every key against what is known.
func (r *reader) check(s *section, b *block, path string) {
	seen := map[string]int{}
	for _, set := range b.settings {
		u, ok := s.use(set.key)
		if !ok {
			r.warn(set.line, "unknown key %s%s; it has no effect", path, set.key)
			continue
		}
		if before, twice := seen[set.key]; twice && path != "resources." {
			r.warn(set.line, "%s%s was set in line %d already; this line counts", path, set.key, before)
		}
		seen[set.key] = set.line
		if u.ignored != "" {
			r.file.Idle = append(r.file.Idle, Problem{r.file.Path, set.line, fmt.Sprintf("%s%s has no effect here: %s", path, set.key, u.ignored)})
		}
		if u.accept == nil {
			continue
		}
		if want := u.accept(set.value); want != "" {
			r.fault(set.line, "%s%s: %q: %s", path, set.key, set.value, want)
		}
	}
	for _, inner := range b.blocks {
		if known := s.section(inner.name); known != nil {
			r.check(known, inner, path+inner.name+".")
		} else {
			r.warn(inner.line, "unknown section %s%s; it has no effect", path, inner.name)
		}
	}
}

// totem reads names, paths and the pace.
func (r *reader) totem(root *block) {
	f := r.file
	f.KeyFile = filepath.Join(filepath.Dir(f.Path), "authkey")
	sections := root.all("totem")
	if len(sections) == 0 {
		r.fault(0, "section totem is missing")
	}
	coefficient := setting{}
	for _, t := range sections {
		if _, ok := t.get("version"); !ok {
			r.fault(t.line, "totem.version is missing; \"version: 2\" is accepted")
		}
		if s, ok := t.get("cluster_name"); ok {
			f.Cluster = s.value
		}
		if s, ok := t.get("token"); ok {
			f.Token = milliseconds(s.value)
		}
		if s, ok := t.get("token_coefficient"); ok {
			coefficient = s
		}
		if s, ok := t.get("keyfile"); ok {
			f.KeyFile = s.value
		}
		if s, ok := t.get("ip_version"); ok {
			f.IPFamily = s.value
		}
	}
	for _, l := range root.all("logging") {
		if s, ok := l.get("debug"); ok {
			f.Debug = s.value != "off"
		}
	}
	// The coefficient lengthens a token that is written, as in corosync, and only if it
	// is written itself: a host that is heard on its own needs no time for others.
	hosts := 0
	for _, l := range root.all("nodelist") {
		hosts += len(l.all("node"))
	}
	if coefficient.line > 0 && f.Token > 0 && hosts > 2 {
		f.Token += milliseconds(coefficient.value) * time.Duration(hosts-2)
	}
}

// milliseconds reads a value that was checked; 0 when it was refused.
func milliseconds(v string) time.Duration {
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

// hosts reads the node list.
func (r *reader) hosts(root *block) {
	ids, names := map[core.HostID]int{}, map[string]int{}
	for _, l := range root.all("nodelist") {
		for _, n := range l.all("node") {
			h := r.host(n)
			if before := ids[h.ID]; before > 0 && h.ID != 0 {
				s, _ := n.get("nodeid")
				r.fault(s.line, "nodeid %d is that of the node in line %d, too; give every node an id of its own", h.ID, before)
			}
			ids[h.ID] = n.line
			for _, name := range append(slices.Clone(h.Addrs), h.Name) {
				if before := names[name]; before > 0 && before != n.line && name != "" {
					r.fault(n.line, "%q is in the node of line %d, too; every node needs addresses and a name of its own", name, before)
				}
				names[name] = n.line
			}
			r.file.Hosts = append(r.file.Hosts, h)
		}
	}
	slices.SortStableFunc(r.file.Hosts, func(a, b Host) int { return cmp.Compare(a.ID, b.ID) })
	if len(r.file.Hosts) == 0 {
		r.fault(0, "no node is listed; every host of the cluster needs a node section with ring0_addr and nodeid in the nodelist section")
	}
}

func (r *reader) host(n *block) Host {
	h := Host{Votes: 1, Line: n.line}
	if s, ok := n.get("nodeid"); !ok {
		r.fault(n.line, "nodeid is missing in this node; a number from 1 to 4294967295, the same on all hosts, is accepted")
	} else if id, err := strconv.ParseUint(s.value, 10, 32); err == nil {
		h.ID = core.HostID(id)
	}
	for link := range core.MaxLinks {
		s, ok := n.get(fmt.Sprintf("ring%d_addr", link))
		if !ok {
			continue
		}
		if len(h.Addrs) != link {
			r.fault(s.line, "ring%d_addr without ring%d_addr; links are numbered from 0 without gaps", link, len(h.Addrs))
		}
		h.Addrs = append(h.Addrs, s.value)
	}
	if len(h.Addrs) == 0 {
		r.fault(n.line, "ring0_addr is missing in this node; its address or host name is accepted")
	} else {
		h.Name = h.Addrs[0]
	}
	if s, ok := n.get("name"); ok {
		h.Name, h.Named = s.value, true
	}
	if s, ok := n.get("quorum_votes"); ok {
		if v, err := strconv.Atoi(s.value); err == nil {
			h.Votes = v
		}
	}
	return h
}

// links reads the interfaces and holds the hosts' addresses against each other.
func (r *reader) links(root *block) {
	f := r.file
	for _, h := range f.Hosts {
		f.Links = max(f.Links, len(h.Addrs))
	}
	for _, h := range f.Hosts {
		if len(h.Addrs) < f.Links && len(h.Addrs) > 0 {
			r.fault(h.Line, "node %d has %d addresses where others have %d; every node needs an address on each link", h.ID, len(h.Addrs), f.Links)
		}
	}
	for range f.Links {
		f.Ports = append(f.Ports, DefaultPort)
	}
	for _, t := range root.all("totem") {
		for i, in := range t.all("interface") {
			link := i
			for _, key := range []string{"ringnumber", "linknumber"} {
				if s, ok := in.get(key); ok {
					link, _ = strconv.Atoi(s.value)
				}
			}
			if s, ok := in.get("mcastport"); ok && link < len(f.Ports) {
				if p, err := strconv.ParseUint(s.value, 10, 16); err == nil {
					f.Ports[link] = uint16(p)
				}
			}
		}
	}
}

// quorum reads the votes.
func (r *reader) quorum(root *block) {
	q := &r.file.Quorum
	q.Votes, q.Tie.Lowest = map[core.HostID]int{}, true
	r.file.Window = 10 * time.Second
	for _, h := range r.file.Hosts {
		q.Hosts = append(q.Hosts, h.ID)
		q.Votes[h.ID] = h.Votes
	}
	for _, b := range root.all("quorum") {
		on := func(key string) bool { s, ok := b.get(key); return ok && s.value == "1" }
		q.TwoNode, q.AutoTie, q.LastManStanding, q.AllowDownscale = on("two_node"), on("auto_tie_breaker"), on("last_man_standing"), on("allow_downscale")
		q.WaitForAll = on("wait_for_all")
		if s, ok := b.get("wait_for_all"); ok && s.value == "0" {
			q.WaitForAllOff = true
		}
		if s, ok := b.get("expected_votes"); ok {
			q.Expected, _ = strconv.Atoi(s.value)
		}
		if s, ok := b.get("last_man_standing_window"); ok {
			r.file.Window = milliseconds(s.value)
			q.Window = r.file.Window
		}
		if s, ok := b.get("auto_tie_breaker_node"); ok {
			q.Tie = tie(s.value)
		}
		if q.LastManStanding && !q.WaitsForAll() {
			s, _ := b.get("last_man_standing")
			r.warn(s.line, "quorum.last_man_standing without wait_for_all: hosts that come back on another side could find a quorum of their own")
		}
		r.device(b)
		if s, ok := b.get("two_node"); ok && q.TwoNode && len(q.Hosts) != 2 {
			r.warn(s.line, "quorum.two_node has no effect with %d nodes; it is for two", len(q.Hosts))
			q.TwoNode = false
		}
	}
}

func tie(v string) quorum.TieBreaker {
	switch v {
	case "lowest":
		return quorum.TieBreaker{Lowest: true}
	case "highest":
		return quorum.TieBreaker{Highest: true}
	}
	var t quorum.TieBreaker
	for _, w := range strings.Fields(v) {
		if id, err := strconv.ParseUint(w, 10, 32); err == nil {
			t.List = append(t.List, core.HostID(id))
		}
	}
	return t
}
