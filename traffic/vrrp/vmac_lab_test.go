package vrrp

import (
	"strings"
	"syscall"
	"testing"
)

// TestVirtualMACMovesWithTheAddress: neighbours keep their entry, whoever is active.
func TestVirtualMACMovesWithTheAddress(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one", "two")
	one, two, client := l.Host("one"), l.Host("two"), l.Client()
	withMAC := func(priority string) string {
		return strings.Replace(configured(priority), "  advert_int", "  use_vmac vrrp51\n  advert_int", 1)
	}
	prepare(t, one, withMAC("200"))
	prepare(t, two, withMAC("100"))
	first, running := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	first.wait(t, 0, nowActive)
	second, _ := start(t, two, "holdfast", "vrrp", "-f", "/k.conf")
	second.wait(t, 0, nowBackup)
	answers := func() {
		t.Helper()
		said(t, client, "busybox", "ping", "-c", "1", "-W", "2", "10.77.0.99")
		if got := said(t, client, "ip", "neigh", "show", "10.77.0.99"); !strings.Contains(got, "00:00:5e:00:01:33") {
			t.Errorf("the client's neighbour is %q, want the virtual router's own address", got)
		}
	}
	answers()
	if got := said(t, one, "ip", "addr", "show", "dev", "vrrp51"); !strings.Contains(got, "10.77.0.99/24") {
		t.Errorf("the address is not on the interface with the virtual MAC:\n%s", got)
	}
	if err := running.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	second.wait(t, 0, nowActive)
	answers()
	<-first.ended
	if got := said(t, one, "ip", "link"); strings.Contains(got, "vrrp51") {
		t.Errorf("the interface is left behind:\n%s", got)
	}
}

// TestNoAcceptRefusesPacketsToTheAddress: the router is active, but only its owner would answer.
func TestNoAcceptRefusesPacketsToTheAddress(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one")
	one, client := l.Host("one"), l.Client()
	prepare(t, one, strings.Replace(configured("200"), "  advert_int", "  no_accept\n  advert_int", 1))
	j, running := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	j.wait(t, 0, nowActive)
	if _, err := client.Exec(t.Context(), "busybox", "ping", "-c", "1", "-W", "1", "10.77.0.99"); err == nil {
		t.Error("the address answers")
	}
	said(t, client, "busybox", "ping", "-c", "1", "-W", "2", "10.77.0.11")
	write(t, one, "/k.conf", configured("200"))
	if err := running.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	j.wait(t, 0, "was read again")
	said(t, client, "busybox", "ping", "-c", "1", "-W", "2", "10.77.0.99")
}
