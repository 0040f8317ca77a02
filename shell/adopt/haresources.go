package adopt

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// legacyGroup is one line of haresources.
type legacyGroup struct {
	file      string
	line      int
	host      string
	resources []string
}

// readResources reads haresources: a host, then what it runs, in order; a '\' at the end goes on in the next line.
func (h *heartbeat) readResources(r *Result, path, text string) error {
	h.read = true
	number, start := 0, 0
	var pending []string
	take := func() error {
		if len(pending) == 1 {
			return fault(path, start, "host %s runs nothing; an address or a script was expected after it", pending[0])
		}
		for _, word := range pending[1:] {
			if wrong := wrongAddress(word); wrong != "" {
				return fault(path, start, "%s: %s is no address; A.B.C.D/BITS/DEVICE/BROADCAST is accepted", word, wrong)
			}
		}
		h.groups = append(h.groups, legacyGroup{path, start, pending[0], pending[1:]})
		r.understand("%s:%d: %s runs %s", path, start, pending[0], strings.Join(pending[1:], ", "))
		pending = nil
		return nil
	}
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		words := strings.Fields(strings.TrimSuffix(line, `\`))
		if len(pending) == 0 {
			start = number
		}
		pending = append(pending, words...)
		if strings.HasSuffix(line, `\`) || len(pending) == 0 {
			continue
		}
		if err := take(); err != nil {
			return err
		}
	}
	if len(pending) > 0 {
		return take()
	}
	return nil
}

// wrongAddress returns the address of a resource that has one and means none.
func wrongAddress(word string) string {
	parts := strings.SplitN(word, "::", 2)
	address := word
	if parts[0] == "IPaddr" || parts[0] == "IPaddr2" {
		if address = parts[0]; len(parts) > 1 {
			address = parts[1]
		}
	} else if len(parts) > 1 || strings.Trim(strings.Split(word, "/")[0], "0123456789.") != "" || strings.HasPrefix(word, "/") {
		return ""
	}
	address, _, _ = strings.Cut(address, "/")
	if _, err := netip.ParseAddr(address); err != nil {
		return address
	}
	return ""
}

// legacyDocument is a document while resources of haresources come into it.
type legacyDocument struct {
	r    *Result
	doc  *cib.Document
	used map[string]int
}

// name makes an id that nothing has yet.
func (d *legacyDocument) name(base string) string {
	d.used[base]++
	if d.used[base] > 1 {
		return base + "-" + strconv.Itoa(d.used[base])
	}
	return base
}

// document makes a group of each line, at home on the line's host.
func (h *heartbeat) document(r *Result) *cib.Document {
	d := &legacyDocument{r: r, doc: emptyDocument(), used: map[string]int{}}
	for _, g := range h.groups {
		d.group(g)
	}
	stickiness := "INFINITY"
	if h.failback {
		stickiness = "0"
	}
	defaults := d.doc.EnsureSection("rsc_defaults").Append(cib.NewElement("meta_attributes", "id", "rsc-options"))
	defaults.AppendPair("resource-stickiness", stickiness)
	return d.doc
}

func (d *legacyDocument) group(g legacyGroup) {
	group := cib.NewElement("group", "id", d.name("group-"+clean(g.host)))
	var storage []string // promotable clones of DRBD that the group stands on
	for _, word := range g.resources {
		if script, disk, ok := strings.Cut(word, "::"); ok && script == "drbddisk" {
			storage = append(storage, d.storage(g, word, disk))
			continue
		}
		group.Append(d.primitive(g, word))
	}
	resources, constraints := d.doc.Section("resources"), d.doc.Section("constraints")
	home := ""
	switch len(group.Children) {
	case 0:
		home = storage[0]
	case 1:
		only := group.Children[0]
		only.Parent = nil
		home = resources.Append(only).ID()
	default:
		home = resources.Append(group).ID()
	}
	for _, clone := range storage {
		if clone == home {
			continue
		}
		constraints.Append(cib.NewElement("rsc_colocation", "id", home+"-with-"+clone, "rsc", home, "with-rsc", clone, "with-rsc-role", "Promoted", "score", "INFINITY"))
		constraints.Append(cib.NewElement("rsc_order", "id", clone+"-before-"+home, "first", clone, "first-action", "promote", "then", home, "then-action", "start"))
	}
	prefer := cib.NewElement("rsc_location", "id", "prefer-"+home, "rsc", home, "node", g.host, "score", "100")
	if slices.Contains(storage, home) {
		prefer.Set("role", "Promoted")
	}
	constraints.Append(prefer)
}

// storage makes the promotable clone that takes the place of drbddisk::DISK.
func (d *legacyDocument) storage(g legacyGroup, word, disk string) string {
	id := d.name("drbd-" + clean(disk))
	clone := cib.NewElement("clone", "id", id+"-clone")
	primitive := clone.Append(cib.NewElement("primitive", "id", id, "class", "ocf", "provider", "linbit", "type", "drbd"))
	set := primitive.Append(cib.NewElement("instance_attributes", "id", id+"-instance_attributes"))
	set.AppendPair("drbd_resource", disk)
	operations := primitive.Append(cib.NewElement("operations"))
	operations.Append(cib.NewElement("op", "id", id+"-monitor-29s", "name", "monitor", "interval", "29s", "timeout", "30s", "role", "Promoted"))
	operations.Append(cib.NewElement("op", "id", id+"-monitor-31s", "name", "monitor", "interval", "31s", "timeout", "30s", "role", "Unpromoted"))
	meta := clone.Append(cib.NewElement("meta_attributes", "id", clone.ID()+"-meta_attributes"))
	for _, nv := range [][2]string{{"promotable", "true"}, {"promoted-max", "1"}, {"clone-max", "2"}, {"notify", "true"}} {
		meta.AppendPair(nv[0], nv[1])
	}
	d.doc.Section("resources").Append(clone)
	d.r.understand("%s:%d: %s is now the promotable clone %s of ocf:linbit:drbd; what stands beside it runs where it is promoted, after that", g.file, g.line, word, clone.ID())
	return clone.ID()
}

func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, text)
}

// legacyScripts are the scripts of Heartbeat's resource.d that have an OCF agent of the same name, with the parameters that
// their arguments are, in order.
var legacyScripts = map[string][]string{
	"Filesystem": {"device", "directory", "fstype", "options"}, "LVM": {"volgrpname"}, "MailTo": {"email", "subject"}, "ldirectord": {"configfile"}, "apache": {"configfile"},
	"AudibleAlarm": {"nodelist"}, "Delay": {"startdelay", "stopdelay", "mondelay"}, "ICP": {"driveid", "device"}, "IPsrcaddr": {"ipaddress"},
	"LinuxSCSI": {"scsi"}, "Raid1": {"raidconf", "raiddev"}, "ServeRAID": {"serveraid", "mergegroup"},
	"WAS": {"config", "port"}, "WinPopup": {"hostfile"}, "Xinetd": {"service"}, "db2": {"instance"}, "portblock": {"protocol", "portno", "action", "ip"},
}

// primitive makes a resource of one word of haresources: an address (A.B.C.D/BITS/DEVICE/BROADCAST), or SCRIPT::ARGUMENT::….
func (d *legacyDocument) primitive(g legacyGroup, word string) *cib.Element {
	parts := strings.Split(word, "::")
	script, arguments := parts[0], parts[1:]
	switch script {
	case "IPaddr", "IPaddr2", "IPv6addr":
		return d.address(strings.Join(arguments, "::"))
	case "SendArp":
		ip, device, _ := strings.Cut(strings.Join(arguments, "::"), "/")
		return complete(d.agent("heartbeat", "SendArp"), [][2]string{{"ip", ip}, {"nic", device}})
	}
	if address, _, _ := strings.Cut(word, "/"); script == word || strings.Contains(address, "::") {
		if _, err := netip.ParseAddr(address); err == nil {
			return d.address(word)
		}
	}
	var params [][2]string
	if names, ok := legacyScripts[script]; ok && (len(arguments) > 0 || script == "apache" || script == "ldirectord") {
		for i, a := range arguments {
			if i < len(names) {
				params = append(params, [2]string{names[i], a})
			} else {
				d.r.lose("%s:%d: %s: the argument %q has no parameter of ocf:heartbeat:%s", g.file, g.line, word, a, script)
			}
		}
		return complete(d.agent("heartbeat", script), params)
	}
	e := cib.NewElement("primitive", "id", d.name(clean(filepath.Base(script))), "class", "service", "type", filepath.Base(script))
	if len(arguments) > 0 {
		e.Set("class", "heartbeat")
		for i, a := range arguments {
			params = append(params, [2]string{strconv.Itoa(i + 1), a})
		}
		d.r.lose("%s:%d: %s: a script of Heartbeat's own kind; put an OCF agent or a systemd unit in its place", g.file, g.line, word)
	}
	return complete(e, params)
}

func (d *legacyDocument) agent(provider, kind string) *cib.Element {
	return cib.NewElement("primitive", "id", d.name(kind), "class", "ocf", "provider", provider, "type", kind)
}

// address reads A.B.C.D[/BITS][/DEVICE[:LABEL]][/BROADCAST].
func (d *legacyDocument) address(word string) *cib.Element {
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
				continue
			}
			device, label, _ := strings.Cut(part, ":")
			params = append(params, [2]string{"nic", device}, [2]string{"iflabel", label})
		}
	}
	e := cib.NewElement("primitive", "id", d.name("ip-"+clean(params[0][1])), "class", "ocf", "provider", "heartbeat", "type", "IPaddr2")
	return complete(e, params)
}

// complete adds the parameters that have a value, and a monitor.
func complete(e *cib.Element, params [][2]string) *cib.Element {
	params = slices.DeleteFunc(params, func(p [2]string) bool { return p[1] == "" })
	if len(params) > 0 {
		set := e.Append(cib.NewElement("instance_attributes", "id", e.ID()+"-instance_attributes"))
		for _, p := range params {
			set.AppendPair(p[0], p[1])
		}
	}
	e.Append(cib.NewElement("operations")).Append(cib.NewElement("op", "id", e.ID()+"-monitor-30s", "name", "monitor", "interval", "30s", "timeout", "30s"))
	return e
}
