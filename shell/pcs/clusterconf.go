package pcs

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
)

func clusterConfCommands() []command {
	return []command{
		{path: "cluster config", options: "corosync_conf output-format", run: showClusterConf},
		{path: "cluster config show", syntax: "[--output-format text|cmd|json]", help: "Shows how the cluster's hosts and messaging are configured.", options: "corosync_conf output-format", run: showClusterConf},
		{path: "cluster config update", syntax: "[transport OPTION=VALUE...] [compression OPTION=VALUE...] [crypto OPTION=VALUE...] [totem OPTION=VALUE...]",
			help: "Changes how messaging is configured; an empty value removes.", options: "corosync_conf force", run: updateClusterConf},
		{path: "cluster config uuid generate", help: "Gives the cluster an id of its own.", options: "corosync_conf force", run: newClusterUUID},
	}
}

// clusterLayout is what a corosync.conf says, in pcs's terms.
type clusterLayout struct {
	name, uuid, transport                                       string
	totem, transportOptions, compression, crypto, quorumOptions pairs
	hosts                                                       []hostLayout
	links                                                       []pairs // in the file's order
	numbers                                                     []string
	deviceModel                                                 string
	deviceOptions, deviceModelOptions, heuristics               pairs
}

type hostLayout struct {
	name, id string
	links    []string // numbers
	addrs    []string
}

// layout takes a corosync.conf apart.
func (c *confSection) layout() *clusterLayout {
	l := &clusterLayout{name: c.setting("totem", "cluster_name"), uuid: c.setting("totem", "cluster_uuid"), transport: c.setting("totem", "transport")}
	if l.transport == "" {
		l.transport = "knet"
	}
	for _, totem := range c.all("totem") {
		for _, o := range totem.options {
			l.sort(o)
		}
		for i, link := range totem.all("interface") {
			l.addLink(i, link.options)
		}
	}
	for _, n := range c.confNodes() {
		l.hosts = append(l.hosts, layoutOf(n))
	}
	for _, quorum := range c.all("quorum") {
		for _, o := range quorum.options {
			if _, ok := quorumRules[o.name]; ok {
				l.quorumOptions = l.quorumOptions.with(o.name, o.value)
			}
		}
		for _, device := range quorum.all("device") {
			l.deviceModel = device.options.value("model")
			l.deviceOptions = device.options.without("model")
			for _, inner := range device.sections {
				switch inner.name {
				case l.deviceModel:
					l.deviceModelOptions = inner.options
				case "heuristics":
					l.heuristics = inner.options
				}
			}
		}
	}
	return l
}

// sort puts an option of the totem section where pcs has it.
func (l *clusterLayout) sort(o pair) {
	rules := knetRules
	if l.transport != "knet" {
		rules = udpRules
	}
	if name, ok := strings.CutPrefix(o.name, "knet_compression_"); ok {
		l.compression = l.compression.with(name, o.value)
	} else if name, ok := strings.CutPrefix(o.name, "crypto_"); ok {
		l.crypto = l.crypto.with(name, o.value)
	} else if _, ok := rules[o.name]; ok {
		l.transportOptions = l.transportOptions.with(o.name, o.value)
	} else if _, ok := totemRules[o.name]; ok {
		l.totem = l.totem.with(o.name, o.value)
	}
}

func (l *clusterLayout) addLink(index int, options pairs) {
	rules := knetLinkRules
	if l.transport != "knet" {
		rules = udpLinkRules
	}
	var link pairs
	for _, o := range options {
		name := o.name
		if l.transport == "knet" {
			name = strings.TrimPrefix(name, "knet_")
		} else if name == "broadcast" {
			o.value = map[string]string{"yes": "1", "no": "0"}[o.value]
		}
		if _, ok := rules[name]; ok {
			link = append(link, pair{name, o.value})
		}
	}
	number := options.value("linknumber")
	if number == "" {
		number = itoa(index)
	}
	if len(link) > 0 {
		l.links, l.numbers = append(l.links, link), append(l.numbers, number)
	}
}

func layoutOf(node *confSection) hostLayout {
	h := hostLayout{name: node.options.value("name"), id: node.options.value("nodeid")}
	for _, o := range node.options.sorted() {
		rest, ring := strings.CutPrefix(o.name, "ring")
		if number, addr := strings.CutSuffix(rest, "_addr"); ring && addr {
			h.links, h.addrs = append(h.links, number), append(h.addrs, o.value)
		}
	}
	return h
}

// eachLink visits links in the order of their numbers.
func (l *clusterLayout) eachLink(visit func(number string, options pairs)) {
	order := make([]int, len(l.links))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return atoi(l.numbers[a]) - atoi(l.numbers[b]) })
	for _, i := range order {
		visit(l.numbers[i], l.links[i])
	}
}

func showClusterConf(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	format := s.opts["output-format"]
	if s.opts.has("output-format") && !slices.Contains([]string{"text", "cmd", "json"}, format) {
		return fmt.Errorf("'%s' is not an output format; formats are 'cmd', 'json', 'text'", format)
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	l := conf.layout()
	switch format {
	case "cmd":
		l.writeCommand(s)
	case "json":
		return l.writeJSON(s)
	default:
		l.writeText(s)
	}
	return nil
}

func (l *clusterLayout) writeText(s *session) {
	s.printf("Cluster Name: %s\n", l.name)
	if l.uuid != "" {
		s.printf("Cluster UUID: %s\n", l.uuid)
	}
	s.printf("Transport: %s\n", l.transport)
	list := func(indent, title string, options pairs) {
		if len(options) > 0 {
			s.printf("%s%s:\n", indent, title)
		}
		for _, o := range options.sorted() {
			s.printf("%s  %s: %s\n", indent, o.name, o.value)
		}
	}
	s.printf("Nodes:\n")
	for _, h := range l.hosts {
		s.printf("  %s:\n", h.name)
		for i, addr := range h.addrs {
			s.printf("    Link %s address: %s\n", h.links[i], addr)
		}
		s.printf("    nodeid: %s\n", h.id)
	}
	if len(l.links) > 0 {
		s.printf("Links:\n")
		l.eachLink(func(number string, options pairs) { list("  ", "Link "+number, options) })
	}
	list("", "Transport Options", l.transportOptions)
	list("", "Compression Options", l.compression)
	list("", "Crypto Options", l.crypto)
	list("", "Totem Options", l.totem)
	list("", "Quorum Options", l.quorumOptions)
	if l.deviceModel != "" {
		s.printf("Quorum Device: %s\n", l.deviceModel)
		list("  ", "Options", l.deviceOptions)
		list("  ", "Model Options", l.deviceModelOptions)
		list("  ", "Heuristics", l.heuristics)
	}
}

// writeCommand prints the pcs command that makes such a cluster.
func (l *clusterLayout) writeCommand(s *session) {
	if l.deviceModel != "" {
		s.warn("'cluster setup' makes no quorum device; add it with 'pcs quorum device add'")
	}
	lines := []string{"pcs cluster setup " + l.name}
	for _, h := range l.hosts {
		line := "  " + h.name
		for _, addr := range h.addrs {
			line += " addr=" + addr
		}
		lines = append(lines, line)
	}
	list := func(indent, title string, options pairs) {
		if len(options) == 0 {
			return
		}
		lines = append(lines, indent+title)
		for _, o := range options.sorted() {
			lines = append(lines, indent+"  "+o.name+"="+quoteBlank(o.value))
		}
	}
	lines = append(lines, "  transport", "  "+l.transport)
	for _, o := range l.transportOptions.sorted() {
		lines = append(lines, "      "+o.name+"="+o.value)
	}
	l.eachLink(func(_ string, options pairs) { list("    ", "link", options) })
	list("    ", "compression", l.compression)
	list("    ", "crypto", l.crypto)
	list("  ", "totem", l.totem)
	list("  ", "quorum", l.quorumOptions)
	if l.uuid == "" {
		lines = append(lines, "  --no-cluster-uuid")
	}
	s.printf("%s\n", strings.Join(lines, " \\\n"))
}

// jsonMap writes options as an object in their order.
func jsonMap(options pairs) string {
	var parts []string
	for _, o := range options {
		parts = append(parts, jsonText(o.name)+": "+jsonText(o.value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// jsonText writes one string, as Python's programs do: everything beyond ASCII escaped.
func jsonText(text string) string {
	b, _ := json.Marshal(text)
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		case r >= 0x80:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(out.String())
}

func addressKind(addr string) string {
	switch ip := net.ParseIP(addr); {
	case ip == nil:
		return "FQDN"
	case ip.To4() != nil:
		return "IPv4"
	}
	return "IPv6"
}

func (l *clusterLayout) writeJSON(s *session) error {
	var hosts, links []string
	for _, h := range l.hosts {
		var addrs []string
		for i, addr := range h.addrs {
			addrs = append(addrs, fmt.Sprintf(`{"addr": %s, "link": %s, "type": "%s"}`, jsonText(addr), jsonText(h.links[i]), addressKind(addr)))
		}
		hosts = append(hosts, fmt.Sprintf(`{"name": %s, "nodeid": %s, "addrs": [%s]}`, jsonText(h.name), jsonText(h.id), strings.Join(addrs, ", ")))
	}
	for i, link := range l.links {
		links = append(links, jsonText(l.numbers[i])+": "+jsonMap(link))
	}
	uuid, device := "null", "null"
	if l.uuid != "" {
		uuid = jsonText(l.uuid)
	}
	if l.deviceModel != "" {
		device = fmt.Sprintf(`{"model": %s, "model_options": %s, "generic_options": %s, "heuristics_options": %s}`,
			jsonText(l.deviceModel), jsonMap(l.deviceModelOptions), jsonMap(l.deviceOptions), jsonMap(l.heuristics))
	}
	s.printf(`{"cluster_name": %s, "cluster_uuid": %s, "transport": "%s", "totem_options": %s, "transport_options": %s, `+
		`"compression_options": %s, "crypto_options": %s, "nodes": [%s], "links_options": {%s}, "quorum_options": %s, "quorum_device": %s}`+"\n",
		jsonText(l.name), uuid, strings.ToUpper(l.transport), jsonMap(l.totem), jsonMap(l.transportOptions),
		jsonMap(l.compression), jsonMap(l.crypto), strings.Join(hosts, ", "), strings.Join(links, ", "), jsonMap(l.quorumOptions), device)
	return nil
}

func updateClusterConf(s *session) error {
	list := sections(s.args, "transport", "compression", "crypto", "totem")
	if len(list[0].words) > 0 {
		return errUsage
	}
	options, _, err := parseSections(list)
	if err != nil {
		return err
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	l := conf.layout()
	r := s.reports()
	rules := knetRules
	if l.transport != "knet" {
		rules = udpRules
		if len(options["crypto"])+len(options["compression"]) > 0 {
			r.fail("transport %s neither encrypts nor compresses", l.transport)
		}
	}
	r.applyRules("transport", options["transport"], rules, true)
	r.applyRules("compression", options["compression"], compressionRules, true)
	r.applyRules("crypto", options["crypto"], cryptoRules, true)
	r.applyRules("totem", options["totem"], totemRules, true)
	crypto := l.crypto
	for _, o := range options["crypto"] {
		crypto = crypto.with(o.name, o.value)
	}
	off := func(v string) bool { return v == "" || v == "none" }
	if !off(crypto.value("cipher")) && off(crypto.value("hash")) {
		r.fail("crypto option cipher needs hash")
	}
	if err := r.err(); err != nil {
		return err
	}
	totem := conf.ensure("totem")
	for _, part := range []struct{ name, prefix string }{{"totem", ""}, {"transport", ""}, {"compression", "knet_compression_"}, {"crypto", "crypto_"}} {
		for _, o := range prefixed(part.prefix, options[part.name]) {
			totem.set(o.name, o.value)
		}
	}
	return s.storeConf(conf)
}

func newClusterUUID(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	if conf.setting("totem", "cluster_uuid") != "" {
		if err := s.forceable("the cluster has an id already"); err != nil {
			return err
		}
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	conf.ensure("totem").set("cluster_uuid", hex.EncodeToString(random))
	return s.storeConf(conf)
}
