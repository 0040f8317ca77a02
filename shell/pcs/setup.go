package pcs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"holdfast/cluster/node/client"
	"holdfast/cluster/setup"
)

// blueprint is what the words of cluster setup describe.
type blueprint struct {
	cluster   string
	hosts     []namedHost
	transport string
	options   map[string]pairs // of sections transport, compression, crypto, totem, quorum
	links     []pairs
}

// parseSetup reads NAME HOST [addr=…]… [transport …] [totem …] [quorum …], and 0.9's form
// --name NAME HOST[,ADDRESS2]….
func (s *session) parseSetup() (*blueprint, error) {
	words := s.args
	old, ok := s.opts["name"]
	if ok {
		words = append([]string{old}, words...)
	}
	parts := sections(words, "transport", "totem", "quorum", "link", "compression", "crypto")
	if len(parts[0].words) < 2 {
		return nil, usageError{"a name of the cluster and its hosts were expected"}
	}
	b := &blueprint{cluster: parts[0].words[0], transport: "knet"}
	var err error
	if b.hosts, err = parseHosts(parts[0].words[1:]); err != nil {
		return nil, err
	}
	splitRings(b.hosts)
	inTransport := false
	for i, part := range parts[1:] {
		switch part.keyword {
		case "transport":
			if inTransport = true; len(part.words) == 0 {
				return nil, usageError{"the transport's type is missing"}
			}
			b.transport, parts[i+1].words = part.words[0], part.words[1:]
		case "totem", "quorum":
			inTransport = false
		default:
			if !inTransport {
				return nil, fmt.Errorf("'%s' belongs to a transport; 'transport %s' before it was expected", part.keyword, b.transport)
			}
		}
	}
	if b.options, b.links, err = parseSections(parts); err != nil {
		return nil, err
	}
	s.olderSetup(b)
	return b, nil
}

// check reports what is wrong with the cluster described.
func (b *blueprint) check(r *reports) {
	knet := b.transport == "knet"
	if !slices.Contains([]string{"knet", "udp", "udpu"}, b.transport) {
		r.fail("transport '%s': knet, udp or udpu was expected", b.transport)
	}
	transport, link := udpRules, udpLinkRules
	if knet {
		transport, link = knetRules, knetLinkRules
	}
	r.applyRules("transport", b.options["transport"], transport, false)
	if !clusterName().MatchString(b.cluster) {
		r.check("cluster name '%s': with GFS2 it is up to 32 letters, digits, '_' and '-'", b.cluster)
	}
	for _, l := range b.links {
		r.applyRules("link", l, link, false)
		if l.has("ping_interval") != l.has("ping_timeout") {
			r.fail("link options ping_interval and ping_timeout go together")
		}
		if l.value("broadcast") == "1" && l.has("mcastaddr") {
			r.fail("link option mcastaddr goes with broadcast=0")
		}
	}
	if !knet && (len(b.options["crypto"]) > 0 || len(b.options["compression"]) > 0) {
		r.fail("transport %s has neither encryption nor compression; knet has", b.transport)
	}
	r.applyRules("compression", b.options["compression"], compressionRules, false)
	r.applyRules("crypto", b.options["crypto"], cryptoRules, false)
	r.applyRules("totem", b.options["totem"], totemRules, false)
	r.applyRules("quorum", b.options["quorum"], quorumRules, false)
	if crypto := b.options["crypto"]; crypto.value("hash") == "none" && crypto.value("cipher") != "none" {
		r.fail("encryption cannot be on without a hash; hash=none goes with cipher=none only")
	}
	b.checkAddresses(r)
}

// clusterName is what GFS2 takes as a cluster's name.
var clusterName = pattern(`^[A-Za-z0-9_-]{1,32}$`)

// checkFamilies refuses links of which one end has an IPv4 and another an IPv6 address.
func (b *blueprint) checkFamilies(r *reports) {
	families := map[int]map[bool]bool{}
	for _, h := range b.hosts {
		for link, addr := range h.addrs {
			if ip, err := netip.ParseAddr(addr); err == nil {
				if families[link] == nil {
					families[link] = map[bool]bool{}
				}
				families[link][ip.Is4()] = true
			}
		}
	}
	for _, link := range slices.Sorted(maps.Keys(families)) {
		if len(families[link]) > 1 {
			r.fail("link %d has IPv4 and IPv6 addresses; one of them was expected", link)
		}
	}
}

func (b *blueprint) checkAddresses(r *reports) {
	b.checkFamilies(r)
	seen := map[string]bool{}
	for _, h := range b.hosts {
		if err := setup.CheckHost(setup.Host{Name: h.name, Addrs: []string{"localhost"}}); err != nil {
			r.fail("%v", err)
		}
		if len(h.addrs) != len(b.hosts[0].addrs) {
			r.fail("host '%s' has %d addresses and '%s' has %d; the same number was expected, one for each link", h.name, len(h.addrs), b.hosts[0].name, len(b.hosts[0].addrs))
		}
		if limit := map[bool]int{true: 8, false: 1}[b.transport == "knet"]; len(h.addrs) > limit {
			r.fail("host '%s' has %d addresses; transport %s takes up to %d", h.name, len(h.addrs), b.transport, limit)
		}
		for _, addr := range h.addrs {
			if seen[addr] {
				r.fail("address '%s' is given twice", addr)
			}
			seen[addr] = true
			if _, err := net.LookupHost(addr); err != nil {
				r.check("address '%s' of host '%s' does not resolve", addr, h.name)
			}
		}
	}
	if numbers := b.linkNumbers(); len(numbers) > len(b.hosts[0].addrs) {
		r.fail("%d links are configured, and hosts have %d addresses", len(numbers), len(b.hosts[0].addrs))
	}
}

// linkNumbers are the numbers of the links that have options: the number given, else the
// lowest one free.
func (b *blueprint) linkNumbers() []string {
	numbers := make([]string, len(b.links))
	for i, l := range b.links {
		numbers[i] = l.value("linknumber")
	}
	next := 0
	for i := range numbers {
		for numbers[i] == "" {
			if n := itoa(next); !slices.Contains(numbers, n) {
				numbers[i] = n
			}
			next++
		}
	}
	return numbers
}

// conf is the corosync.conf of the cluster described.
func (b *blueprint) conf(id string) *confSection {
	totem := &confSection{name: "totem", options: pairs{{"version", "2"}, {"cluster_name", b.cluster}, {"transport", b.transport}}}
	add := func(list pairs) { totem.options = append(totem.options, list...) }
	add(b.options["totem"].sorted())
	add(b.options["transport"].sorted())
	add(prefixed("knet_compression_", b.options["compression"]))
	if b.transport == "knet" {
		crypto := b.options["crypto"]
		for _, p := range (pairs{{"cipher", "aes256"}, {"hash", "sha256"}}) {
			if !crypto.has(p.name) {
				crypto = append(crypto, p)
			}
		}
		add(prefixed("crypto_", crypto))
	}
	if id != "" {
		totem.set("cluster_uuid", id)
	}
	for i, number := range b.linkNumbers() {
		link := totem.add(&confSection{name: "interface"})
		for _, p := range b.links[i].with("linknumber", number) {
			name := p.name
			if b.transport == "knet" {
				name = knetName(name)
			} else if name == "broadcast" {
				p.value = map[string]string{"1": "yes", "0": "no"}[p.value]
			}
			link.options = append(link.options, pair{name, p.value})
		}
		link.options = link.options.sorted()
	}
	slices.SortStableFunc(totem.sections, func(x, y *confSection) int {
		return strings.Compare(x.options.value("linknumber"), y.options.value("linknumber"))
	})
	list := &confSection{name: "nodelist"}
	for i, h := range b.hosts {
		host := list.add(&confSection{name: "node"})
		for link, addr := range h.addrs {
			host.set(fmt.Sprintf("ring%d_addr", link), addr)
		}
		host.set("name", h.name)
		host.set("nodeid", itoa(i+1))
	}
	quorum := &confSection{name: "quorum", options: append(pairs{{"provider", "corosync_votequorum"}}, b.options["quorum"].sorted()...)}
	logging := &confSection{name: "logging", options: pairs{{"to_logfile", "yes"}, {"logfile", "/var/log/corosync/corosync.log"}, {"to_syslog", "yes"}, {"timestamp", "on"}}}
	conf := &confSection{sections: []*confSection{totem, list, quorum, logging}}
	conf.fitTwoNode()
	return conf
}

// setUpCluster makes a cluster out of hosts that this one has logged in to, or, with
// --corosync_conf, only the file.
func setUpCluster(s *session) error {
	b, err := s.parseSetup()
	if err != nil {
		return err
	}
	known, err := knownHosts()
	if err != nil {
		return err
	}
	for i, h := range b.hosts {
		if len(h.addrs) == 0 {
			addr := withoutPort(known.Hosts[h.name].Addr)
			if addr == "" {
				addr = h.name
			}
			s.note("No addresses specified for host '%s', using '%s'", h.name, addr)
			b.hosts[i].addrs = []string{addr}
		}
	}
	if s.opts.has("local") { // 0.9 wrote the file on this host only
		s.deprecated("option --local is today --corosync_conf FILE")
		s.opts["corosync_conf"] = s.confPath()
		if s.force() {
			s.opts["overwrite"] = ""
		}
	}
	if _, alone := s.opts["corosync_conf"]; alone {
		for _, name := range []string{"enable", "no-keys-sync", "start", "wait"} {
			if s.opts.has(name) {
				return fmt.Errorf("--%s is about hosts, and --corosync_conf about the file alone", name)
			}
		}
	}
	r := s.reports()
	b.check(r)
	if err := r.err(); err != nil {
		return err
	}
	id := ""
	if !s.opts.has("no-cluster-uuid") {
		random := make([]byte, 16)
		rand.Read(random)
		id = hex.EncodeToString(random)
	}
	conf := b.conf(id)
	if path, ok := s.opts["corosync_conf"]; ok {
		if _, err := os.Stat(path); err == nil && !s.opts.has("overwrite") {
			return fmt.Errorf("%s exists; --overwrite replaces it", path)
		}
		return s.storeConf(conf)
	}
	return s.spread(b, conf, known)
}

// spread gives the configuration and a new key to the hosts, and starts them with --start.
// Nothing is written before every host has said that it is free.
func (s *session) spread(b *blueprint, conf *confSection, known *setup.KnownHosts) error {
	ctx := context.Background()
	names := conf.hostNames()
	hosts := map[string]*setup.Client{}
	r := s.reports()
	for _, name := range names {
		host, err := known.Client(name)
		if err != nil {
			r.fail("%v", err)
			continue
		}
		hosts[name] = host
		state, err := host.State(ctx)
		if err != nil {
			r.fail("%v", err)
		} else if state.Configured || state.Running {
			r.check("host '%s' belongs to cluster '%s' already; 'pcs cluster destroy' there lets it go", name, state.Cluster)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	configuration := setup.Configuration{Corosync: conf.String(), Authkey: setup.NewAuthkey(), Force: s.force()}
	for _, name := range names {
		if s.force() {
			if err := hosts[name].Destroy(ctx); err != nil {
				return err
			}
		}
		if err := hosts[name].Configure(ctx, configuration); err != nil {
			return fmt.Errorf("%w; run the command again with --force once that is mended: hosts before it have the new configuration", err)
		}
		s.note("%s: has corosync.conf and the cluster's key", name)
	}
	s.note("Cluster has been successfully set up.")
	if !s.opts.has("start") {
		delete(s.opts, "wait")
		return nil
	}
	s.note("Starting cluster on hosts: %s...", quoted(names))
	return s.startOn(names)
}

// targets are the hosts that a command is about: those named, --all of corosync.conf, or
// none, which means this one.
func (s *session) targets() ([]string, error) {
	if !s.opts.has("all") {
		return s.args, nil
	}
	if len(s.args) > 0 {
		return nil, errors.New("--all and names of hosts exclude each other")
	}
	conf, err := s.conf()
	if err != nil {
		return nil, err
	}
	return conf.hostNames(), nil
}

// onHosts makes a command that does something on hosts, or on this one when none is named.
func onHosts(done string, do func(context.Context, caller) error) func(*session) error {
	return func(s *session) error {
		names, err := s.targets()
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return s.onEach(names, done, do)
		}
		if err := do(context.Background(), ownHost{client.New("")}); err != nil {
			return err
		}
		s.note("%s", done)
		return nil
	}
}
