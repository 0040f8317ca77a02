package fleet

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
)

// listening are the ports on which a host takes packets or connections, as its kernel tells.
func listening(t *testing.T, ctx context.Context, f *Fleet, host string) (ports []string) {
	t.Helper()
	for _, table := range []struct{ file, protocol, state string }{{"tcp", "tcp", "0A"}, {"tcp6", "tcp", "0A"}, {"udp", "udp", "07"}, {"udp6", "udp", "07"}} {
		out, err := f.Host(host).Exec(ctx, "cat", "/proc/net/"+table.file)
		must(t, err)
		for line := range strings.Lines(out) {
			fields := strings.Fields(line)
			if len(fields) < 4 || fields[3] != table.state {
				continue
			}
			port, err := strconv.ParseUint(fields[1][strings.LastIndexByte(fields[1], ':')+1:], 16, 16)
			must(t, err)
			if at := table.protocol + "/" + strconv.FormatUint(port, 10); !slices.Contains(ports, at) {
				ports = append(ports, at)
			}
		}
	}
	return ports
}

// noise sends to a port, as bash writes to it: random bytes, and beginnings of what the protocols there send.
const noise = `shout() { timeout 2 bash -c "cat > /dev/$1" 2> /dev/null; }
for i in 1 2 3 4 5 6; do head -c $((RANDOM % 1400 + 1)) /dev/urandom | shout $AT; done
printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' | shout $AT
printf '\x16\x03\x01\xff\xff' | cat - /dev/zero | head -c 70000 | shout $AT
printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\xff\xff\x04\x00\x00\x00\x00\x00' | shout $AT
printf 'POST /v1/setup/login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n{' | shout $AT
printf '\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x04' | shout $AT
printf '\x00\x00\xff\xff\xff\xff' | shout $AT
:
`

// TestNoiseOnEveryPort: whatever the hosts, a remote node and the witness listen on is told nonsense by a stranger. No program ends,
// nothing that was confirmed is lost, and the cluster is whole afterwards.
func TestNoiseOnEveryPort(t *testing.T) {
	ctx, f := startAs(t, 3*time.Minute, Config{Hosts: lab.Names("web", 2), Remotes: []string{"far"}, Witness: "ffsplit"})
	_, err := f.Client("web1").Change(ctx, mark(1))
	must(t, err)
	told := map[string]bool{}
	programs := map[string]string{}
	for i, host := range []string{"web1", "web2", "far", lab.ClientName} {
		programs[host] = mustRun(t, f, host, "", "pgrep", "-f", "holdfast (node|remote|witness)")
		addr := fmt.Sprintf("10.77.0.%d", 11+i)
		if host == lab.ClientName {
			addr = lab.ClientAddr(netip.MustParsePrefix("10.77.0.0/24")).String()
		}
		for _, port := range listening(t, ctx, f, host) {
			protocol, number, _ := strings.Cut(port, "/")
			told[port] = true
			mustRun(t, f, lab.ClientName, noise, "env", fmt.Sprintf("AT=%s/%s/%s", protocol, addr, number), "bash")
		}
	}
	for _, port := range []string{"tcp/5405", "udp/5405", "tcp/3121", "tcp/5403"} {
		if !told[port] {
			t.Errorf("nobody listens on %s: %v", port, told)
		}
	}
	must(t, f.Ready(ctx))
	for host, before := range programs {
		if now := mustRun(t, f, host, "", "pgrep", "-f", "holdfast (node|remote|witness)"); now != before {
			t.Errorf("%s: program %s has become %s", host, before, now)
		}
	}
	shown(t, ctx, f, "web2", []string{"value=here"}, "crm_attribute", "-G", "-n", "mark-1")
	shown(t, ctx, f, "web1", []string{"Quorate:          Yes", "Total votes:      3"}, "corosync-quorumtool", "-s")
}
