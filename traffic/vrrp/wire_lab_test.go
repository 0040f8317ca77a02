package vrrp

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// instance is a block of keepalived.conf.
func instance(name string, lines ...string) string {
	return "vrrp_instance " + name + " {\n  interface eth0\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

// TestSnifferFindsNothingMalformed: tshark reads what is sent, in every version and family, and complains of nothing.
func TestSnifferFindsNothingMalformed(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	l := startLab(t, "one")
	one := l.Host("one")
	const three = "version 3\n  advert_int 0.1\n  priority 200"
	write(t, one, "/k.conf", instance("two", "version 2", "virtual_router_id 2", "advert_int 1", "priority 200", "authentication {\n auth_type PASS\n auth_pass secret\n }", "virtual_ipaddress {\n 10.77.0.92/24\n }")+
		instance("three", three, "virtual_router_id 3", "virtual_ipaddress {\n 10.77.0.93/24\n 10.77.0.94/24\n }")+
		instance("header", "version 2", "virtual_router_id 7", "advert_int 1", "priority 200", "authentication {\n auth_type AH\n auth_pass secret\n }", "virtual_ipaddress {\n 10.77.0.97/24\n }")+
		instance("six", three, "virtual_router_id 6", "virtual_ipaddress {\n fe80::96\n 2001:db8::96/64\n }"))
	j, _ := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	for _, name := range []string{"six", "three", "two", "header"} {
		j.wait(t, 0, nowActive+" instance="+name)
	}
	out := said(t, l.Client(), "tshark", "-q", "-i", "eth0", "-f", "proto 112 or ip6 proto 112 or proto 51", "-a", "packets:80", "-a", "duration:60", "-w", "/tmp/seen")
	out += said(t, l.Client(), "tshark", "-r", "/tmp/seen", "-o", "vrrp.v3_checksum_as_in_v2:false", "-T", "fields", "-E", "separator=;",
		"-e", "vrrp.version", "-e", "vrrp.virt_rtr_id", "-e", "_ws.malformed", "-e", "_ws.expert.message", "-e", "_ws.expert.severity")
	seen := map[string]int{}
	for line := range strings.Lines(out) {
		if fields := strings.Split(strings.TrimSpace(line), ";"); len(fields) == 5 {
			seen[fields[0]+" "+fields[1]]++
			if strings.Join(fields[2:], "") != "" {
				t.Errorf("tshark says of a packet: %q", line)
			}
		}
	}
	for _, want := range []string{"2 2", "2 7", "3 3", "3 6"} {
		if seen[want] == 0 {
			t.Errorf("no advertisement of version and router %s among %v\n%s", want, seen, out)
		}
	}
}

// TestPausedHostSendsNothing: a host whose daemon stood still while another took over takes its address off and says nothing.
func TestPausedHostSendsNothing(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one", "two")
	one, two := l.Host("one"), l.Host("two")
	slow := strings.NewReplacer("version 3", "version 3\n  nopreempt")
	prepare(t, one, slow.Replace(configured("200")))
	prepare(t, two, slow.Replace(configured("100")))
	first, daemon := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	first.wait(t, 0, nowActive)
	second, _ := start(t, two, "holdfast", "vrrp", "-f", "/k.conf")
	at := second.wait(t, 0, nowBackup)
	if err := daemon.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	second.wait(t, at, nowActive)
	said(t, two, "nft", "add table ip seen; add chain ip seen in { type filter hook input priority 0; }; add rule ip seen in ip protocol 112 counter")
	if err := daemon.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	first.wait(t, 0, "this host was paused")
	first.wait(t, 0, nowBackup)
	if has(t, one, "10.77.0.99") {
		t.Error("the host that was paused has the address still")
	}
	if got := said(t, two, "nft", "list", "chain", "ip", "seen", "in"); !strings.Contains(got, "packets 0 ") {
		t.Errorf("the host that was paused has spoken:\n%s", got)
	}
	if !has(t, two, "10.77.0.99") {
		t.Error("the host that took over has lost the address")
	}
}

// TestForgersAreNotHeard: hosts with a secret agree; one without it, of higher priority, is reported and changes nothing.
func TestForgersAreNotHeard(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one", "two", "forger")
	sealed := func(priority int, auth string) string {
		return instance("VI_1", "version 3", "virtual_router_id 51", "advert_int 1", fmt.Sprint("priority ", priority), auth, "virtual_ipaddress {\n 10.77.0.99/24\n }")
	}
	const secret = "authentication {\n auth_type HMAC\n auth_pass correct-horse-battery\n }"
	journals := map[string]*journal{}
	for host, conf := range map[string]string{"one": sealed(200, secret), "two": sealed(100, secret), "forger": sealed(250, "")} {
		write(t, l.Host(host), "/k.conf", conf)
	}
	begin := func(host string) {
		journals[host], _ = start(t, l.Host(host), "holdfast", "vrrp", "-f", "/k.conf")
	}
	begin("one")
	journals["one"].wait(t, 0, nowActive)
	begin("two")
	at := journals["two"].wait(t, 0, nowBackup)
	begin("forger")
	journals["forger"].wait(t, 0, nowActive)
	for _, host := range []string{"one", "two"} {
		journals[host].wait(t, 0, "wrong seal of a VRRP packet: it has none")
	}
	if !has(t, l.Host("one"), "10.77.0.99") {
		t.Error("a forger took the address from the host that has it")
	}
	if _, err := l.Host("one").Kill(); err != nil {
		t.Fatal(err)
	}
	journals["two"].wait(t, at, nowActive)
}
