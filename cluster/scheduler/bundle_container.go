package scheduler

import (
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// remotePort is where the daemon inside a container listens unless control-port is set.
const remotePort = "3121"

// hostAddress stands in a connection's parameters for the host that its container is on.
const hostAddress = "#uname"

// bundleContainer makes the definition of a replica's container. The history has a checksum of
// these parameters: a container restarts when they come out differently, to the last blank.
func bundleContainer(r *resource, p *replica) *cib.Element {
	b := r.bundle
	id := r.id + "-" + b.kind + "-" + strconv.Itoa(p.offset)
	e := cib.NewElement("primitive", "id", id, "class", "ocf", "provider", "heartbeat", "type", b.kind)
	params := e.Append(cib.NewElement("instance_attributes", "id", r.id+"-attributes-"+strconv.Itoa(p.offset)))
	pair := func(name, value string) {
		params.AppendPair(name, value)
	}
	engine := r.xml.Child(b.kind)
	pair("image", b.image)
	pair("allow_pull", "true")
	pair("force_kill", "false")
	pair("reuse", "false")
	pair("run_opts", r.containerOptions(p, engine))
	pair("mount_points", strings.Join(r.mountPoints(p), ","))
	if command := engine.Get("run-command"); command != "" {
		pair("run_cmd", command)
	} else if p.instance != nil {
		pair("run_cmd", "/usr/sbin/pacemaker-remoted")
	}
	pair("monitor_cmd", "/bin/true")
	ops := e.Append(cib.NewElement("operations"))
	ops.Append(cib.NewElement("op", "id", id+"-monitor-interval-60s", "name", "monitor", "interval", "60s"))
	return e
}

func (r *resource) replicaName(p *replica) string { return r.id + "-" + strconv.Itoa(p.offset) }

// containerOptions writes the options with which the container's engine is started.
func (r *resource) containerOptions(p *replica, engine *cib.Element) string {
	var b strings.Builder
	add := func(parts ...string) {
		b.WriteByte(' ')
		for _, part := range parts {
			b.WriteString(part)
		}
	}
	rkt := r.bundle.kind == "rkt"
	if r.bundle.kind == "docker" {
		add("--restart=no")
	}
	if p.address != "" {
		add("-h ", r.replicaName(p))
	}
	add("-e PCMK_stderr=1")
	network := engine.Get("network")
	if network != "" {
		add("--net=", network)
	}
	if r.bundle.controlPort != "" {
		add("-e PCMK_remote_port=", r.bundle.controlPort)
	} else {
		add("-e PCMK_remote_port=", remotePort)
	}
	for i, m := range r.mounts() {
		switch volume := "vol" + strconv.Itoa(i); {
		case rkt:
			add("--volume ", volume, ",kind=host,source=", m.sourceFor(r, p), withComma(m.options), " --mount volume=", volume, ",target=", m.target)
		case m.options != "":
			add("-v ", m.sourceFor(r, p), ":", m.target, ":", m.options)
		default:
			add("-v ", m.sourceFor(r, p), ":", m.target)
		}
	}
	for _, port := range r.ports() {
		switch {
		case rkt && p.address != "":
			add("--port=", port.target, ":", p.address, ":", port.source)
		case rkt:
			add("--port=", port.target, ":", port.source)
		case p.address != "":
			add("-p ", p.address, ":", port.source, ":", port.target)
		case network != "host":
			add("-p ", port.source, ":", port.target)
		}
	}
	if options, ok := engine.Lookup("options"); ok {
		add(options)
	}
	add(r.hostEntries())
	return b.String()
}

func withComma(options string) string {
	if options == "" {
		return ""
	}
	return "," + options
}

// hostEntries make the replicas' names known to each other, where they have addresses.
func (r *resource) hostEntries() string {
	text := ""
	address := attributeOf(r.xml.Child("network"), "ip-range-start")
	addHost := cib.ParseBool(attributeOf(r.xml.Child("network"), "add-host"), true)
	for i := range r.bundle.replicaCount {
		if address == "" {
			break
		}
		name := r.id + "-" + strconv.Itoa(i)
		if addHost && r.bundle.kind != "rkt" {
			text += " --add-host=" + name + ":" + address
		} else {
			text += " --hosts-entry=" + address + "=" + name
		}
		address = nextAddress(address)
	}
	return text
}

// mount is a directory or file of the host that is visible inside a container.
type mount struct {
	source, target, options string
	perReplica              bool // each replica has its own below source
}

func (m mount) sourceFor(r *resource, p *replica) string {
	if m.perReplica {
		return m.source + "/" + r.replicaName(p)
	}
	return m.source
}

// mounts are the configured ones and, for a daemon inside, those of its key and its logs.
func (r *resource) mounts() []mount {
	var list []mount
	for e := range r.xml.Child("storage").All("storage-mapping") {
		m := mount{source: e.Get("source-dir"), target: e.Get("target-dir"), options: e.Get("options")}
		if m.source == "" {
			m.source, m.perReplica = e.Get("source-dir-root"), true
		}
		if m.source != "" && m.target != "" {
			list = append(list, m)
		}
	}
	if r.xml.Child("primitive") != nil {
		list = append(list,
			mount{source: "/etc/pacemaker/authkey", target: "/etc/pacemaker/authkey"},
			mount{source: "/var/log/pacemaker/bundles", target: "/var/log", perReplica: true})
	}
	return list
}

func (r *resource) mountPoints(p *replica) []string {
	var points []string
	for _, m := range r.mounts() {
		if m.perReplica {
			points = append(points, m.sourceFor(r, p))
		}
	}
	return points
}

// port is a port of the host that leads to one inside a container; either may be a range.
type port struct{ source, target string }

func (r *resource) ports() []port {
	var list []port
	network := r.xml.Child("network")
	for e := range network.All("port-mapping") {
		m := port{e.Get("port"), e.Get("internal-port")}
		if m.source == "" {
			m.source = e.Get("range")
		}
		if m.target == "" {
			m.target = m.source
		}
		if m.source != "" {
			list = append(list, m)
		}
	}
	if r.xml.Child("primitive") != nil {
		control := attributeOf(network, "control-port")
		if control == "" {
			control = remotePort
		}
		list = append(list, port{control, control})
	}
	return list
}
