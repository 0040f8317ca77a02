package vrrp

import (
	"strings"
	"syscall"
	"testing"
)

// TestShortBreaksOfALinkDoNotCount: a link that is down for less than its delay is no fault; one that stays down is.
func TestShortBreaksOfALinkDoNotCount(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one")
	one := l.Host("one")
	prepare(t, one, "interface_up_down_delays {\n eth0 0 120\n}\n"+configured("200"))
	j, _ := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	at := j.wait(t, 0, nowActive)
	if _, err := one.Cut(0); err != nil {
		t.Fatal(err)
	}
	at = j.wait(t, at, "eth0 is down")
	if err := one.Heal(0); err != nil {
		t.Fatal(err)
	}
	// It is up again, and counts as down for two minutes more.
	said(t, one, "timeout", "60", "dash", "-c", "until ip -o link show eth0 | grep -q 'state UP'; do busybox sleep 0.1; done; busybox sleep 1")
	j.mu.Lock()
	defer j.mu.Unlock()
	if strings.Contains(j.text.String()[at:], "virtual router is backup") {
		t.Errorf("the link counts before its time:\n%s", j.text.String()[at:])
	}
}

// TestStartAndEndScriptsRun: one before anything else, one behind all else; and a deleted instance is told as such.
func TestStartAndEndScriptsRun(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one")
	one := l.Host("one")
	begin := "global_defs {\n startup_script \"/script.sh begins\"\n shutdown_script \"/script.sh ends\"\n notify_fifo /states\n notify_fifo_script /reader.sh\n vrrp_garp_interval 0.01\n}\n"
	prepare(t, one, begin+strings.Replace(configured("200"), "  notify", "  notify_deleted\n  notify", 1))
	write(t, one, "/script.sh", "#!/bin/sh\necho $1 $(ip -o addr show | grep -c 10.77.0.99) >> /scripts\n")
	write(t, one, "/reader.sh", "#!/bin/sh\nwhile read line; do echo $line >> /told; done < $1\n")
	j, running := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	j.wait(t, 0, nowActive)
	write(t, one, "/k.conf", begin+strings.NewReplacer("VI_1", "VI_2", "router_id 51", "router_id 52").Replace(configured("200")))
	if err := running.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	j.wait(t, 0, nowActive+" instance=VI_2")
	told := said(t, one, "busybox", "timeout", "60", "sh", "-c", "until grep -q 'VI_2. MASTER' /told; do busybox sleep 0.1; done; cat /told")
	if !strings.Contains(told, `INSTANCE "VI_1" DELETED 200`) {
		t.Errorf("the pipe was told\n%s", told)
	}
	if err := running.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-j.ended
	if got := said(t, one, "cat", "/scripts"); got != "begins 0\nends 0\n" {
		t.Errorf("the scripts say\n%s", got)
	}
}
