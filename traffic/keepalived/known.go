package keepalived

import (
	"slices"
	"strconv"

	"holdfast/spelling"
)

// Words that may stand outside of blocks and in global_defs, only outside, and only in global_defs: each program that reads the file takes its own, refuses what would do harm, and knows the others' by these
// lists.
var (
	either = []string{
		"child_wait_time", "instance", "linkbeat_use_polling", "namespace_with_ipsets", "net_namespace", "net_namespace_ipvs", "use_pid_dir",
	}
	outside = []string{
		"SSL", "bfd_instance", "garp_group", "global_defs", "interface_up_down_delays", "linkbeat_interfaces",
		"static_ipaddress", "static_routes", "static_rules",
		"static_track_group", "track_file", "track_group", "virtual_server", "virtual_server_group", "vrrp_instance", "vrrp_script",
		"vrrp_sync_group", "vrrp_track_file", "vrrp_track_process",
	}
	global = []string{
		"bfd_cpu_affinity", "bfd_no_swap", "bfd_priority", "bfd_process_name", "bfd_rlimit_rttime", "bfd_rt_priority", "checker_cpu_affinity",
		"checker_log_all_failures", "checker_no_swap", "checker_priority", "checker_process_name", "checker_rlimit_rttime", "checker_rt_priority",
		"config_save_dir", "data_use_instance", "dbus_service_name", "default_interface", "disable_local_igmp", "dynamic_interfaces", "enable_dbus",
		"enable_script_security", "enable_snmp_checker", "enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3", "enable_snmp_vrrp", "enable_traps",
		"fifo_write_vrrp_states_on_reload", "include_check", "log_unknown_vrids", "lvs_flush", "lvs_flush_on_stop", "lvs_netlink_cmd_rcv_bufs",
		"lvs_netlink_cmd_rcv_bufs_force", "lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force", "lvs_notify_fifo", "lvs_notify_fifo_script",
		"lvs_sync_daemon", "lvs_timeouts", "max_auto_priority", "min_auto_priority_delay", "nftables", "nftables_counters", "nftables_ifindex",
		"nftables_ipvs", "nftables_ipvs_priority", "nftables_ipvs_start_fwmark", "nftables_priority", "no_checker_emails", "no_email_faults",
		"notification_email", "notification_email_from", "notify_fifo", "notify_fifo_script", "process_monitor_rcv_bufs", "process_monitor_rcv_bufs_force",
		"process_name", "process_names", "random_seed", "reload_check_config", "reload_file", "reload_repeat", "reload_time_file", "router_id",
		"rs_init_notifies", "script_user", "shutdown_script", "shutdown_script_timeout", "smtp_alert", "smtp_alert_checker", "smtp_alert_vrrp",
		"smtp_connect_timeout", "smtp_helo_name", "smtp_server", "snmp_socket", "startup_script", "startup_script_timeout", "tmp_config_directory", "umask",
		"vmac_addr_prefix", "vmac_prefix", "vrrp_check_unicast_src", "vrrp_cpu_affinity", "vrrp_down_timer_adverts", "vrrp_garp_extra_if",
		"vrrp_garp_interval", "vrrp_garp_lower_prio_delay", "vrrp_garp_lower_prio_repeat", "vrrp_garp_master_delay", "vrrp_garp_master_refresh",
		"vrrp_garp_master_refresh_repeat", "vrrp_garp_master_repeat", "vrrp_gna_interval", "vrrp_higher_prio_send_advert", "vrrp_ipsets", "vrrp_iptables",
		"vrrp_lower_prio_no_advert", "vrrp_mcast_group4", "vrrp_mcast_group6", "vrrp_min_garp", "vrrp_netlink_cmd_rcv_bufs",
		"vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs", "vrrp_netlink_monitor_rcv_bufs_force", "vrrp_no_swap", "vrrp_notify_fifo",
		"vrrp_notify_fifo_script", "vrrp_notify_priority_changes", "vrrp_priority", "vrrp_process_name", "vrrp_rlimit_rttime", "vrrp_rt_priority",
		"vrrp_rx_bufs_multiplier", "vrrp_rx_bufs_policy", "vrrp_skip_check_adv_addr", "vrrp_startup_delay", "vrrp_strict", "vrrp_version",
	}
)

// Known finds words outside of blocks, and in global_defs, that no program knows.
func Known(file []Directive) error {
	for _, d := range file {
		if err := d.among(slices.Concat(outside, either)); err != nil {
			return err
		}
		if d.Keyword() != "global_defs" {
			continue
		}
		for _, one := range d.Block {
			if err := one.among(slices.Concat(global, either)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d Directive) among(words []string) error {
	for _, word := range words {
		if word == d.Keyword() {
			return nil
		}
	}
	if meant := spelling.Nearest(d.Keyword(), words, 2); meant != "" {
		return d.At.Errorf("%q is not known here; did you mean %s?", d.Keyword(), strconv.Quote(meant))
	}
	return d.At.Errorf("%q is not known here; keepalived.conf(5) has no such directive", d.Keyword())
}
