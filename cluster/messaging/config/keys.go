package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// use says what becomes of a key.
type use struct {
	accept  func(value string) string // what is accepted, if value is not; nil: anything
	ignored string                    // why it has no meaning here; "": it is used
}

// section is what is known about a section of the file.
type section struct {
	keys     map[string]use
	prefixes map[string]use // keys that begin so
	sections map[string]*section
}

// Reasons why keys are accepted and not used.
const (
	knet     = "links are plain UDP and TCP here, sealed by Holdfast itself"
	totem    = "the log is replicated by raft, not passed around a ring"
	cast     = "hosts are listed, not found by multicast"
	logs     = "the daemon writes structured logs to its standard error, for the journal"
	crypto   = "heartbeats are always AES-256-GCM and streams always TLS 1.3"
	process  = "the daemon's process is set up by its systemd unit"
	onlyHost = "only the hosts of the node list may take part"
)

func number(low, high uint64) func(string) string {
	return func(v string) string {
		if n, err := strconv.ParseUint(v, 10, 64); err != nil || n < low || n > high {
			return fmt.Sprintf("a number from %d to %d is accepted", low, high)
		}
		return ""
	}
}

func oneOf(words ...string) func(string) string {
	return func(v string) string {
		for _, w := range words {
			if v == w {
				return ""
			}
		}
		if len(words) == 1 {
			return "only " + words[0] + " is accepted"
		}
		return strings.Join(words, ", ") + " are accepted"
	}
}

func address(v string) string {
	if _, err := netip.ParseAddr(v); err != nil {
		return "an IPv4 or IPv6 address is accepted"
	}
	return ""
}

func hostOrAddress(v string) string {
	if v == "" || strings.ContainsAny(v, " \t/") || len(v) > 255 {
		return "an address or a host name is accepted"
	}
	return ""
}

func diskPath(v string) string {
	if !strings.HasPrefix(v, "/") {
		return "the full path of a disk or partition is accepted"
	}
	return ""
}

func tieNodes(v string) string {
	if v == "lowest" || v == "highest" {
		return ""
	}
	words := strings.Fields(v)
	for _, w := range words {
		if number(1, 1<<32-1)(w) != "" {
			words = nil
		}
	}
	if len(words) == 0 {
		return "lowest, highest, or node ids with spaces between them are accepted"
	}
	return ""
}

var (
	count    = number(0, 1<<31-1)
	millis   = number(1, 24*3600*1000)
	flag     = oneOf("0", "1")
	yesNo    = oneOf("yes", "no")
	onOff    = oneOf("on", "off")
	port     = number(1, 65535)
	ip       = oneOf("ipv4", "ipv6", "ipv4-6", "ipv6-4")
	priority = oneOf("alert", "crit", "debug", "emerg", "err", "info", "notice", "warning")
)

func used(accept func(string) string) use             { return use{accept: accept} }
func idle(accept func(string) string, why string) use { return use{accept, why} }

var interfaceSection = &section{keys: map[string]use{
	"ringnumber": used(number(0, 7)), "linknumber": used(number(0, 7)), "mcastport": used(port),
	"bindnetaddr": idle(address, "a host's own addresses are found by the node list"),
	"mcastaddr":   idle(address, cast), "broadcast": idle(yesNo, cast), "ttl": idle(number(0, 255), cast),
	"knet_link_priority": idle(number(0, 255), "all links carry heartbeats at once"),
	"knet_ping_interval": idle(count, "the token sets the pace"), "knet_ping_timeout": idle(count, "the token sets the pace"),
	"knet_ping_precision": idle(count, knet), "knet_pong_count": idle(count, knet), "knet_transport": idle(oneOf("udp", "sctp"), knet),
}, sections: map[string]*section{"member": {keys: map[string]use{"memberaddr": idle(hostOrAddress, "the node list says it")}}}}

var totemSection = &section{keys: map[string]use{
	"version": used(oneOf("2")), "cluster_name": used(nil), "token": used(number(50, 3600*1000)),
	"token_coefficient": used(number(0, 3600*1000)), "keyfile": used(nil), "ip_version": used(ip),
	"transport":      idle(oneOf("knet", "udp", "udpu"), knet),
	"config_version": idle(number(0, 1<<63), "the configuration of a host counts for that host"),
	"crypto_cipher":  idle(oneOf("none", "aes256", "aes192", "aes128", "3des"), crypto),
	"crypto_hash":    idle(oneOf("none", "md5", "sha1", "sha256", "sha384", "sha512"), crypto),
	"crypto_model":   idle(oneOf("nss", "openssl"), crypto), "secauth": idle(onOff, crypto),
	"rrp_mode": idle(oneOf("none", "active", "passive"), knet), "link_mode": idle(oneOf("active", "passive", "rr"), knet),
	"clear_node_high_bit": idle(yesNo, "node ids are taken as written"), "nodeid": idle(number(1, 1<<32-1), "the node list says it"),
	"netmtu": idle(count, knet), "knet_mtu": idle(count, knet), "knet_pmtud_interval": idle(count, knet),
	"knet_compression_model": idle(nil, knet), "knet_compression_threshold": idle(count, knet), "knet_compression_level": idle(nil, knet),
	"block_unlisted_ips": idle(yesNo, onlyHost), "token_warning": idle(count, totem), "token_retransmit": idle(count, totem),
	"token_retransmits_before_loss_const": idle(count, totem), "hold": idle(count, totem), "join": idle(count, totem),
	"send_join": idle(count, totem), "consensus": idle(count, "a view is agreed in the log as soon as a host is dead"),
	"merge": idle(count, totem), "downcheck": idle(count, totem), "fail_recv_const": idle(count, totem),
	"seqno_unchanged_const": idle(count, totem), "heartbeat_failures_allowed": idle(count, totem), "max_network_delay": idle(count, totem),
	"window_size": idle(count, totem), "max_messages": idle(count, totem), "miss_count_const": idle(count, totem),
	"cancel_token_hold_on_retransmit": idle(yesNo, totem), "threads": idle(count, totem), "vsftype": idle(nil, totem),
	"rrp_problem_count_timeout": idle(count, knet), "rrp_problem_count_threshold": idle(count, knet),
	"rrp_problem_count_mcast_threshold": idle(count, knet), "rrp_token_expired_timeout": idle(count, knet), "rrp_autorecovery_check_timeout": idle(count, knet),
	"cluster_uuid": idle(nil, "the authkey is the cluster's identity"), "max_allowed_clock_drift": idle(count, totem),
}, sections: map[string]*section{"interface": interfaceSection}}

var loggingKeys = map[string]use{
	"timestamp": idle(oneOf("on", "off", "hires"), logs), "fileline": idle(onOff, logs), "function_name": idle(onOff, logs),
	"blackbox": idle(onOff, logs), "to_stderr": idle(yesNo, logs), "to_logfile": idle(yesNo, logs), "to_syslog": idle(yesNo, logs),
	"logfile": idle(nil, logs), "logfile_priority": idle(priority, logs), "syslog_facility": idle(nil, logs),
	"syslog_priority": idle(priority, logs), "debug": used(oneOf("on", "off", "trace")), "tags": idle(nil, logs), "subsys": idle(nil, logs),
	"logger_subsys": idle(nil, logs),
}

var deviceSection = &section{
	keys: map[string]use{"model": used(oneOf("net", "disk")), "votes": used(count), "timeout": used(millis), "sync_timeout": used(millis)},
	sections: map[string]*section{
		"net": {keys: map[string]use{
			"host": used(hostOrAddress), "port": used(port), "algorithm": used(oneOf("ffsplit", "lms", "2nodelms", "test")),
			"tls": used(oneOf("on", "off", "required")), "tie_breaker": used(nil), "connect_timeout": used(millis),
			"force_ip_version": used(oneOf("0", "4", "6")), "keep_active_partition_tie_breaker": used(onOff),
		}},
		"heuristics": {keys: map[string]use{"mode": used(oneOf("on", "sync", "off")), "interval": used(millis), "timeout": used(millis),
			"sync_timeout": used(millis)}, prefixes: map[string]use{"exec_": used(nil)}},
		"disk": {keys: map[string]use{"path": used(diskPath)}},
	},
}

var quorumSection = &section{keys: map[string]use{
	"provider": used(oneOf("corosync_votequorum")), "expected_votes": used(number(1, 100000)), "two_node": used(flag),
	"wait_for_all": used(flag), "auto_tie_breaker": used(flag), "auto_tie_breaker_node": used(tieNodes),
	"last_man_standing": used(flag), "last_man_standing_window": used(millis), "allow_downscale": used(flag),
	"expected_votes_tracking": idle(flag, "expected votes are kept in the log"), "votes": idle(count, "the node list says it"),
}, sections: map[string]*section{"device": deviceSection}}

var nodeSection = &section{keys: map[string]use{
	"nodeid": used(number(1, 1<<32-1)), "name": used(hostOrAddress), "quorum_votes": used(number(0, 100000)),
}, prefixes: map[string]use{"ring": used(hostOrAddress)}}

// anything is a section that is known and not used.
func anything(why string) *section {
	s := &section{prefixes: map[string]use{"": idle(nil, why)}, sections: map[string]*section{}}
	s.sections["*"] = s
	return s
}

// fileKeys stand outside all sections.
var fileKeys = map[string]use{"compatibility": idle(nil, "it belongs to corosync before 2.0")}

var fileSections = map[string]*section{
	"totem": totemSection, "quorum": quorumSection,
	"nodelist": {sections: map[string]*section{"node": nodeSection}},
	"logging": {keys: loggingKeys, sections: map[string]*section{
		"logger_subsys": {keys: loggingKeys}, "logging_daemon": {keys: loggingKeys}}},
	"system": {keys: map[string]use{
		"qb_ipc_type": idle(nil, process), "sched_rr": idle(nil, process), "priority": idle(nil, process), "state_dir": idle(nil, process),
		"move_to_root_cgroup": idle(nil, process), "allow_knet_handle_fallback": idle(nil, process)}},
	"resources": anything("nothing here reads corosync's own watchdog resources"),
	"uidgid":    anything("local users come in through the group haclient"),
	"nozzle":    anything("there is no nozzle device"),
	"aisexec":   anything("it belongs to corosync before 2.0"), "amf": anything("it belongs to corosync before 2.0"),
	"service": anything("it starts Pacemaker inside corosync 1; Holdfast needs no plugin"),
	"qnetd":   anything("it belongs to corosync-qnetd"),
}

// Explain tells what becomes of a key: "totem.token", "totem.interface.ttl".
func Explain(key string) string {
	words := strings.Split(key, ".")
	s := &section{keys: fileKeys, sections: fileSections}
	for _, w := range words[:len(words)-1] {
		if s = s.section(w); s == nil {
			return "unknown"
		}
	}
	u, ok := s.use(words[len(words)-1])
	switch {
	case !ok:
		return "unknown"
	case u.ignored != "":
		return "accepted, without effect: " + u.ignored
	}
	return "used"
}

func (s *section) section(name string) *section {
	if n, ok := s.sections[name]; ok {
		return n
	}
	return s.sections["*"]
}

func (s *section) use(key string) (use, bool) {
	if u, ok := s.keys[key]; ok {
		return u, true
	}
	for prefix, u := range s.prefixes {
		if prefix != "ring" && strings.HasPrefix(key, prefix) {
			return u, true
		}
		if link, found := strings.CutSuffix(strings.TrimPrefix(key, prefix), "_addr"); prefix == "ring" && found && number(0, 7)(link) == "" && strings.HasPrefix(key, prefix) {
			return u, true
		}
	}
	return use{}, false
}
