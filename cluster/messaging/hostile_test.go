package messaging_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
)

// proposeMany makes so many changes, from all hosts that run in turn, and returns them.
func (f *fleet) proposeMany(what string, n int) []string {
	f.t.Helper()
	var all []string
	for i := range n {
		text := fmt.Sprintf("%s %d", what, i)
		for at := i; ; at++ {
			if m := f.running[at%len(f.running)]; m != nil {
				if _, err := m.Propose(f.t.Context(), []byte(text)); err != nil {
					f.t.Fatalf("%s: %v", text, err)
				}
				break
			}
		}
		all = append(all, text)
	}
	return all
}

// TestOldDiskIsBroughtUpToDate: a host comes back with its disk as a backup had it. It forgets nothing
// that the others have confirmed, and counts in no vote before it has it again.
func TestOldDiskIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.form(3)
	want := f.proposeMany("before the backup", 10)
	halt := func() {
		t.Helper()
		if err := f.running[2].Close(); err != nil {
			t.Fatal(err)
		}
		f.running[2] = nil
	}
	path := filepath.Join(f.configs[2].Dir, "log.db")
	halt()
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.open(2)
	await(t, f.running[2], viewOf(1, 2, 3))
	want = append(want, f.proposeMany("after it", 10)...)
	halt()
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	f.open(2)
	await(t, f.running[2], viewOf(1, 2, 3))
	want = append(want, f.proposeMany("with the old disk", 6)...)
	for i, m := range f.machines {
		if _, err := f.running[i].Propose(t.Context(), []byte("last")); err != nil { // now all of it is applied here
			t.Fatal(err)
		}
		if got := m.all(); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("host %d has %q, want %q", i+1, got, want)
		}
	}
}

// TestReadOnlyStateDirectory: the daemon says what it cannot do, and the others go on.
func TestReadOnlyStateDirectory(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		// Root writes where it may not; a file in the directory's place is in its way as well.
		f := newFleet(t, 1)
		f.configs[0].Dir = filepath.Join(f.configs[0].Dir, "state")
		if err := os.WriteFile(f.configs[0].Dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := messaging.Open(f.configs[0], &register{}); err == nil || !strings.Contains(err.Error(), "state directory") || !strings.Contains(err.Error(), f.configs[0].Dir) {
			t.Errorf("%v", err)
		}
		return
	}
	f := newFleet(t, 1)
	if err := os.Chmod(f.configs[0].Dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := messaging.Open(f.configs[0], &register{}); err == nil || !strings.Contains(err.Error(), f.configs[0].Dir) {
		t.Errorf("%v", err)
	}
}

// TestNoiseOnThePorts: strangers send random bytes, beginnings of real packets and half of a
// handshake to every port. Nothing confirmed is lost, and nobody is declared dead.
func TestNoiseOnThePorts(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.form(3)
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		chance := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, h := range f.configs[0].Hosts {
				for _, addr := range h.Addrs {
					noise := make([]byte, 1+chance.IntN(1400))
					for i := range noise {
						noise[i] = byte(chance.Uint32())
					}
					if chance.IntN(2) == 0 {
						copy(noise, (&core.Heartbeat{From: 1, Boot: 1, Seq: 1}).Marshal())
					}
					shout("udp", addr.String(), noise)
					shout("tcp", addr.String(), append([]byte{0x16, 3, 1, 0, byte(chance.Uint32())}, noise...))
				}
			}
		}
	}()
	want := f.proposeMany("in the noise", 60)
	close(stop)
	<-ended
	for i, m := range f.machines {
		if _, err := f.running[i].Propose(t.Context(), []byte("quiet")); err != nil {
			t.Fatal(err)
		}
		if got := m.all(); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("host %d has %q", i+1, got)
		}
	}
}

// shout sends something and hangs up. That nobody may want to hear it is the point.
func shout(network, addr string, what []byte) {
	conn, err := net.DialTimeout(network, addr, time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write(what)
}
