package messaging_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/quorum"
)

func TestHostIsAddedWhileMessengersRun(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	all := f.configs[2].Hosts
	two := quorum.Options{Hosts: []messaging.HostID{1, 2}}
	for i := range 2 {
		f.configs[i].Hosts, f.configs[i].Quorum = all[:2], two
		f.open(i)
	}
	for i := range 2 {
		await(t, f.running[i], viewOf(1, 2))
	}
	for i := range 2 {
		if err := f.running[i].Reconfigure(all, f.configs[2].Quorum, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.open(2)
	for i := range 3 {
		await(t, f.running[i], viewOf(1, 2, 3))
	}
	if _, err := f.running[2].Propose(t.Context(), []byte("from the new one")); err != nil {
		t.Fatal(err)
	}
	reply, err := f.running[0].Call(t.Context(), 3, "echo", []byte("hello"))
	if want := "echo from 1: hello"; err != nil || string(reply) != want {
		t.Errorf("reply %q, %v, want %q", reply, err, want)
	}
	if err := f.running[0].Reconfigure(all[:2], two, nil); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("a host that takes part was taken out: %v", err)
	}
	if _, err := f.running[2].Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		await(t, f.running[i], viewOf(1, 2))
		if err := f.running[i].Reconfigure(all[:2], two, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.running[0].Propose(t.Context(), []byte("without the third")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.running[0].Call(t.Context(), 3, "echo", []byte("hello")); !errors.Is(err, messaging.ErrDead) {
		t.Errorf("a call of the host that was taken out: %v", err)
	}
	if err := f.running[0].Reconfigure(all, f.configs[2].Quorum, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.running[0].Call(t.Context(), 3, "echo", []byte("hello")); !errors.Is(err, messaging.ErrDead) {
		t.Errorf("a call of the host that is to come again: %v", err)
	}
}
