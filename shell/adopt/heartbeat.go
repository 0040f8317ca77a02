package adopt

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/executor/metadata"
)

// heartbeat is what ha.cf and haresources said. Both are needed to make hosts of it: ha.cf may come after haresources.
type heartbeat struct {
	read     bool
	file     string // ha.cf
	hosts    []string
	links    []legacyLink
	deadtime time.Duration
	port     string
	failback bool
	crm      string // the line that turns Heartbeat's own CRM on; "" when it is off
	pings    []string
	pingd    map[string]string // pingd's options: -m, -d, -a
	groups   []legacyGroup
}

// legacyLink is a line of ucast, bcast or mcast.
type legacyLink struct {
	place, kind string
	words       []string
}

// readConfiguration reads ha.cf: a directive and its words on a line.
func (h *heartbeat) readConfiguration(r *Result, path, text string) error {
	h.read, h.file = true, path
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
	if len(h.hosts) == 0 {
		return fault(path, 0, "no host is named; a line 'node NAME…' was expected")
	}
	r.understand("%s: Heartbeat's hosts %s", path, strings.Join(h.hosts, ", "))
	return nil
}

// What becomes of directives that carry nothing over.
var (
	pacedHere = []string{"keepalive", "warntime", "initdead", "deadping"}
	loggers   = []string{"use_logd", "logfacility", "logfile", "debugfile", "debug", "conn_logd_time", "syslogmsgfmt"}
	internals = []string{"coredumps", "realtime", "rtprio", "traditional_compression", "compression", "compression_threshold", "hopfudge", "memreserve",
		"msgfmt", "max_rexmit_delay", "uuidfrom", "record_config_changes", "record_pengine_inputs", "hbgenmethod", "normalpoll", "use_apphbd"}
)

func (h *heartbeat) directive(r *Result, place, name string, words []string) error {
	rest := strings.Join(words, " ")
	if rest == "" {
		return fmt.Errorf("%s: %s: a value was expected after it", place, name)
	}
	switch {
	case slices.Contains(pacedHere, name):
		r.understand("%s: %s %s follows from the token here", place, name, rest)
		return nil
	case slices.Contains(loggers, name):
		r.understand("%s: %s is not needed: the daemon logs to the journal", place, name)
		return nil
	case slices.Contains(internals, name):
		r.understand("%s: %s is about Heartbeat's own workings", place, name)
		return nil
	}
	switch name {
	case "node":
		h.hosts = append(h.hosts, words...)
	case "ucast", "bcast", "mcast", "ucast6", "mcast6":
		return h.link(place, name, words)
	case "deadtime":
		d, ok := metadata.Duration(rest)
		if !ok {
			return fmt.Errorf("%s: deadtime %q: a number of seconds was expected", place, rest)
		}
		h.deadtime = d
	case "udpport", "udp":
		if !isNumber(words[0]) {
			return fmt.Errorf("%s: %s %q: a port's number was expected", place, name, rest)
		}
		h.port = words[0]
	case "auto_failback", "nice_failback":
		yes, err := truth(place, name, words[0])
		h.failback = yes == (name == "auto_failback")
		return err
	case "crm", "pacemaker":
		yes, err := truth(place, name, words[0])
		if h.crm = ""; yes {
			h.crm = place
		}
		return err
	case "ping":
		h.pings = append(h.pings, words...)
	case "ping_group":
		if len(words) < 2 {
			return fmt.Errorf("%s: ping_group %s: the group's name and then its addresses were expected", place, rest)
		}
		r.understand("%s: ping_group %s: its addresses count one by one here", place, words[0])
		h.pings = append(h.pings, words[1:]...)
	case "watchdog":
		r.step("have the watchdog %s reset a host that is lost: pcs stonith sbd enable --watchdog=%s", words[0], words[0])
	case "cluster":
		r.understand("%s: cluster %s is a name only", place, rest)
	default:
		h.leave(r, place, name, words)
	}
	return nil
}

// leave tells of directives that cannot be carried over.
func (h *heartbeat) leave(r *Result, place, name string, words []string) {
	rest := strings.Join(words, " ")
	switch name {
	case "stonith":
		r.lose("%s: stonith %s: make a fence device of it, with pcs stonith create", place, words[0])
	case "stonith_host": // its parameters hold passwords
		if len(words) > 1 {
			rest = words[0] + " " + words[1]
		}
		r.lose("%s: stonith_host %s: make a fence device of it, with pcs stonith create", place, rest)
	case "respawn":
		h.respawn(r, place, words)
	case "apiauth":
		r.lose("%s: apiauth %s: local users come in through the group haclient", place, rest)
	case "serial", "baud", "hbaping":
		r.lose("%s: %s %s: hosts talk over networks only", place, name, rest)
	case "autojoin":
		if rest == "none" {
			r.understand("%s: autojoin none: only listed hosts take part, as here", place)
			return
		}
		r.lose("%s: autojoin %s: only hosts that are listed take part", place, rest)
	default:
		r.lose("%s: %s %s: not known", place, name, rest)
	}
}

// respawn tells what takes the place of a program that Heartbeat kept running.
func (h *heartbeat) respawn(r *Result, place string, words []string) {
	for i, w := range words {
		switch {
		case strings.HasSuffix(w, "/pingd"):
			h.pingd = map[string]string{}
			for n := i + 1; n+1 < len(words); n += 2 {
				h.pingd[words[n]] = words[n+1]
			}
			fallthrough
		case strings.HasSuffix(w, "/ipfail"):
			r.understand("%s: respawn %s: a cloned ocf:pacemaker:ping takes its place", place, strings.Join(words, " "))
			return
		}
	}
	r.lose("%s: respawn %s: Heartbeat kept it running beside itself; make a resource or a systemd unit of it", place, strings.Join(words, " "))
}

func truth(place, name, word string) (bool, error) {
	switch strings.ToLower(word) {
	case "on", "yes", "true", "y", "1", "respawn", "manual":
		return true, nil
	case "off", "no", "false", "n", "0", "legacy":
		return false, nil
	}
	return false, fmt.Errorf("%s: %s %s: on or off was expected", place, name, word)
}

func (h *heartbeat) link(place, kind string, words []string) error {
	if strings.HasPrefix(kind, "ucast") {
		if len(words) != 2 {
			return fmt.Errorf("%s: %s %s: a device and one address were expected", place, kind, strings.Join(words, " "))
		}
		if _, err := netip.ParseAddr(words[1]); err != nil && strings.Trim(words[1], "0123456789.") == "" {
			return fmt.Errorf("%s: %s %s: %s is no address", place, kind, strings.Join(words, " "), words[1])
		}
	}
	h.links = append(h.links, legacyLink{place, kind, words})
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
		if h.crm != "" {
			r.lose("%s: with crm on, Heartbeat took its resources from its CIB and never looked at haresources; give that cib.xml instead", h.crm)
		}
		r.Document = h.document(r)
	}
	h.watchRouters(r)
	if len(h.hosts) > 0 && r.corosyncText == "" {
		r.corosyncText, r.corosyncFrom, r.corosyncMade = h.corosync(r), h.file, true
	}
}

// watchRouters tells what takes the place of ping and ping_group. What a ping says of the way to a router says nothing of
// the other host, as both may reach the router; so it decides between two hosts only together with fencing.
func (h *heartbeat) watchRouters(r *Result) {
	var pings []string
	for _, p := range h.pings {
		if !slices.Contains(pings, p) {
			pings = append(pings, p)
		}
	}
	if len(pings) == 0 {
		return
	}
	attribute := cmp.Or(h.pingd["-a"], "pingd")
	name := ""
	if attribute != "pingd" {
		name = "name=" + attribute + " "
	}
	r.step(`watch %s: pcs resource create ping ocf:pacemaker:ping host_list="%s" %sdampen=%s multiplier=%s clone, and for what needs it: `+
		"pcs constraint location RESOURCE rule score=-INFINITY %s lt 1 or not_defined %s", strings.Join(pings, ", "), strings.Join(pings, " "),
		name, cmp.Or(h.pingd["-d"], "5s"), cmp.Or(h.pingd["-m"], "1000"), attribute, attribute)
	if len(h.hosts) == 2 {
		r.step("to have %s decide between two hosts that do not hear each other: pcs stonith create router fence_heuristics_ping ping_targets=%s, and put it before the fence device "+
			"of each host (pcs stonith level add 1 HOST router DEVICE); without fencing it cannot decide, and is not taken over for that", strings.Join(pings, ", "), strings.Join(pings, ","))
	}
}

// rings returns the addresses that ucast lines give, a list for each device that names all hosts. Other lines are told as lost.
func (h *heartbeat) rings(r *Result) (rings [][]string) {
	var devices []string
	addresses, lines := map[string][]string{}, map[string][]legacyLink{}
	for _, l := range h.links {
		if !strings.HasPrefix(l.kind, "ucast") {
			r.lose("%s: %s %s: hosts here know each other by address; name them", l.place, l.kind, strings.Join(l.words, " "))
			continue
		}
		device, address := l.words[0], l.words[1]
		if !slices.Contains(devices, device) {
			devices = append(devices, device)
		}
		if !slices.Contains(addresses[device], address) {
			addresses[device] = append(addresses[device], address)
		}
		lines[device] = append(lines[device], l)
	}
	for _, device := range devices {
		if len(addresses[device]) == len(h.hosts) {
			slices.SortFunc(addresses[device], compareAddresses)
			rings = append(rings, addresses[device])
			continue
		}
		for _, l := range lines[device] {
			r.lose("%s: %s %s: whose address this is cannot be told, as not all %d hosts have one there", l.place, l.kind, strings.Join(l.words, " "), len(h.hosts))
		}
	}
	return rings
}

func compareAddresses(a, b string) int {
	left, errLeft := netip.ParseAddr(a)
	right, errRight := netip.ParseAddr(b)
	if errLeft == nil && errRight == nil {
		return left.Compare(right)
	}
	return strings.Compare(a, b)
}

// corosync writes a corosync.conf of ha.cf. Addresses come from ucast lines that name all hosts; without such, hosts go by their names.
func (h *heartbeat) corosync(r *Result) string {
	rings := h.rings(r)
	hosts := slices.Sorted(slices.Values(h.hosts))
	if len(rings) > 0 {
		r.step("check the addresses in corosync.conf: ha.cf does not say which host has which, so they are in the order of the hosts' names")
	} else {
		r.step("put the hosts' addresses into corosync.conf: it has their names, which have to be known on every host")
		rings = [][]string{hosts}
	}
	var b strings.Builder
	b.WriteString("totem {\n    version: 2\n    cluster_name: heartbeat\n    transport: knet\n    crypto_cipher: aes256\n    crypto_hash: sha256\n")
	if h.deadtime > 0 {
		fmt.Fprintf(&b, "    token: %d\n", h.deadtime.Milliseconds())
	}
	if h.port != "" {
		for link := range rings {
			fmt.Fprintf(&b, "    interface {\n        linknumber: %d\n        mcastport: %s\n    }\n", link, h.port)
		}
	}
	b.WriteString("}\n\nnodelist {\n")
	for i, host := range hosts {
		b.WriteString("    node {\n")
		for link, addresses := range rings {
			fmt.Fprintf(&b, "        ring%d_addr: %s\n", link, addresses[i])
		}
		fmt.Fprintf(&b, "        name: %s\n        nodeid: %d\n    }\n", host, i+1)
	}
	b.WriteString("}\n\nquorum {\n    provider: corosync_votequorum\n")
	if len(hosts) == 2 {
		b.WriteString("    two_node: 1\n")
	}
	b.WriteString("}\n")
	return b.String()
}
