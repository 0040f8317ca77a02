package config

import (
	"net/netip"

	"holdfast/traffic/director/virtualserver"
	"holdfast/traffic/keepalived"
	"holdfast/traffic/vrrp/packet"
)

// otherGlobals are words of global_defs that say something about keepalived's own processes, sockets and reports, of which there are others here.
var otherGlobals = []string{
	"tmp_config_directory", "config_save_dir", "process_name", "vrrp_process_name", "checker_process_name", "bfd_process_name", "startup_script_timeout",
	"shutdown_script_timeout", "vrrp_min_garp", "vrrp_garp_extra_if", "nftables_priority", "nftables_counters",
	"nftables_ifindex", "nftables_ipvs", "nftables_ipvs_priority", "nftables_ipvs_start_fwmark", "disable_local_igmp", "min_auto_priority_delay", "bfd_priority", "checker_no_swap",
	"bfd_no_swap", "vrrp_cpu_affinity", "checker_cpu_affinity", "bfd_cpu_affinity", "checker_rt_priority", "bfd_rt_priority", "checker_rlimit_rttime", "bfd_rlimit_rttime",
	"snmp_socket", "enable_snmp_vrrp", "enable_snmp_checker", "enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3", "enable_dbus", "dbus_service_name", "lvs_notify_fifo", "lvs_notify_fifo_script", "fifo_write_vrrp_states_on_reload",
	"vrrp_rx_bufs_policy", "vrrp_rx_bufs_multiplier", "umask", "vrrp_startup_delay", "log_unknown_vrids", "random_seed", "reload_check_config", "reload_time_file", "reload_file",
	"data_use_instance", "vmac_prefix", "vmac_addr_prefix", "vrrp_notify_priority_changes",
	"vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs", "vrrp_netlink_monitor_rcv_bufs_force",
	"process_monitor_rcv_bufs", "process_monitor_rcv_bufs_force",
}

// checkersGlobals are words of global_defs that the director reads, or that are about its checks.
var checkersGlobals = []string{
	"lvs_flush", "lvs_flush_on_stop", "lvs_timeouts", "checker_priority", "checker_log_all_failures", "no_checker_emails", "rs_init_notifies", "smtp_alert_checker",
	"lvs_netlink_cmd_rcv_bufs", "lvs_netlink_cmd_rcv_bufs_force", "lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force", "net_namespace_ipvs",
}

// otherGlobalKeywords are those, and what would do harm if it were passed over.
func otherGlobalKeywords() keepalived.Keywords[compiler] {
	k := unheeded(otherGlobals...)
	for _, word := range checkersGlobals {
		k[word] = ignored[compiler]
	}
	// What asks for what is always so here.
	for _, word := range []string{"vrrp_higher_prio_send_advert", "vrrp_check_unicast_src", "no_email_faults", "include_check"} {
		k[word] = ignored[compiler]
	}
	for word, group := range map[string]netip.Addr{"vrrp_mcast_group4": packet.GroupIPv4, "vrrp_mcast_group6": packet.GroupIPv6} {
		k[word] = func(_ *compiler, d keepalived.Directive) error {
			text, err := keepalived.Value(d, "an address")
			if a, parsed := netip.ParseAddr(text); err == nil && (parsed != nil || a != group) {
				err = d.Errorf("%q: advertisements go to the protocol's own group, %s, or to unicast_peer", text, group)
			}
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
	for _, word := range pipeWords {
		k[word] = func(c *compiler, d keepalived.Directive) error { return c.pipe(word, d) }
		k[word+"_script"] = func(c *compiler, d keepalived.Directive) (err error) {
			c.pipeScripts[word], err = program(d)
			return err
		}
	}
	k["vrrp_lower_prio_no_advert"] = func(c *compiler, d keepalived.Directive) (err error) {
		c.mute, err = keepalived.Boolean(d)
		return err
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
		"mcast_dst_ip":         refused[instance]("advertisements go to the protocol's own group, or to unicast_peer"),
		"old_unicast_checksum": refused[instance]("checksums are those of RFC 9568"),
		"use_vmac_addr":        refused[instance]("use_vmac gives the addresses an interface of their own"),
		"track_bfd":            refused[instance]("track_script can ask whoever runs BFD"),
		"check_unicast_src":    ignored[instance], // only peers are heard
	}
	for _, word := range []string{"garp_extra_if", "linkbeat_use_polling", "unicast_ttl", "unicast_fault_no_peer", "track_src_ip", "notify_deleted"} {
		k[word] = unheededInstance
	}
	return k
}

// setElsewhere are top-level blocks that this program must not pass over, and what to do instead.
func setElsewhere() keepalived.Keywords[compiler] {
	k := keepalived.Keywords[compiler]{}
	for _, word := range []string{"static_ipaddress", "static_routes", "static_rules", "static_track_group"} {
		k[word] = refused[compiler]("set what is always there in the system's network configuration")
	}
	k["bfd_instance"] = refused[compiler]("run BFD beside it, and ask it by track_script")
	return k
}
