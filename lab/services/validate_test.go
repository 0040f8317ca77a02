package services

import (
	"os"
	"strings"
	"testing"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// validated are agents with a usual configuration of what they run, and the program that this is.
var validated = []struct{ agent, program, params string }{
	{"ClusterMon", "/usr/sbin/crm_mon", ""},
	{"Delay", "", "startdelay=1"},
	{"Dummy", "", ""},
	{"Filesystem", "/usr/bin/mount", "device=tmpfs directory=/mnt fstype=tmpfs"},
	{"IPaddr", "/usr/sbin/ifconfig", "ip=10.77.0.100 cidr_netmask=24"},
	{"IPaddr2", "/usr/sbin/ip", "ip=10.77.0.100 cidr_netmask=24"},
	{"IPsrcaddr", "/usr/sbin/ip", "ipaddress=10.77.0.11"},
	{"Route", "/usr/sbin/ip", "destination=10.99.0.0/24 device=eth0 gateway=10.77.0.1"},
	{"SendArp", "/usr/libexec/heartbeat/send_arp", "ip=10.77.0.100 nic=eth0"},
	{"Squid", "/usr/sbin/squid", "squid_exe=/usr/sbin/squid squid_conf=/etc/squid/squid.conf squid_pidfile=/run/squid.pid squid_port=3128"},
	{"Stateful", "", ""},
	{"SysInfo", "", ""},
	{"VirtualDomain", "/usr/bin/virsh", "config=/root/domain.xml hypervisor=qemu:///system"},
	{"anything", "", "binfile=/usr/bin/sleep"},
	{"apache", "/usr/sbin/apache2", "configfile=/etc/apache2/apache2.conf"},
	{"azure-lb", "/usr/bin/nc", "port=61000"},
	{"dhcpd", "/usr/sbin/dhcpd", "config=/etc/dhcp/dhcpd.conf interface=eth0"},
	{"dovecot", "/usr/sbin/dovecot", ""},
	{"ethmonitor", "/usr/sbin/arping", "interface=eth0"},
	{"exportfs", "/usr/sbin/exportfs", "clientspec=10.77.0.0/24 directory=/srv fsid=1"},
	{"iSCSILogicalUnit", "/usr/sbin/tgtadm", "implementation=tgt target_iqn=iqn.2026-01.com.example:a lun=1 path=/dev/zero"},
	{"iSCSITarget", "/usr/sbin/tgtadm", "implementation=tgt tid=1 iqn=iqn.2026-01.com.example:a"},
	{"iface-bridge", "/usr/sbin/brctl", "bridge_name=br0 bridge_slaves=eth0"},
	{"iface-vlan", "/usr/sbin/ip", "vlan_interface=eth0 vlan_id=9"},
	{"ldirectord", "", "configfile=/etc/ha.d/ldirectord.cf"},
	{"mariadb", "/usr/sbin/mariadbd", "binary=/usr/sbin/mariadbd"},
	{"mdraid", "/usr/sbin/mdadm", "mdadm_conf=/etc/mdadm/mdadm.conf md_dev=/dev/md0"},
	{"mysql", "/usr/sbin/mariadbd", "binary=/usr/sbin/mariadbd"},
	{"named", "/usr/sbin/named", "named_user=bind named_config=/etc/bind/named.conf monitor_request=localhost monitor_response=127.0.0.1 monitor_ip=127.0.0.1"},
	{"nfsnotify", "/usr/sbin/sm-notify", ""},
	{"nfsserver", "/usr/sbin/rpc.nfsd", "nfs_shared_infodir=/var/lib/nfs"},
	{"nginx", "/usr/sbin/nginx", "status10url=http://127.0.0.1/ status10regex=x"},
	{"postfix", "/usr/sbin/postfix", ""},
	{"pound", "/usr/sbin/pound", ""},
	{"redis", "/usr/bin/redis-server", "bin=/usr/bin/redis-server"},
	{"rsyncd", "/usr/bin/rsync", "binpath=/usr/bin/rsync conffile=/etc/rsyncd.conf"},
	{"rsyslog", "/usr/sbin/rsyslogd", "configfile=/etc/rsyslog.conf"},
	{"sg_persist", "/usr/bin/sg_persist", "devs=/dev/zero"},
	{"slapd", "/usr/sbin/slapd /usr/bin/ldapsearch", ""},
	{"symlink", "", "link=/root/link target=/root/target"},
	{"tomcat", "/usr/share/tomcat10/bin/catalina.sh /var/lib/tomcat10 /usr/lib/jvm/java-17-openjdk-amd64/bin/java", "java_home=/usr/lib/jvm/java-17-openjdk-amd64 catalina_home=/usr/share/tomcat10 catalina_base=/var/lib/tomcat10"},
	{"varnish", "/usr/sbin/varnishd", "name=v1"},
	{"vsftpd", "/usr/sbin/vsftpd", "conffile=/etc/vsftpd.conf"},
}

// Each agent whose program is installed takes what its user would write, as `crm_resource --validate` asks it.
func TestAgentsValidate(t *testing.T) {
	t.Parallel()
	fleettest.Root(t)
	fleettest.Needs(t, "/usr/lib/ocf/resource.d/heartbeat/IPaddr2")
	c := fleettest.Begin(t, patience, fleet.Config{Hosts: lab.Names("web", 1), Binary: fleet.Program(), Files: []lab.File{
		{Path: "/root/domain.xml", Mode: 0o644, Data: []byte("<domain><name>inner</name></domain>\n")},
		{Path: "/etc/ha.d/ldirectord.cf", Mode: 0o644, Data: []byte("checktimeout=3\n")},
		{Path: "/etc/rsyncd.conf", Mode: 0o644, Data: []byte("pid file = /run/rsyncd.pid\n")},
	}})
	for _, v := range validated {
		t.Run(v.agent, func(t *testing.T) {
			fleettest.Needs(t, strings.Fields(v.program)...)
			fleettest.Needs(t, "/usr/lib/ocf/resource.d/heartbeat/"+v.agent)
			args := []string{"crm_resource", "--validate", "--class", "ocf", "--provider", "heartbeat", "--agent", v.agent}
			for _, param := range strings.Fields(v.params) {
				args = append(args, "--option", param)
			}
			if out, err := c.Try("web1", "", args...); err != nil {
				t.Errorf("%s %s: %v\n%s", v.agent, v.params, err, out)
			}
		})
	}
	// What is wrong is said in the agent's own words.
	out, err := c.Try("web1", "", "crm_resource", "--validate", "--class", "ocf", "--provider", "heartbeat", "--agent", "IPaddr2", "--option", "cidr_netmask=24")
	if err == nil || !strings.Contains(out, "(not configured: IP address") {
		t.Errorf("an address without one: %v\n%s", err, out)
	}
}

// The page names the agents that are asked, and no others.
func TestPageNamesTheValidatedAgents(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range validated {
		names = append(names, v.agent)
	}
	if list := strings.Join(names, ", "); !strings.Contains(strings.Join(strings.Fields(string(text)), " "), ": "+list+".") {
		t.Errorf("%s does not have the list %s", document, list)
	}
}
