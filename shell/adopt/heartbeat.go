package adopt

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// heartbeat is what ha.cf and haresources said. Both are needed to make hosts of it: ha.cf may come after haresources.
type heartbeat struct {
	read     bool
	hosts    []string
	links    []string // eth1 192.168.68.201, one a line of ucast
	deadtime time.Duration
	port     string
	failback bool
	crm      bool
	pings    []string
	groups   []legacyGroup
}

// legacyGroup is one line of haresources.
type legacyGroup struct {
	file      string
	line      int
	host      string
	resources []string
}

// seconds reads a time of ha.cf: seconds, or with ms.
func seconds(text string) (time.Duration, bool) { return metadata.Duration(text) }

// readConfiguration reads ha.cf: a directive and its words on a line.
func (h *heartbeat) readConfiguration(r *Result, path, text string) error {
	h.read = true
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := h.directive(r, fmt.Sprintf("%s:%d", path, number), words[0], words[1:]); err != nil {
			return err
		}
	}
	r.understand("%s: Heartbeat's hosts %s", path, strings.Join(h.hosts, ", "))
	return nil
}

func (h *heartbeat) directive(r *Result, place, name string, words []string) error {
	rest := strings.Join(words, " ")
	if rest == "" {
		return fmt.Errorf("%s: %s: a value was expected after it", place, name)
	}
	switch name {
	case "node":
		h.hosts = append(h.hosts, words...)
	case "ucast", "bcast", "mcast":
		h.links = append(h.links, name+" "+rest)
	case "deadtime":
		d, ok := seconds(rest)
		if !ok {
			return fmt.Errorf("%s: deadtime %q: a number of seconds was expected", place, rest)
		}
		h.deadtime = d
	case "udpport":
		h.port = words[0]
	case "auto_failback":
		h.failback = words[0] == "on"
	case "crm", "pacemaker":
		h.crm = words[0] != "off" && words[0] != "no" && words[0] != "false"
	case "ping":
		h.pings = append(h.pings, words...)
	case "ping_group":
		if len(words) < 2 {
			return fmt.Errorf("%s: ping_group %s: the group's name and then its addresses were expected", place, rest)
		}
		r.understand("%s: ping_group %s: its addresses count one by one here", place, words[0])
		h.pings = append(h.pings, words[1:]...)
	case "keepalive", "warntime", "initdead", "deadping":
		r.understand("%s: %s %s follows from the token here", place, name, rest)
	case "use_logd", "logfacility", "logfile", "debugfile", "debug", "logd", "coredumps", "realtime", "rtprio", "traditional_compression", "compression", "hopfudge", "watchdog", "conn_logd_time":
		r.understand("%s: %s is not needed: the daemon logs to the journal", place, name)
	case "stonith", "stonith_host":
		r.lose("%s: %s %s: make a fence device of it, with pcs stonith create", place, name, rest)
	case "respawn", "apiauth":
		r.lose("%s: %s %s: what Heartbeat kept running beside itself; where it is a pingd, a cloned ocf:pacemaker:ping takes its place", place, name, rest)
	case "serial", "baud":
		r.lose("%s: %s %s: hosts talk over networks only", place, name, rest)
	default:
		r.lose("%s: %s %s: not known", place, name, rest)
	}
	return nil
}

// readResources reads haresources: a host, then what it runs, in order; a '\' at the end goes on in the next line.
func (h *heartbeat) readResources(r *Result, path, text string) error {
	h.read = true
	number, start := 0, 0
	var pending []string
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		more := strings.HasSuffix(line, `\`)
		words := strings.Fields(strings.TrimSuffix(line, `\`))
		if len(pending) == 0 {
			start = number
		}
		pending = append(pending, words...)
		if more || len(pending) == 0 {
			continue
		}
		if len(pending) == 1 {
			return fmt.Errorf("%s:%d: host %s runs nothing; an address or a script was expected after it", path, start, pending[0])
		}
		h.groups = append(h.groups, legacyGroup{path, start, pending[0], pending[1:]})
		r.understand("%s:%d: %s runs %s", path, start, pending[0], strings.Join(pending[1:], ", "))
		pending = nil
	}
	return nil
}

// finish makes a document and a corosync.conf of Heartbeat's files.
func (h *heartbeat) finish(r *Result) {
	if !h.read {
		return
	}
	if len(h.groups) > 0 && r.Document != nil {
		r.lose("%s: haresources is left out: the document configures the resources, as Heartbeat with crm on does", h.groups[0].file)
	} else if len(h.groups) > 0 {
		doc := h.document(r)
		r.Document = doc
	}
	h.watchRouters(r)
	if len(h.hosts) > 0 && r.Corosync == "" {
		r.Corosync = h.corosync(r)
	}
}

// watchRouters tells what takes the place of ping and ping_group. What a ping says of the way to a router says nothing of
// the other host, as both may reach the router; so it decides between two hosts only together with fencing.
func (h *heartbeat) watchRouters(r *Result) {
	if len(h.pings) == 0 {
		return
	}
	r.step(`watch %s: pcs resource create ping ocf:pacemaker:ping host_list="%s" dampen=5s multiplier=1000 clone, and for what needs it: `+
		"pcs constraint location RESOURCE rule score=-INFINITY pingd lt 1 or not_defined pingd", strings.Join(h.pings, ", "), strings.Join(h.pings, " "))
	if len(h.hosts) == 2 {
		r.step("to have %s decide between two hosts that do not hear each other: pcs stonith create router fence_heuristics_ping ping_targets=%s, and put it before the fence device "+
			"of each host (pcs stonith level add 1 HOST router DEVICE); without fencing it cannot decide, and is not taken over for that", strings.Join(h.pings, ", "), strings.Join(h.pings, ","))
	}
}

func (h *heartbeat) document(r *Result) *cib.Document {
	doc := &cib.Document{Root: cib.NewElement("cib", "validate-with", cib.NewestSchema, "epoch", "1", "num_updates", "0", "admin_epoch", "0")}
	for _, section := range []string{"crm_config", "nodes", "resources", "constraints"} {
		doc.EnsureSection(section)
	}
	doc.Root.Append(cib.NewElement("status"))
	used := map[string]int{}
	name := func(base string) string {
		used[base]++
		if used[base] > 1 {
			return base + "-" + strconv.Itoa(used[base])
		}
		return base
	}
	for _, g := range h.groups {
		group := cib.NewElement("group", "id", name("group-"+clean(g.host)))
		for _, word := range g.resources {
			group.Append(primitive(r, g, word, name))
		}
		home := group
		if len(group.Children) == 1 {
			home = group.Children[0]
			home.Parent = nil
		}
		doc.Section("resources").Append(home)
		doc.Section("constraints").Append(cib.NewElement("rsc_location", "id", "prefer-"+home.ID(), "rsc", home.ID(), "node", g.host, "score", "100"))
	}
	stickiness := "INFINITY"
	if h.failback {
		stickiness = "0"
	}
	defaults := doc.EnsureSection("rsc_defaults").Append(cib.NewElement("meta_attributes", "id", "rsc-options"))
	defaults.Append(cib.NewElement("nvpair", "id", "rsc-options-resource-stickiness", "name", "resource-stickiness", "value", stickiness))
	return doc
}

func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, text)
}

// primitive makes a resource of one word of haresources: an address (A.B.C.D/BITS/NIC/BROADCAST), or SCRIPT::ARGUMENT::….
func primitive(r *Result, g legacyGroup, word string, name func(string) string) *cib.Element {
	parts := strings.Split(word, "::")
	script, arguments := parts[0], parts[1:]
	if (script == "IPaddr" || script == "IPaddr2") && len(arguments) > 0 {
		script, arguments = arguments[0], nil
	}
	if address, _, _ := strings.Cut(script, "/"); len(arguments) == 0 {
		if _, err := netip.ParseAddr(address); err == nil {
			return addressResource(script, name)
		}
	}
	var params [][2]string
	class, provider, kind := "lsb", "", script
	fill := func(names ...string) {
		class, provider = "ocf", "heartbeat"
		for i, n := range names {
			if i < len(arguments) && arguments[i] != "" {
				params = append(params, [2]string{n, arguments[i]})
			}
		}
	}
	switch script {
	case "Filesystem":
		fill("device", "directory", "fstype", "options")
	case "LVM":
		fill("volgrpname")
	case "drbddisk":
		class, provider, kind = "heartbeat", "", "drbddisk"
		r.lose("%s:%d: %s: make DRBD a promotable clone of ocf:linbit:drbd, and order it before its file system", g.file, g.line, word)
	case "MailTo":
		fill("email", "subject")
	case "ldirectord":
		fill("configfile")
	case "apache":
		fill("configfile")
	default:
		if len(arguments) > 0 {
			class = "heartbeat"
		}
	}
	id := name(clean(filepath.Base(script)))
	e := cib.NewElement("primitive", "id", id, "class", class)
	if provider != "" {
		e.Set("provider", provider)
	}
	e.Set("type", kind)
	if class == "heartbeat" {
		for i, a := range arguments {
			params = append(params, [2]string{strconv.Itoa(i + 1), a})
		}
		r.step("replace %s (%s:%d), a script of Heartbeat's own kind, with an OCF agent or a systemd unit", word, g.file, g.line)
	}
	return complete(e, params)
}

// addressResource reads A.B.C.D[/BITS][/NIC][/BROADCAST].
func addressResource(word string, name func(string) string) *cib.Element {
	var params [][2]string
	for i, part := range strings.Split(word, "/") {
		switch _, err := strconv.Atoi(part); {
		case i == 0:
			params = append(params, [2]string{"ip", part})
		case err == nil:
			params = append(params, [2]string{"cidr_netmask", part})
		default:
			if _, err := netip.ParseAddr(part); err == nil {
				params = append(params, [2]string{"broadcast", part})
			} else if part != "" {
				params = append(params, [2]string{"nic", part})
			}
		}
	}
	e := cib.NewElement("primitive", "id", name("ip-"+clean(params[0][1])), "class", "ocf", "provider", "heartbeat", "type", "IPaddr2")
	return complete(e, params)
}

// complete adds parameters and a monitor.
func complete(e *cib.Element, params [][2]string) *cib.Element {
	if len(params) > 0 {
		set := e.Append(cib.NewElement("instance_attributes", "id", e.ID()+"-instance_attributes"))
		for _, p := range params {
			set.Append(cib.NewElement("nvpair", "id", set.ID()+"-"+p[0], "name", p[0], "value", p[1]))
		}
	}
	e.Append(cib.NewElement("operations")).Append(cib.NewElement("op", "id", e.ID()+"-monitor-30s", "name", "monitor", "interval", "30s", "timeout", "30s"))
	return e
}

// corosync writes a corosync.conf of ha.cf. Addresses come from ucast lines, which name all hosts in their order; where they do not, hosts
// go by their names.
func (h *heartbeat) corosync(r *Result) string {
	var addresses []string
	for _, link := range h.links {
		words := strings.Fields(link)
		if words[0] == "ucast" && len(words) == 3 {
			addresses = append(addresses, words[2])
		} else {
			r.lose("ha.cf: %s: hosts here know each other by address; name them", link)
		}
	}
	slices.Sort(addresses)
	hosts := slices.Sorted(slices.Values(h.hosts))
	known := len(addresses) == len(hosts)
	if known {
		r.step("check the addresses in corosync.conf: ha.cf does not say which host has which, so they are in the order of the hosts' names")
	}
	var b strings.Builder
	b.WriteString("totem {\n    version: 2\n    cluster_name: heartbeat\n    transport: knet\n    crypto_cipher: aes256\n    crypto_hash: sha256\n")
	if h.deadtime > 0 {
		fmt.Fprintf(&b, "    token: %d\n", h.deadtime.Milliseconds())
	}
	if h.port != "" {
		fmt.Fprintf(&b, "    interface {\n        linknumber: 0\n        mcastport: %s\n    }\n", h.port)
	}
	b.WriteString("}\n\nnodelist {\n")
	for i, host := range hosts {
		address := host
		if known {
			address = addresses[i]
		}
		fmt.Fprintf(&b, "    node {\n        ring0_addr: %s\n        name: %s\n        nodeid: %d\n    }\n", address, host, i+1)
	}
	b.WriteString("}\n\nquorum {\n    provider: corosync_votequorum\n")
	if len(hosts) == 2 {
		b.WriteString("    two_node: 1\n")
	}
	b.WriteString("}\n")
	return b.String()
}
