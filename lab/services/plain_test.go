package services

import (
	"fmt"
	"slices"

	"holdfast/lab"
	"holdfast/lab/standin"
)

// all are the services, in the order of the table.
func all() []service { return slices.Concat(plain(), servers(), storage(), replicated()) }

// How a group of an address and a service is moved.
const (
	moveGroup = "crm resource move app $TO"
	stayGroup = "crm resource clear app"
)

// plain are agents that need no program of their own.
func plain() []service {
	return []service{{
		name: "Dummy", agent: "ocf:heartbeat:Dummy", debian: "resource-agents", quick: true,
		configure: "primitive d ocf:heartbeat:Dummy op monitor interval=1s\n", resource: "d",
		local: "ls /run/resource-agents/Dummy-d.state", says: []string{"Dummy-d"},
		kill: "rm /run/resource-agents/Dummy-d.state", move: "crm resource move d $TO", stay: "crm resource clear d",
	}, {
		name: "Stateful", agent: "ocf:pacemaker:Stateful", debian: "pacemaker-resource-agents", quick: true,
		configure: "primitive s ocf:pacemaker:Stateful op monitor interval=2s op monitor interval=1s role=Promoted\nclone ss s meta promotable=true\n",
		resource:  "s", promoted: true,
		local: "cat /run/Stateful-s.state", says: []string{"master|Promoted|promoted"},
		kill: "rm /run/Stateful-s.state", move: "crm_resource --move --resource ss --promoted --node $TO", stay: "crm_resource --clear --resource ss",
	}, {
		name: "IPaddr2", agent: "ocf:heartbeat:IPaddr2", debian: "resource-agents", quick: true,
		configure: "primitive vip IPaddr2 params ip=" + address + " cidr_netmask=24 op monitor interval=1s\n", resource: "vip",
		look: "ping -c 1 -W 2 " + address, says: []string{"1 received"},
		kill: "ip addr del " + address + "/24 dev eth0", move: "crm resource move vip $TO", stay: "crm resource clear vip",
	}, {
		name: "ping", agent: "ocf:pacemaker:ping", debian: "pacemaker-resource-agents",
		configure: "primitive p ocf:pacemaker:ping params host_list=10.77.0.250 multiplier=100 dampen=1s attempts=1 timeout=1 op monitor interval=2s timeout=20s\n", resource: "p",
		local: "attrd_updater -n pingd -Q -N $(hostname)", says: []string{`value="100"`},
		kill: "rm $(find /run /tmp -name 'ping-p*')", move: "crm resource move p $TO", stay: "crm resource clear p",
	}, {
		name: "ClusterMon", agent: "ocf:pacemaker:ClusterMon", debian: "pacemaker-resource-agents", needs: []string{"/usr/sbin/crm_mon"},
		configure: "primitive watch ocf:pacemaker:ClusterMon params htmlfile=/run/status.html update=2000 op monitor interval=2s timeout=20s\n", resource: "watch",
		local: "cat /run/status.html", says: []string{"web2"},
		kill: "pkill -KILL -f '[s]tatus.html'", move: "crm resource move watch $TO", stay: "crm resource clear watch",
	}, {
		name: "Virtual machine", agent: "ocf:heartbeat:VirtualDomain", debian: "resource-agents", needs: []string{"/usr/libexec/heartbeat/send_arp"},
		files: []lab.File{
			standin.Hypervisor(), standin.Domain("/etc/libvirt/qemu/inner.xml", "inner", address, "/usr/local/bin/greet"),
			{Path: "/usr/local/bin/greet", Mode: 0o755, Data: []byte(greet)},
		},
		configure: `primitive vm VirtualDomain params config=/etc/libvirt/qemu/inner.xml hypervisor="qemu:///system" op start timeout=60s op stop timeout=60s op monitor interval=2s timeout=30s
`,
		resource: "vm", look: greeting(25), says: []string{"^220 inner"},
		kill: "kill -KILL $(cat /run/domains/inner.pid)", move: "crm resource move vm $TO", stay: "crm resource clear vm",
	}}
}

// greet is what runs in the virtual machine: it tells its name on a port.
const greet = `#!/usr/bin/perl
use IO::Socket::INET;
use Sys::Hostname;
my $s = IO::Socket::INET->new(LocalPort => 25, Listen => 5, ReuseAddr => 1) or die "listen: $!";
while (my $c = $s->accept) { print $c "220 " . hostname . "\n"; close $c }
`

// servers are services of one active host, with their address.
func servers() []service {
	return []service{{
		name: "Apache", agent: "ocf:heartbeat:apache", debian: "apache2", needs: []string{"/usr/sbin/apache2"}, quick: true,
		prepare: "hostname > /var/www/html/index.html; echo ServerName localhost > /etc/apache2/conf-enabled/name.conf",
		configure: vip + `primitive web apache params configfile=/etc/apache2/apache2.conf statusurl="http://127.0.0.1/server-status" op monitor interval=1s timeout=20s
group app vip web
`,
		resource: "web", look: "curl -s -m 5 http://" + address, says: []string{"^web[123]$"},
		kill: "pkill -KILL -x apache2", move: moveGroup, stay: stayGroup,
	}, {
		name: "nginx", agent: "ocf:heartbeat:nginx", debian: "nginx", needs: []string{"/usr/sbin/nginx"},
		files:   []lab.File{{Path: "/etc/nginx/nginx.conf", Mode: 0o644, Data: []byte(nginxConf)}},
		prepare: "hostname > /var/www/html/index.html; mkdir -p /var/log/nginx",
		configure: vip + `primitive web ocf:heartbeat:nginx params configfile=/etc/nginx/nginx.conf op monitor interval=1s timeout=20s
group app vip web
`,
		resource: "web", look: "curl -s -m 5 http://" + address, says: []string{"^web[123]$"},
		kill: "pkill -KILL -x nginx", move: moveGroup, stay: stayGroup,
	}, {
		name: "HAProxy", agent: "systemd:haproxy", debian: "haproxy", needs: []string{"/usr/sbin/haproxy", "/usr/lib/systemd/systemd"}, systemd: true,
		files: []lab.File{
			{Path: "/etc/systemd/system/haproxy.service.d/lab.conf", Mode: 0o644, Data: []byte("[Unit]\nDefaultDependencies=no\n[Service]\nBindReadOnlyPaths=\n")},
			{Path: "/etc/haproxy/haproxy.cfg", Mode: 0o644, Data: []byte("defaults\n mode http\n timeout client 5s\n timeout connect 5s\n timeout server 5s\nfrontend all\n bind *:80\n http-request return status 200 content-type text/plain string \"proxied\\n\"\n")},
		},
		configure: vip + `primitive proxy systemd:haproxy op monitor interval=2s timeout=60s
group app vip proxy
`,
		resource: "proxy", look: "curl -s -m 5 http://" + address, says: []string{"^proxied$"},
		kill: "pkill -KILL -x haproxy", move: moveGroup, stay: stayGroup,
	}, {
		name: "Postfix", agent: "ocf:heartbeat:postfix", debian: "postfix", needs: []string{"/usr/sbin/postfix"},
		files: []lab.File{{Path: "/etc/postfix/main.cf", Mode: 0o644, Data: []byte("compatibility_level = 3.6\ninet_interfaces = all\ninet_protocols = ipv4\nmyhostname = mail.example.com\nmydestination = localhost\nmaillog_file = /var/log/postfix.log\n")}},
		configure: vip + `primitive mail postfix params config_dir=/etc/postfix op monitor interval=2s timeout=20s
group app vip mail
`,
		resource: "mail", look: greeting(25), says: []string{"^220 mail.example.com"},
		kill: "pkill -KILL -x master", move: moveGroup, stay: stayGroup,
	}, {
		name: "Dovecot", agent: "ocf:heartbeat:dovecot", debian: "dovecot-core", needs: []string{"/usr/sbin/dovecot", "/usr/lib/dovecot/imap-login"},
		files: []lab.File{{Path: "/etc/dovecot/dovecot.conf", Mode: 0o644, Data: []byte("protocols = imap\nlisten = *\nssl = no\nlog_path = /var/log/dovecot.log\nmail_location = maildir:/var/mail/%u\npassdb {\n driver = static\n args = password=x\n}\nuserdb {\n driver = passwd\n}\n")}},
		configure: vip + `primitive imap ocf:heartbeat:dovecot op monitor interval=2s timeout=20s
group app vip imap
`,
		resource: "imap", look: greeting(143), says: []string{`^\* OK `},
		kill: "pkill -KILL dovecot", move: moveGroup, stay: stayGroup,
	}, {
		name: "Tomcat", agent: "ocf:heartbeat:tomcat", debian: "tomcat10", needs: []string{"/usr/share/tomcat10/bin/catalina.sh", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"},
		prepare: "mkdir -p /var/log/tomcat10 /var/cache/tomcat10; chown tomcat /var/log/tomcat10 /var/cache/tomcat10",
		configure: vip + `primitive java tomcat params java_home=/usr/lib/jvm/java-17-openjdk-amd64 catalina_home=/usr/share/tomcat10 catalina_base=/var/lib/tomcat10 tomcat_user=tomcat catalina_pid=/var/cache/tomcat10/tomcat.pid statusurl="http://127.0.0.1:8080" op start timeout=120s op stop timeout=60s op monitor interval=5s timeout=30s
group app vip java
`,
		resource: "java", look: "curl -s -m 5 -o /dev/null -w '%{http_code}' http://" + address + ":8080/", says: []string{"200|404"},
		kill: "pkill -KILL java", move: moveGroup, stay: stayGroup,
	}}
}

// storage are disks and what is exported of them.
func storage() []service {
	return []service{{
		name: "Filesystem", agent: "ocf:heartbeat:Filesystem", debian: "resource-agents", needs: []string{"/dev/loop-control", "/sbin/mkfs.ext4"}, disk: true,
		configure: vip + `primitive data Filesystem params device=/dev/shared directory=/srv/data fstype=ext4 op monitor interval=2s timeout=40s
group app vip data
`,
		prepare:  "mkdir -p /srv/data",
		resource: "data", local: "hostname >> /srv/data/hosts && grep -c ' /srv/data ext4' /proc/mounts && cat /srv/data/hosts", says: []string{"^1$"},
		kill: "umount -l /srv/data", move: moveGroup, stay: stayGroup,
	}, {
		name: "NFS export", agent: "ocf:heartbeat:exportfs", debian: "nfs-kernel-server", needs: []string{"/usr/sbin/exportfs"},
		prepare: "mkdir -p /srv/data /var/lib/nfs; : > /var/lib/nfs/etab; : > /var/lib/nfs/rmtab",
		configure: vip + `primitive export exportfs params clientspec=10.77.0.0/24 directory=/srv/data fsid=1 options=rw unlock_on_stop=0 op monitor interval=2s timeout=20s
group app export vip
`,
		resource: "export", local: "exportfs -v", says: []string{"^/srv/data"},
		kill: "exportfs -u 10.77.0.0/24:/srv/data", move: moveGroup, stay: stayGroup,
	}}
}

// nginxConf has a word a line: the agent reads it by lines. The log has to be a file, as in Debian's own
// configuration: Debian's program logs to standard error else, and the agent waits for the end of that.
const nginxConf = `user www-data;
worker_processes 1;
error_log /var/log/nginx/error.log;
events {
  worker_connections 64;
}
http {
  server {
    listen 80;
    root /var/www/html;
    location /nginx_status {
      stub_status on;
    }
  }
}
`

// greeting is a command that shows what a server says first.
func greeting(port int) string {
	return fmt.Sprintf("bash -c 'exec 3<>/dev/tcp/%s/%d; timeout 2 head -n 1 <&3'", address, port)
}
