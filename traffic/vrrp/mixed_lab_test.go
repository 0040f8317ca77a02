package vrrp

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"holdfast/lab"
)

// daemon is one side of a mixed pair: what runs, and the words with which its journal tells of states.
type daemon struct {
	name    string
	host    *lab.Host
	journal *journal
	running *lab.Running
	seen    int // of its journal
}

// words are how a daemon of a name tells of an instance's state.
func (d *daemon) words(instance, state string) string {
	if d.name == "keepalived" {
		return "(" + instance + ") Entering " + map[string]string{"active": "MASTER", "backup": "BACKUP", "fault": "FAULT"}[state] + " STATE"
	}
	return `msg="virtual router is ` + state + `" instance=` + instance
}

// becomes waits until an instance comes to a state anew.
func (d *daemon) becomes(t *testing.T, instance, state string) {
	t.Helper()
	d.seen = d.journal.wait(t, d.seen, d.words(instance, state))
}

func (d *daemon) begin(t *testing.T) {
	t.Helper()
	d.seen = 0
	d.journal, d.running = start(t, d.host, append([]string{"stdbuf", "-oL", "-eL"}, benchmarked[d.name]...)...)
}

func (d *daemon) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	// The daemon's children are its group's: keepalived's state machine is one.
	if _, err := d.host.Exec(t.Context(), "pkill", fmt.Sprintf("-%d", s), "-f", "^"+benchmarked[d.name][0]+" "); err != nil {
		t.Fatal(err)
	}
}

// awaitHas waits until a host has an address, or has it no more.
func awaitHas(t *testing.T, h *lab.Host, address string, there bool) {
	t.Helper()
	not := map[bool]string{true: "!", false: ""}[there]
	// The loop goes on while the address is not as wanted.
	script := fmt.Sprintf("while %s ip -o addr | grep -qF ' %s/'; do busybox sleep 0.1; done", not, address)
	if _, err := h.Exec(t.Context(), "timeout", "60", "dash", "-c", script); err != nil {
		t.Fatalf("host %s: address %s there: want %v: %v", h.Name(), address, there, err)
	}
}

// mixedPairs runs a scenario with Holdfast on the first host and keepalived on the second, and the other way round; a sniffer finds nothing malformed.
// Most of a run is waiting, so they are played by `make vrrp-peer` only; TestPairWithKeepalived always is.
func mixedPairs(t *testing.T, conf func(first bool) string, play func(t *testing.T, l *lab.Lab, first, second *daemon)) {
	t.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		t.Skip("keepalived is not installed")
	}
	if !*allSame {
		t.Skip("make vrrp-peer plays it")
	}
	for _, names := range [][2]string{{"holdfast", "keepalived"}, {"keepalived", "holdfast"}} {
		t.Run(names[0]+" and "+names[1], func(t *testing.T) {
			t.Parallel()
			l := startLab(t, "one", "two")
			first, second := &daemon{name: names[0], host: l.Host("one")}, &daemon{name: names[1], host: l.Host("two")}
			for i, d := range []*daemon{first, second} {
				prepare(t, d.host, conf(i == 0))
				write(t, d.host, "/well.sh", "#!/bin/sh\n[ ! -e /ill ]\n")
			}
			judge := sniff(t, second.host)
			play(t, l, first, second)
			judge()
		})
	}
}

// sniff writes down what passes a host; the function that it returns judges it.
func sniff(t *testing.T, h *lab.Host) (judge func()) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		return func() {}
	}
	j, running := start(t, h, "tshark", "-q", "-i", "eth0", "-f", "proto 112 or ip6 proto 112 or arp or icmp6", "-w", "/tmp/seen")
	j.wait(t, 0, "Capturing on")
	return func() {
		t.Helper()
		if err := running.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		<-j.ended
		filter := func(words ...string) string {
			return said(t, h, append([]string{"tshark", "-r", "/tmp/seen", "-o", "vrrp.v3_checksum_as_in_v2:false"}, words...)...)
		}
		if out := filter("-Y", "_ws.malformed or vrrp.checksum.status == 0"); strings.TrimSpace(out) != "" {
			t.Errorf("tshark complains of\n%s", out)
		}
		if out := filter("-Y", "vrrp", "-c", "50"); !strings.Contains(out, "Announcement") {
			t.Errorf("tshark has seen no advertisement:\n%s", out)
		}
	}
}

// block is an instance with an id and a priority that is higher on the first host.
func block(first bool, name string, id int, lines ...string) string {
	priority := map[bool]string{true: "priority 150", false: "priority 100"}[first]
	return instance(name, append([]string{fmt.Sprint("virtual_router_id ", id), "advert_int 1", priority}, lines...)...)
}

func addresses(all ...string) string {
	return "virtual_ipaddress {\n  " + strings.Join(all, "\n  ") + "\n  }"
}

// TestMixedPairOfGroups: two instances in a sync group go over together when one of them cannot be.
func TestMixedPairOfGroups(t *testing.T) {
	t.Parallel()
	mixedPairs(t, func(first bool) string {
		return "vrrp_script well {\n script /well.sh\n interval 1\n rise 1\n fall 1\n}\nvrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n}\n" +
			block(first, "VI_1", 51, addresses("10.77.0.99/24"), "track_script {\n well\n }") + block(first, "VI_2", 52, addresses("10.77.0.98/24"))
	}, func(t *testing.T, _ *lab.Lab, first, second *daemon) {
		first.begin(t)
		first.becomes(t, "VI_1", "active")
		awaitHas(t, first.host, "10.77.0.98", true)
		second.begin(t)
		second.becomes(t, "VI_1", "backup")
		said(t, first.host, "touch", "/ill")
		for _, address := range []string{"10.77.0.99", "10.77.0.98"} {
			awaitHas(t, second.host, address, true)
			awaitHas(t, first.host, address, false)
		}
		said(t, first.host, "rm", "/ill")
		for _, address := range []string{"10.77.0.99", "10.77.0.98"} {
			awaitHas(t, first.host, address, true)
			awaitHas(t, second.host, address, false)
		}
	})
}

// TestMixedPairWithWeights: a script's weight moves the address, on either side; unicast, and with a password.
func TestMixedPairWithWeights(t *testing.T) {
	t.Parallel()
	mixedPairs(t, func(first bool) string {
		return "vrrp_script well {\n script /well.sh\n interval 1\n rise 1\n fall 1\n weight -60\n}\n" + block(first, "VI_1", 51, "version 2",
			"authentication {\n auth_type PASS\n auth_pass secret12\n }", "unicast_peer {\n 10.77.0.11\n 10.77.0.12\n }", addresses("10.77.0.99/24"), "track_script {\n well\n }")
	}, func(t *testing.T, _ *lab.Lab, first, second *daemon) {
		first.begin(t)
		second.begin(t)
		awaitHas(t, first.host, "10.77.0.99", true)
		said(t, first.host, "touch", "/ill") // 90 is below 100
		awaitHas(t, second.host, "10.77.0.99", true)
		awaitHas(t, first.host, "10.77.0.99", false)
		said(t, second.host, "touch", "/ill") // 90 is above 40
		awaitHas(t, first.host, "10.77.0.99", true)
		awaitHas(t, second.host, "10.77.0.99", false)
	})
}

// TestMixedPairOfLinkLocalAddresses: version 3 over IPv6, with a link-local address first, as RFC 9568 wants it.
func TestMixedPairOfLinkLocalAddresses(t *testing.T) {
	t.Parallel()
	mixedPairs(t, func(first bool) string {
		return block(first, "VI_1", 51, "version 3", addresses("fe80::99/64", "2001:db8::99/64"))
	}, func(t *testing.T, _ *lab.Lab, first, second *daemon) {
		second.begin(t)
		awaitHas(t, second.host, "fe80::99", true)
		first.begin(t)
		first.becomes(t, "VI_1", "active")
		awaitHas(t, second.host, "fe80::99", false)
		first.signal(t, syscall.SIGTERM)
		awaitHas(t, second.host, "2001:db8::99", true)
		awaitHas(t, first.host, "fe80::99", false)
	})
}

// TestMixedPairOfVirtualMACs: the address keeps its hardware address, whoever is active.
func TestMixedPairOfVirtualMACs(t *testing.T) {
	t.Parallel()
	mixedPairs(t, func(first bool) string {
		return block(first, "VI_1", 51, "version 3", "use_vmac vrrp51", "vmac_xmit_base", addresses("10.77.0.99/24"))
	}, func(t *testing.T, l *lab.Lab, first, second *daemon) {
		answers := func(active *daemon) {
			t.Helper()
			said(t, l.Client(), "ip", "neigh", "flush", "dev", "eth0")
			said(t, l.Client(), "timeout", "60", "dash", "-c", "until busybox ping -c 1 -W 2 10.77.0.99; do busybox sleep 0.2; done")
			if got := said(t, l.Client(), "ip", "neigh", "show", "10.77.0.99"); active.name == "holdfast" && !strings.Contains(got, "00:00:5e:00:01:33") {
				t.Errorf("the client's neighbour is %q, want the virtual router's own address (%s is active)", got, active.name)
			}
		}
		second.begin(t)
		second.becomes(t, "VI_1", "active")
		answers(second)
		first.begin(t)
		first.becomes(t, "VI_1", "active")
		awaitHas(t, second.host, "10.77.0.99", false)
		answers(first)
		first.signal(t, syscall.SIGTERM)
		awaitHas(t, second.host, "10.77.0.99", true)
		answers(second)
	})
}

// TestMixedPairThatDoesNotPreempt: who comes back waits, for ever or for its delay.
func TestMixedPairThatDoesNotPreempt(t *testing.T) {
	t.Parallel()
	mixedPairs(t, func(first bool) string {
		return block(first, "VI_1", 51, "state BACKUP", "nopreempt", addresses("10.77.0.99/24")) + block(first, "VI_2", 52, "preempt_delay 5", addresses("10.77.0.98/24"))
	}, func(t *testing.T, _ *lab.Lab, first, second *daemon) {
		second.begin(t)
		awaitHas(t, second.host, "10.77.0.99", true)
		awaitHas(t, second.host, "10.77.0.98", true)
		first.begin(t)
		awaitHas(t, first.host, "10.77.0.98", true) // preempted behind its delay
		awaitHas(t, second.host, "10.77.0.98", false)
		if has(t, first.host, "10.77.0.99") || !has(t, second.host, "10.77.0.99") {
			t.Error("the address moved though nothing is to preempt")
		}
		second.signal(t, syscall.SIGTERM)
		awaitHas(t, first.host, "10.77.0.99", true)
	})
}

// TestMixedPairThatStalls: a daemon that stands still loses the address, and when it goes on there is one active host again.
func TestMixedPairThatStalls(t *testing.T) {
	t.Parallel()
	mixedPairs(t, func(first bool) string {
		return block(first, "VI_1", 51, addresses("10.77.0.99/24"))
	}, func(t *testing.T, _ *lab.Lab, first, second *daemon) {
		first.begin(t)
		first.becomes(t, "VI_1", "active")
		second.begin(t)
		second.becomes(t, "VI_1", "backup")
		first.signal(t, syscall.SIGSTOP)
		awaitHas(t, second.host, "10.77.0.99", true)
		first.signal(t, syscall.SIGCONT)
		awaitHas(t, second.host, "10.77.0.99", false)
		awaitHas(t, first.host, "10.77.0.99", true)
	})
}

// TestMixedPairThatReloads: a reload on either side, with a broken file and with one more address, moves nothing.
func TestMixedPairThatReloads(t *testing.T) {
	t.Parallel()
	conf := func(first bool, more ...string) string {
		return block(first, "VI_1", 51, addresses(append([]string{"10.77.0.99/24"}, more...)...))
	}
	mixedPairs(t, func(first bool) string { return conf(first) }, func(t *testing.T, _ *lab.Lab, first, second *daemon) {
		first.begin(t)
		first.becomes(t, "VI_1", "active")
		second.begin(t)
		second.becomes(t, "VI_1", "backup")
		// keepalived drops packets whose number of addresses is another than its own, so the one that waits learns of it first.
		changes, _ := start(t, first.host, "ip", "-o", "monitor", "address")
		write(t, second.host, "/k.conf", conf(false, "10.77.0.98/24"))
		write(t, first.host, "/k.conf", conf(true, "10.77.0.98/24"))
		second.signal(t, syscall.SIGHUP)
		first.signal(t, syscall.SIGHUP)
		awaitHas(t, first.host, "10.77.0.98", true)
		second.signal(t, syscall.SIGTERM)
		changes.mu.Lock()
		defer changes.mu.Unlock()
		if text := changes.text.String(); first.name == "holdfast" && strings.Contains(text, "Deleted") {
			t.Errorf("the active host lost an address:\n%s", text)
		}
	})
}

// TestMixedPairThatIsParted: where advertisements are lost two hosts are active; when they are heard again, one is, and Holdfast tells of it.
func TestMixedPairThatIsParted(t *testing.T) {
	t.Parallel()
	mixedPairs(t, func(first bool) string { return block(first, "VI_1", 51, addresses("10.77.0.99/24")) }, func(t *testing.T, _ *lab.Lab, first, second *daemon) {
		said(t, first.host, "nft", "add table ip parted; add chain ip parted in { type filter hook input priority 0; }; add rule ip parted in ip protocol 112 drop")
		said(t, second.host, "nft", "add table ip parted; add chain ip parted in { type filter hook input priority 0; }; add rule ip parted in ip protocol 112 drop")
		first.begin(t)
		second.begin(t)
		awaitHas(t, first.host, "10.77.0.99", true)
		awaitHas(t, second.host, "10.77.0.99", true)
		said(t, first.host, "nft", "delete", "table", "ip", "parted")
		if first.name == "holdfast" {
			first.journal.wait(t, 0, "two routers are active: 10.77.0.12 advertises with priority 100 too, this host's is 150")
		}
		said(t, second.host, "nft", "delete", "table", "ip", "parted")
		awaitHas(t, second.host, "10.77.0.99", false)
		if second.name == "holdfast" {
			second.journal.wait(t, 0, "10.77.0.11 is active with priority 150")
		}
	})
}
