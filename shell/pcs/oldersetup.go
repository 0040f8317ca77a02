package pcs

import (
	"maps"
	"slices"
	"strings"
)

// setupOptions are the options of pcs 0.9's "cluster setup", by the section that has them today; "" is for those that have no meaning
// any more, "link" for those of udp's link. They are known by their whole names only, so that they make no other option ambiguous.
var setupOptions = map[string]string{
	"transport": "transport", "wait_for_all": "quorum", "auto_tie_breaker": "quorum", "last_man_standing": "quorum", "last_man_standing_window": "quorum",
	"token_coefficient": "totem", "join": "totem", "consensus": "totem", "miss_count_const": "totem", "fail_recv_const": "totem",
	"addr0": "link", "mcast0": "link", "mcastport0": "link", "ttl0": "link", "broadcast0": "link",
	"addr1": "", "mcast1": "", "mcastport1": "", "ttl1": "", "broadcast1": "", "rrpmode": "", "encryption": "", "ipv6": "",
}

// olderSetupOptions are the names of setupOptions, and --token, which other commands have, too.
var olderSetupOptions = strings.Join(append(slices.Sorted(maps.Keys(setupOptions)), "token"), " ")

// setupTakes says whether an option of 0.9's setup has a value.
func setupTakes(name string) bool {
	_, ok := setupOptions[name]
	return ok && name != "ipv6" && !strings.HasPrefix(name, "broadcast")
}

// splitRings reads 0.9's HOST,ADDRESS: a host and what it is called on the second ring.
func splitRings(hosts []namedHost) {
	for i, h := range hosts {
		if name, second, ok := strings.Cut(h.name, ","); ok {
			hosts[i] = namedHost{name, []string{name, second}}
		}
	}
}

// olderSetup takes over the dashed options of pcs 0.9. Its udp and udpu had two rings, which only knet has today.
func (s *session) olderSetup(b *blueprint) {
	rings := map[string]string{"addr0": "bindnetaddr", "mcast0": "mcastaddr", "mcastport0": "mcastport", "ttl0": "ttl", "broadcast0": "broadcast"}
	link := pairs{}
	for _, name := range slices.Sorted(maps.Keys(s.opts)) {
		section, value := setupOptions[name], s.opts[name]
		if name == "token" {
			section = "totem"
		}
		switch section {
		case "":
		case "transport":
			b.transport = value
		case "link":
			if name == "broadcast0" {
				value = "1"
			}
			link = append(link, pair{rings[name], value})
		default:
			b.options[section] = append(b.options[section], pair{name, value})
		}
	}
	if s.opts.has("ipv6") {
		b.options["transport"] = append(b.options["transport"], pair{"ip_version", "ipv6"})
	}
	for _, h := range b.hosts {
		if len(h.addrs) > 1 && s.opts.has("transport") {
			b.transport = "knet"
		}
	}
	if s.opts["encryption"] == "0" && b.transport == "knet" {
		b.options["crypto"] = append(b.options["crypto"], pair{"cipher", "none"}, pair{"hash", "none"})
	}
	s.olderRings(b, link)
}

// olderRings gives udp's one link the options of 0.9's ring 0, and what that had where nothing was said.
func (s *session) olderRings(b *blueprint, link pairs) {
	if s.opts.has("addr1") {
		s.warn("--addr1: udp has one ring today; knet has up to 8 links, HOST addr=ADDRESS addr=ADDRESS")
	}
	if len(link) == 0 {
		return
	}
	if !link.has("broadcast") {
		for _, p := range (pairs{{"mcastaddr", "239.255.1.1"}, {"mcastport", "5405"}}) {
			if !link.has(p.name) {
				link = append(link, p)
			}
		}
	} else {
		link = link.without("mcastaddr").without("mcastport").without("ttl")
	}
	b.links = append(b.links, link.sorted())
}
