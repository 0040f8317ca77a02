package pcs

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// optionRule says which values an option of corosync.conf may have.
type optionRule struct {
	fits func(string) bool
	want string
}

func oneOf(values ...string) optionRule {
	return optionRule{func(v string) bool { return slices.Contains(values, v) }, "one of " + quoted(values)}
}

func number(low, high int, want string) optionRule {
	return optionRule{func(v string) bool {
		n, err := strconv.Atoi(v)
		return err == nil && v[0] != '+' && n >= low && n <= high
	}, want}
}

const most = int(^uint(0) >> 1)

var (
	nonNegative = number(0, most, "a whole number, 0 or more")
	positive    = number(1, most, "a whole number, 1 or more")
	portNumber  = number(1, 65535, "a port, 1 to 65535")
	flagNumber  = oneOf("0", "1")
	yesNo       = oneOf("yes", "no", "0", "1")
	anAddress   = optionRule{func(v string) bool { return net.ParseIP(v) != nil }, "an IP address"}
	anything    = optionRule{func(v string) bool { return v != "" }, "a value"}
)

// The options that corosync.conf(5) and votequorum(5) describe, in pcs's names.
var (
	totemRules = map[string]optionRule{
		"block_unlisted_ips": yesNo, "consensus": nonNegative, "downcheck": nonNegative, "fail_recv_const": nonNegative,
		"heartbeat_failures_allowed": nonNegative, "hold": nonNegative, "join": nonNegative, "max_messages": nonNegative,
		"max_network_delay": nonNegative, "merge": nonNegative, "miss_count_const": nonNegative, "send_join": nonNegative,
		"seqno_unchanged_const": nonNegative, "token": nonNegative, "token_coefficient": nonNegative, "token_retransmit": nonNegative,
		"token_retransmits_before_loss_const": nonNegative, "window_size": nonNegative,
	}
	quorumRules = map[string]optionRule{
		"auto_tie_breaker": flagNumber, "last_man_standing": flagNumber, "last_man_standing_window": positive, "wait_for_all": flagNumber,
	}
	knetRules = map[string]optionRule{
		"ip_version": oneOf("ipv4", "ipv4-6", "ipv6", "ipv6-4"), "knet_pmtud_interval": nonNegative, "link_mode": oneOf("active", "passive", "rr"),
	}
	udpRules      = map[string]optionRule{"ip_version": oneOf("ipv4", "ipv4-6", "ipv6", "ipv6-4"), "netmtu": positive}
	knetLinkRules = map[string]optionRule{
		"link_priority": number(0, 255, "0 to 255"), "linknumber": number(0, 7, "0 to 7"), "mcastport": portNumber, "ping_interval": nonNegative,
		"ping_precision": nonNegative, "ping_timeout": nonNegative, "pong_count": nonNegative, "transport": oneOf("sctp", "udp"),
	}
	udpLinkRules = map[string]optionRule{
		"bindnetaddr": anAddress, "broadcast": oneOf("0", "1"), "mcastaddr": anAddress, "mcastport": portNumber, "ttl": number(0, 255, "0 to 255"),
	}
	compressionRules = map[string]optionRule{"level": nonNegative, "model": anything, "threshold": nonNegative}
	cryptoRules      = map[string]optionRule{
		"cipher": oneOf("none", "aes256", "aes192", "aes128"), "hash": oneOf("none", "md5", "sha1", "sha256", "sha384", "sha512"), "model": oneOf("nss", "openssl"),
	}
)

// applyRules reports options that are not known or whose values do not fit. An empty value
// is accepted when it takes an option away.
func (r *reports) applyRules(what string, given pairs, rules map[string]optionRule, removable bool) {
	for _, p := range given {
		rule, ok := rules[p.name]
		switch {
		case !ok:
			var names []string
			for name := range rules {
				names = append(names, name)
			}
			r.fail("'%s' is not a %s option; %s are", p.name, what, quoted(names))
		case p.value == "" && removable:
		case strings.ContainsAny(p.value, "{}\n\r"):
			r.fail("%s option %s='%s': braces and new lines cannot be stored", what, p.name, p.value)
		case !rule.fits(p.value):
			r.fail("%s option %s='%s': %s was expected", what, p.name, p.value, rule.want)
		}
	}
}

// prefixed puts a prefix before the options' names, as corosync.conf has them.
func prefixed(prefix string, list pairs) pairs {
	var out pairs
	for _, p := range list {
		out = append(out, pair{prefix + p.name, p.value})
	}
	return out.sorted()
}

// knetName is the name in corosync.conf of a link's option.
func knetName(name string) string {
	if name == "linknumber" || name == "mcastport" {
		return name
	}
	return "knet_" + name
}

// parseSections reads name=value words of each section, the words being cut at keywords.
func parseSections(list []section) (map[string]pairs, []pairs, error) {
	out := map[string]pairs{}
	var links []pairs
	for _, part := range list[1:] {
		options, err := parsePairs(part.words)
		if err != nil {
			return nil, nil, err
		}
		if part.keyword == "link" {
			links = append(links, options)
			continue
		}
		if _, ok := out[part.keyword]; ok {
			return nil, nil, fmt.Errorf("'%s' stands twice; once was expected", part.keyword)
		}
		out[part.keyword] = options
	}
	return out, links, nil
}
