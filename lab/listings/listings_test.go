package listings

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// long has the listings tried, too, that take a minute or more.
var long = flag.Bool("long", false, "try every listing")

func TestMain(m *testing.M) { os.Exit(fleet.Testing(m.Run)) }

// listing returns a listing's text, or skips the test.
func listing(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../shared/listings", name))
	if err != nil {
		t.Skipf("the listing is not here: %v", err)
	}
	fleettest.Root(t)
	return text
}

// libvirt stands in for the plugin of cluster-glue, whose hypervisor the lab is: same name, same
// calls, same parameters.
const libvirt = `#!/bin/sh
case $1 in
gethosts) for h in $hostlist; do echo "${h%%:*}"; done;;
on|off) exec fence_lab -o "$1" -n "$2";;
reset) exec fence_lab -o reboot -n "$2";;
status) [ -n "$hypervisor_uri" ] && exec fence_lab -o monitor;;
getconfignames) echo hostlist hypervisor_uri;;
getinfo-devid) echo "libvirt, stood in for by the lab";;
getinfo-xml) echo '<parameters><parameter name="hostlist" required="1"><content type="string"/></parameter><parameter name="hypervisor_uri" required="1"><content type="string"/></parameter></parameters>';;
*) exit 1;;
esac
`

// banner is a program that answers on a port with a line that names its host, and ends when
// killed: what stands in for a server that is not installed.
const banner = `#!/usr/bin/perl
use IO::Socket::INET;
my ($port, $host) = @ARGV;
my $s = IO::Socket::INET->new(LocalPort => $port, Listen => 5, ReuseAddr => 1) or die "listen: $!";
while (my $c = $s->accept) { print $c "220 $host ready\n"; close $c }
`

// serverAgent is an OCF agent around banner on the port.
func serverAgent(name, port string) string {
	return `#!/bin/sh
pid=/run/` + name + `-$OCF_RESOURCE_INSTANCE.pid
alive() { [ -s $pid ] && kill -0 "$(cat $pid)" 2>/dev/null; }
case $1 in
start) alive || { setsid /usr/local/bin/banner ` + port + ` "$(hostname)" >/dev/null 2>&1 </dev/null & echo $! > $pid; }; exit 0;;
stop) alive && kill "$(cat $pid)"; rm -f $pid; exit 0;;
monitor) alive || exit 7; exit 0;;
validate-all) exit 0;;
meta-data) cat <<END
<?xml version="1.0"?>
<resource-agent name="` + name + `" version="1.0"><version>1.0</version><parameters/><actions><action name="start" timeout="20s"/>
<action name="stop" timeout="20s"/><action name="monitor" timeout="20s" interval="10s"/><action name="meta-data" timeout="5s"/></actions></resource-agent>
END
exit 0;;
esac
exit 3
`
}
