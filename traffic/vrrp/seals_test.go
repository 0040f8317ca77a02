package vrrp

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/traffic/vrrp/config"
	"holdfast/traffic/vrrp/packet"
)

// TestNumbersOnlyGrow: over restarts, with a clock that went back, and with a disk that was lost.
func TestNumbersOnlyGrow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lib", "numbers")
	last := uint64(0)
	for _, begin := range []struct {
		when  string
		clock int64
		lost  bool
	}{{"the first run", 1000, false}, {"the same second", 1000, false}, {"the clock went back", 5, false}, {"the disk was lost", 2000, true}} {
		if begin.lost {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		n, err := openNumbers(path, time.Unix(begin.clock, 0))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			next := n.next()
			if next <= last {
				t.Errorf("%s: %d after %d", begin.when, next, last)
			}
			last = next
		}
	}
}

// TestOnlyTheSecretIsTrusted: neither what has no seal, another's, nor what was heard before.
func TestOnlyTheSecretIsTrusted(t *testing.T) {
	t.Parallel()
	path := packet.Path{Source: netip.MustParseAddr("192.0.2.1"), Destination: packet.GroupIPv4}
	plain, err := packet.Advertisement{Version: 3, Router: 1, Priority: 100, Interval: time.Second}.Marshal(path)
	if err != nil {
		t.Fatal(err)
	}
	arrives := func(number uint64, secret string) heard {
		h := heard{path: path, bytes: plain}
		if secret != "" {
			h.bytes, h.seal = packet.Split(packet.Sealed(plain, path, number, []byte(secret)))
		}
		return h
	}
	m := &member{Instance: &config.Instance{Secret: []byte("right")}}
	for _, c := range []struct {
		what string
		in   heard
		want bool
	}{
		{"the first", arrives(5, "right"), true}, {"the next", arrives(6, "right"), true}, {"the same again", arrives(6, "right"), false}, {"an old one", arrives(5, "right"), false},
		{"another secret", arrives(7, "wrong"), false}, {"no seal", arrives(0, ""), false}, {"one after those", arrives(7, "right"), true},
	} {
		if err := m.trusts(c.in); (err == nil) != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	open := &member{Instance: &config.Instance{}}
	if err := open.trusts(arrives(9, "right")); err == nil {
		t.Error("a router without a secret takes a sealed advertisement")
	}
	if err := open.trusts(arrives(0, "")); err != nil {
		t.Error(err)
	}
}
