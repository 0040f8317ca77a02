package config

import (
	"net/netip"
	"time"

	"holdfast/traffic/director/virtualserver"
	"holdfast/traffic/keepalived"
)

// otherGlobals are words of global_defs that say something about keepalived's own processes, sockets, reports and firewall rules, of which there are others here.
var otherGlobals = []string{
	"tmp_config_directory", "config_save_dir", "process_names", "process_name", "vrrp_process_name", "checker_process_name", "bfd_process_name",
	"nftables", "nftables_priority", "nftables_counters", "nftables_ifindex", "nftables_ipvs", "nftables_ipvs_priority", "nftables_ipvs_start_fwmark",
	"vrrp_iptables", "vrrp_ipsets", "disable_local_igmp", "vrrp_strict",
	"max_auto_priority", "min_auto_priority_delay", "vrrp_priority", "checker_priority", "bfd_priority", "vrrp_no_swap", "checker_no_swap", "bfd_no_swap",
	"vrrp_cpu_affinity", "checker_cpu_affinity", "bfd_cpu_affinity", "vrrp_rt_priority", "checker_rt_priority", "bfd_rt_priority",
	"vrrp_rlimit_rttime", "checker_rlimit_rttime", "bfd_rlimit_rttime",
	"snmp_socket", "enable_snmp_vrrp", "enable_snmp_checker", "enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3", "enable_traps", "enable_dbus", "dbus_service_name",
	"vrrp_rx_bufs_policy", "vrrp_rx_bufs_multiplier", "umask", "reload_time_file", "reload_repeat", "reload_file",
	"data_use_instance", "vmac_addr_prefix", "checker_log_all_failures",
	"vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs", "vrrp_netlink_monitor_rcv_bufs_force",
	"lvs_netlink_cmd_rcv_bufs", "lvs_netlink_cmd_rcv_bufs_force", "lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force",
	"process_monitor_rcv_bufs", "process_monitor_rcv_bufs_force",
}

// checkersGlobals are words of global_defs that the director reads.
var checkersGlobals = []string{
	"lvs_flush", "lvs_flush_on_stop", "lvs_timeouts", "no_checker_emails", "rs_init_notifies", "smtp_alert_checker",
	"lvs_notify_fifo", "lvs_notify_fifo_script",
}

// alwaysSo are words of global_defs that ask for what is so here in any case: a check of the whole configuration before it is put in force, checks of
// every advertisement, interfaces that come and go; and those about reading files, which were heeded then.
var alwaysSo = []string{
	"enable_script_security", "dynamic_interfaces", "vrrp_skip_check_adv_addr", "vrrp_higher_prio_send_advert", "vrrp_check_unicast_src", "no_email_faults",
	"reload_check_config", "include_check", "random_seed",
}

// otherGlobalKeywords are those, and what would do harm if it were passed over.
func otherGlobalKeywords() keepalived.Keywords[compiler] {
	k := unheeded(otherGlobals...)
	for _, word := range checkersGlobals {
		k[word] = ignored[compiler]
	}
	for _, word := range alwaysSo {
		k[word] = ignored[compiler]
	}
	for word, ipv4 := range map[string]bool{"vrrp_mcast_group4": true, "vrrp_mcast_group6": false} {
		k[word] = func(c *compiler, d keepalived.Directive) error {
			a, err := group(d)
			if err == nil && a.Is4() != ipv4 {
				err = d.Errorf("%s is of the other family", a)
			}
			c.groups[ipv4] = a
			return err
		}
	}
	k["lvs_sync_daemon"] = func(c *compiler, d keepalived.Directive) error {
		s, instance, err := virtualserver.SyncDaemon(d)
		if err == nil && instance != "" { // else both daemons run, which the director starts
			c.config.Exchange = &Exchange{d.At, instance, s}
		}
		return err
	}
	k["default_interface"] = func(c *compiler, d keepalived.Directive) (err error) {
		c.config.Static.Interface, err = keepalived.Value(d, "an interface")
		return err
	}
	k["vmac_prefix"] = func(c *compiler, d keepalived.Directive) (err error) {
		if c.vmacPrefix, err = keepalived.Value(d, "the first part of interfaces' names"); len(c.vmacPrefix) > 10 {
			err = d.Errorf("%q: want at most 10 characters, so that a router's id fits behind them", c.vmacPrefix)
		}
		return err
	}
	k["vrrp_startup_delay"] = func(c *compiler, d keepalived.Directive) (err error) {
		c.config.StartDelay, err = keepalived.Seconds(d, 0, time.Hour)
		return err
	}
	k["vrrp_lower_prio_no_advert"] = func(c *compiler, d keepalived.Directive) (err error) {
		c.mute, err = keepalived.Boolean(d)
		return err
	}
	for word, to := range map[string]func(*compiler) *bool{
		"vrrp_notify_priority_changes":     func(c *compiler) *bool { return &c.priorities },
		"fifo_write_vrrp_states_on_reload": func(c *compiler) *bool { return &c.config.Resend },
		"log_unknown_vrids":                func(c *compiler) *bool { return &c.config.TellUnknown },
	} {
		k[word] = func(c *compiler, d keepalived.Directive) (err error) { *to(c), err = keepalived.Boolean(d); return err }
	}
	k["vrrp_down_timer_adverts"] = func(c *compiler, d keepalived.Directive) (err error) {
		c.missed, err = keepalived.Integer(d, 1, 100)
		return err
	}
	return k
}

// otherInstanceKeywords are words of vrrp_instance that have no effect here, or would do harm if they were passed over.
func otherInstanceKeywords() keepalived.Keywords[instance] {
	k := keepalived.Keywords[instance]{
		"down_timer_adverts": func(i *instance, d keepalived.Directive) (err error) {
			i.Router.Missed, err = keepalived.Integer(d, 1, 100)
			return err
		},
		"mcast_dst_ip":          func(i *instance, d keepalived.Directive) (err error) { i.Group, err = group(d); return err },
		"track_src_ip":          func(i *instance, _ keepalived.Directive) error { i.NeedsSource = true; return nil },
		"unicast_fault_no_peer": func(i *instance, _ keepalived.Directive) error { i.askedPeer = true; return nil },
		"unicast_ttl": func(i *instance, d keepalived.Directive) error {
			n, err := keepalived.Integer(d, 1, 255)
			i.TTL = uint8(n)
			return err
		},
		"old_unicast_checksum": refused[instance]("checksums are those of RFC 9568"),
		"use_vmac_addr":        refused[instance]("use_vmac gives the addresses an interface of their own"),
		"track_bfd":            refused[instance](askBFD),
		"check_unicast_src":    ignored[instance], // only peers are heard
	}
	for _, word := range []string{"linkbeat_use_polling", "kernel_rx_buf_size", "native_ipv6"} {
		k[word] = unheededInstance
	}
	return k
}

const askBFD = "run BFD beside it, and ask it by track_script"

// group reads the address of a multicast group.
func group(d keepalived.Directive) (netip.Addr, error) {
	text, err := keepalived.Value(d, "the address of a multicast group")
	if err != nil {
		return netip.Addr{}, err
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.IsMulticast() || a.Is6() && !a.IsLinkLocalMulticast() {
		return a, d.Errorf("%q: want the address of a multicast group, of IPv6 one of this link (ff02::...)", text)
	}
	return a, nil
}

// processWords are about keepalived's own processes. They stand outside of blocks; in global_defs, where people write them too, keepalived passes over them.
func processWords() keepalived.Keywords[compiler] {
	k := unheeded("namespace_with_ipsets", "use_pid_dir", "linkbeat_use_polling", "child_wait_time")
	for word, instead := range map[string]string{
		"net_namespace": "run it in the network namespace itself", "net_namespace_ipvs": "run the director in that namespace", "instance": "run one process for each file",
	} {
		k[word] = refused[compiler](instead)
	}
	return k
}

// setElsewhere are blocks that this program must not pass over, and those that have no effect.
func setElsewhere() keepalived.Keywords[compiler] {
	k := unheeded("linkbeat_interfaces")
	for word, instead := range map[string]string{
		"static_track_group": "what is static is not watched", "track_group": "what is static is not watched", "bfd_instance": askBFD,
	} {
		k[word] = refused[compiler](instead)
	}
	return k
}
