package vrrp

import (
	"context"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/lab"
)

var (
	updateSame = flag.Bool("update-same", false, "rewrite testdata/same from what the installed keepalived does")
	allSame    = flag.Bool("all-same", false, "compare all of testdata/same")
)

// fewSame are compared when not all are: most of a run is waiting.
var fewSame = []string{"address-options", "ipv6", "routes", "rules", "vmac", "sync-group", "track-file"}

// state prints what a daemon has put on a host: addresses, its routes and rules, interfaces, and what it told its pipe.
const state = `{ ip -o addr | sed 's/ *valid_lft.*//; s/^[0-9]*: //; s/\\//; s/ noprefixroute//; s/ *$//' | grep -v '^lo \|^eth[01] .*fe80::[0-9a-f:]*ff:fe'
ip route show table all | grep 'proto keepalived'; ip -6 route show table all | grep 'proto keepalived'; ip rule | grep 'proto keepalived'
ip -o link show type macvlan | sed 's/^[0-9]*: //; s/@.*ether/ has/; s/ brd.*//'; grep -v FAULT /told 2>/dev/null | sort -u; } | sed 's/ *$//'`

// settles is how long a daemon may take to come to a state, on a busy machine.
const settles = 2 * time.Minute

// TestSameAsKeepalived runs each keepalived.conf of testdata/same with Holdfast and with the installed keepalived, one after the other on one host: either comes to
// the state that is noted behind the line of dashes, and leaves nothing when it ends.
func TestSameAsKeepalived(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/same/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			if !*allSame && !*updateSame && !slices.Contains(fewSame, strings.TrimSuffix(filepath.Base(file), ".txt")) {
				t.Skip("make vrrp-peer compares it")
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			conf, want, _ := strings.Cut(string(text), "----------\n")
			if _, err := os.Stat("/proc/net/if_inet6"); err != nil && strings.Contains(conf, "2001:db8") {
				t.Skip("the kernel has no IPv6")
			}
			h := sameHost(t, conf)
			for _, daemon := range []string{"keepalived", "holdfast"} {
				if _, err := exec.LookPath("keepalived"); err != nil && daemon == "keepalived" {
					continue
				}
				reached := comesTo(t, h, daemon, want)
				if *updateSame && daemon == "keepalived" {
					want = reached
					if err := os.WriteFile(file, []byte(conf+"----------\n"+want), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// sameHost is a host of two links with what the configurations name.
func sameHost(t *testing.T, conf string) *lab.Host {
	t.Helper()
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	l, err := lab.Start(t.Context(), lab.Config{Hosts: []string{"one"}, Links: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24"), netip.MustParsePrefix("10.78.0.0/24")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	h := l.Host("one")
	write(t, h, "/k.conf", conf)
	write(t, h, "/weight", "7\n")
	write(t, h, "/reader.sh", "#!/bin/sh\nwhile read line; do echo \"$line\" >> /told; done < $1\n")
	return h
}

// comesTo runs a daemon until the host is in a state, and to its end; it returns the state. With -update-same it is whatever there is a while after the daemon became active.
func comesTo(t *testing.T, h *lab.Host, daemon, want string) string {
	t.Helper()
	said(t, h, "rm", "-f", "/told")
	before := said(t, h, "sh", "-c", state)
	j, running := start(t, h, append([]string{"stdbuf", "-oL", "-eL"}, benchmarked[daemon]...)...)
	ctx, cancel := context.WithTimeout(t.Context(), settles)
	defer cancel()
	is := ""
	if *updateSame && daemon == "keepalived" {
		is = said(t, h, "sh", "-c", "busybox sleep 6; "+state)
		want = is
	}
	for is != want {
		if is = said(t, h, "sh", "-c", "busybox sleep 0.2; "+state); ctx.Err() != nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			t.Fatalf("%s does not come to\n%s\nbut to\n%s\nit says\n%s", daemon, want, is, j.text.String())
		}
	}
	if err := running.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-j.ended
	said(t, h, "rm", "-f", "/told")
	if left := said(t, h, "sh", "-c", state); left != before {
		t.Errorf("%s leaves\n%s\nwhere there was\n%s", daemon, left, before)
	}
	return is
}
