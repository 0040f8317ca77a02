package device_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/witness/serve"
)

// patience is how long a test waits for what should happen at once.
const patience = time.Minute

// running starts a witness with keys of its own.
func running(t *testing.T) (*serve.Server, serve.Keys, uint16) {
	t.Helper()
	keys := serve.Keys{Dir: t.TempDir()}
	if err := keys.Setup(); err != nil {
		t.Fatal(err)
	}
	s, err := serve.Start(serve.Options{Listen: "127.0.0.1:0", Dir: keys.Dir, TLS: 2, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, keys, uint16(s.Addr().(*net.TCPAddr).Port)
}

// files writes a certificate where a Device looks for it.
func files(t *testing.T, c serve.Certificate) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "qdevice")
	if err := device.WriteFiles(dir, map[string][]byte{device.AuthorityFile: c.Authority, device.CertificateFile: c.Certificate, device.KeyFile: c.Key}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// client is a host that asks.
type client struct {
	*device.Device
	said chan qdevice.Standing
}

func ask(t *testing.T, port uint16, dir string, node uint32, cluster string, h device.Heuristics) *client {
	t.Helper()
	c := &client{said: make(chan qdevice.Standing, 1000)}
	began := time.Now()
	c.Device = device.Open(device.Config{Host: "127.0.0.1", Port: port, Dir: dir, Connect: time.Second, Sync: patience, Heuristics: h,
		Settings: qdevice.Settings{Cluster: cluster, Node: node, Algorithm: qdevice.FFSplit, Heartbeat: 2 * time.Second, Configured: []uint32{1, 2}, TLS: qdevice.TLSRequired}},
		device.Links{Say: func(st qdevice.Standing) { c.said <- st }, Now: func() time.Duration { return time.Since(began) }, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(c.Close)
	return c
}

func (c *client) report(seq uint64, members ...uint32) {
	c.Report(qdevice.Report{Ring: qdevice.Ring{Node: members[0], Seq: seq}, Members: members, States: []qdevice.Node{{ID: 1, State: qdevice.StateMember}, {ID: 2, State: qdevice.StateMember}}}, true)
}

// await waits for a vote for a ring.
func (c *client) await(t *testing.T, seq uint64, want qdevice.Vote) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case st := <-c.said:
			if st.Ring.Seq == seq && st.Vote == want {
				return
			}
		case <-deadline:
			t.Fatalf("no %s for ring %d: %+v", want, seq, c.Status())
		}
	}
}

// Two hosts over TLS: both have the vote together, one when they are apart, and none without the witness.
func TestVotesOfARunningWitness(t *testing.T) {
	t.Parallel()
	s, keys, port := running(t)
	invitation, err := keys.Invite("c", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own, err := serve.Enrol(t.Context(), "127.0.0.1", port, invitation, "c")
	if err != nil {
		t.Fatal(err)
	}
	dir := files(t, own)
	a, b := ask(t, port, dir, 1, "c", device.Heuristics{}), ask(t, port, dir, 2, "c", device.Heuristics{Mode: device.Sync, Sync: patience, Commands: []device.Command{{Name: "x", Args: []string{"/bin/true"}}}})
	a.report(10, 1, 2)
	b.report(10, 1, 2)
	a.await(t, 10, qdevice.Ack)
	b.await(t, 10, qdevice.Ack)
	a.report(11, 1)
	b.report(12, 2)
	b.await(t, 12, qdevice.Ack) // its command succeeded, the other has none: the higher score
	a.await(t, 11, qdevice.Nack)
	if list := s.Status("c"); len(list) != 1 || len(list[0].Clients) != 2 || !list[0].Clients[0].Certified {
		t.Errorf("%+v", list)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	b.await(t, 12, qdevice.NoVote)
	if st := b.Status(); st.State == qdevice.Connected || st.Failure == nil {
		t.Errorf("without a witness: %+v", st)
	}
}

func TestInvitationsAreGoodOnceAndForTheirCluster(t *testing.T) {
	t.Parallel()
	_, keys, port := running(t)
	other := serve.Keys{Dir: t.TempDir()}
	if err := other.Setup(); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	invite := func(k serve.Keys, cluster string, at time.Time) string {
		text, err := k.Invite(cluster, at)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	used := invite(keys, "c", now)
	for i, c := range []struct {
		invitation, cluster, want string
	}{
		{used, "c", ""},
		{used, "c", "used up"},
		{invite(keys, "c", now.Add(-2*time.Hour)), "c", "too old"},
		{invite(keys, "d", now), "c", `for cluster "d"`},
		{invite(other, "c", now), "c", "not the witness that made the invitation"},
		{"nonsense", "c", "copy the whole of it"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := serve.Enrol(ctx, "127.0.0.1", port, c.invitation, c.cluster)
		cancel()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d: %v, want %q", i, err, c.want)
		}
	}
}

// A cluster's certificate is no witness', and another cluster's does not let in.
func TestForeignCertificates(t *testing.T) {
	t.Parallel()
	_, keys, port := running(t)
	own, err := keys.Issue("c")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(own.Certificate)
	if c, err := x509.ParseCertificate(block.Bytes); err != nil || c.Subject.CommonName != "c" || c.IsCA {
		t.Errorf("the certificate is %+v, %v", c, err)
	}
	strange := serve.Keys{Dir: t.TempDir()}
	if err := strange.Setup(); err != nil {
		t.Fatal(err)
	}
	foreign, err := strange.Issue("c")
	if err != nil {
		t.Fatal(err)
	}
	mixed := foreign
	mixed.Authority = own.Authority
	for name, c := range map[string]struct {
		certificate serve.Certificate
		cluster     string
	}{"another cluster's": {own, "d"}, "another witness'": {mixed, "c"}, "a witness that is not ours": {foreign, "c"}} {
		k := ask(t, port, files(t, c.certificate), 1, c.cluster, device.Heuristics{})
		k.report(1, 1)
		deadline := time.Now().Add(patience)
		for k.Status().Failure == nil && time.Now().Before(deadline) {
			select {
			case <-k.said:
			case <-time.After(10 * time.Millisecond):
			}
		}
		if k.Status().Failure == nil {
			t.Errorf("%s: %+v", name, k.Status())
		}
	}
}

func TestParseCommand(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`/bin/ping -c 1 host`:               `["/bin/ping" "-c" "1" "host"]`,
		`/bin/ping -q "www.example.org" `:   `["/bin/ping" "-q" "www.example.org"]`,
		`/x "a b"c\ d "" \"`:                `["/x" "a bc d" "" "\""]`,
		`ping host`:                         "full path",
		`/x "open`:                          "ends within quotes",
		``:                                  "full path",
		"/bin/sh -c \"/bin/true && \\\"x\"": `["/bin/sh" "-c" "/bin/true && \"x"]`,
	} {
		args, err := device.ParseCommand(line)
		if got := fmt.Sprintf("%q", args); got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %s, %v; want %s", line, got, err, want)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add(`/bin/ping -q -c 1 "www.example.org"`)
	f.Fuzz(func(t *testing.T, line string) {
		args, err := device.ParseCommand(line)
		if err == nil && (len(args) == 0 || !strings.HasPrefix(args[0], "/")) {
			t.Errorf("%q became %q", line, args)
		}
	})
}

// Files are readable by their owner only.
func TestFilesAreSecret(t *testing.T) {
	t.Parallel()
	_, keys, _ := running(t)
	own, err := keys.Issue("c")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{files(t, own), keys.Dir} {
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		list = slices.DeleteFunc(list, os.DirEntry.IsDir)
		if len(list) == 0 {
			t.Errorf("%s is empty", dir)
		}
		for _, e := range list {
			if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", e.Name(), info, err)
			}
		}
	}
}
