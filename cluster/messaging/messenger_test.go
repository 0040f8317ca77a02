package messaging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

// register keeps what was applied; the loop writes and the test reads.
type register struct {
	mu      sync.Mutex // guards entries
	entries []string
}

func (r *register) Apply(_ uint64, entry []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, string(entry))
	return entry
}
func (r *register) View(uint64, messaging.View) {}
func (r *register) QuorumIgnored() bool         { return false }
func (r *register) Snapshot() ([]byte, error) {
	return []byte(strings.Join(r.all(), "\n")), nil
}
func (r *register) Restore(b []byte, _ core.Origin) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = nil
	if len(b) > 0 {
		r.entries = strings.Split(string(b), "\n")
	}
	return nil
}
func (r *register) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.entries)
}

// fleet is a cluster of messengers on loopback addresses.
type fleet struct {
	t        testing.TB
	configs  []messaging.Config
	running  []*messaging.Messenger
	machines []*register
	logs     []*logBuffer
}

// logBuffer collects one host's log.
type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var subnets struct {
	sync.Mutex
	next int
}

// newFleet configures hosts with two links each on a part of 127.0.0.0/8 of their own.
func newFleet(t testing.TB, n int) *fleet {
	subnets.Lock()
	subnets.next++
	net := byte(subnets.next)
	subnets.Unlock()
	port := freePort(t, netip.AddrFrom4([4]byte{127, 77, net, 1}))
	f := &fleet{t: t, running: make([]*messaging.Messenger, n), machines: make([]*register, n)}
	var hosts []messaging.Host
	options := quorum.Options{}
	for i := range n {
		h := messaging.Host{ID: core.HostID(i + 1), Name: fmt.Sprintf("host%d", i+1)}
		for link := range 2 {
			h.Addrs = append(h.Addrs, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(77 + link), net, byte(i + 1)}), port))
		}
		hosts = append(hosts, h)
		options.Hosts = append(options.Hosts, h.ID)
	}
	for i := range n {
		log := &logBuffer{}
		f.logs = append(f.logs, log)
		f.configs = append(f.configs, messaging.Config{Self: core.HostID(i + 1), Hosts: hosts, Quorum: options,
			Key: bytes.Repeat([]byte{7}, 128), Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(log, nil)),
			Serve: func(_ context.Context, from messaging.HostID, service string, payload []byte) ([]byte, error) {
				if service == "fail" {
					return nil, errors.New("no such thing")
				}
				return fmt.Appendf(nil, "%s from %d: %s", service, from, payload), nil
			}})
	}
	t.Cleanup(func() { f.close() })
	return f
}

func freePort(t testing.TB, addr netip.Addr) uint16 {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func (f *fleet) open(i int) *messaging.Messenger {
	f.t.Helper()
	f.machines[i] = &register{}
	m, err := messaging.Open(f.configs[i], f.machines[i])
	if err != nil {
		f.t.Fatal(err)
	}
	f.running[i] = m
	return m
}

func (f *fleet) close() {
	for i, m := range f.running {
		if m != nil {
			if err := m.Close(); err != nil {
				f.t.Error(err)
			}
		}
		if f.t.Failed() {
			f.t.Logf("log of host %d:\n%s", i+1, f.logs[i])
		}
	}
}

// TestProposalsAtOnce: whoever proposes at the same time as others gets the answer to what it proposed.
func TestProposalsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	m := f.open(0)
	await(t, m, viewOf(1))
	const clients, each = 200, 10
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			for n := range each {
				want := fmt.Sprintf("client %d, change %d", i, n)
				if a, err := m.Propose(t.Context(), []byte(want)); err != nil || string(a.Data) != want {
					t.Errorf("%s: answer %q, %v", want, a.Data, err)
				}
			}
		})
	}
	group.Wait()
	if got := len(f.machines[0].all()); got != clients*each {
		t.Errorf("%d changes were made, of %d", got, clients*each)
	}
}

// await reads a messenger's changes until one fits.
func await(t testing.TB, m *messaging.Messenger, fits func(messaging.Change) bool) messaging.Change {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case ch, ok := <-m.Changes():
			if !ok {
				t.Fatal("closed")
			}
			if fits(ch) {
				return ch
			}
		case <-limit:
			t.Fatalf("not within a minute; status %+v", m.Status())
		}
	}
}

func viewOf(ids ...messaging.HostID) func(messaging.Change) bool {
	return func(ch messaging.Change) bool { return ch.Kind == core.Viewed && slices.Equal(ch.View.Members, ids) }
}

func TestThreeMessengers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	for i := range 3 {
		f.open(i)
	}
	for i := range 3 {
		await(t, f.running[i], viewOf(1, 2, 3))
	}
	for i, m := range f.running {
		want := fmt.Sprintf("change %d", i)
		a, err := m.Propose(t.Context(), []byte(want))
		if err != nil || a.Unconfirmed || string(a.Data) != want {
			t.Fatalf("%+v, %v", a, err)
		}
		reply, err := m.Call(t.Context(), messaging.HostID(i+1)%3+1, "echo", []byte("hello"))
		if want := fmt.Sprintf("echo from %d: hello", i+1); err != nil || string(reply) != want {
			t.Fatalf("reply %q, %v, want %q", reply, err, want)
		}
	}
	if _, err := f.running[0].Call(t.Context(), 2, "fail", nil); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Fatalf("error of the service: %v", err)
	}
	if err := f.running[0].Close(); err != nil {
		t.Fatal(err)
	}
	await(t, f.running[1], viewOf(2, 3))
	if _, err := f.running[1].Call(t.Context(), 1, "echo", nil); !errors.Is(err, messaging.ErrDead) {
		t.Fatalf("call of a dead host: %v", err)
	}
	if _, err := f.running[2].Propose(t.Context(), []byte("change 3")); err != nil {
		t.Fatal(err)
	}
	f.open(0)
	await(t, f.running[0], viewOf(1, 2, 3))
	if _, err := f.running[0].Propose(t.Context(), []byte("change 4")); err != nil {
		t.Fatal(err)
	}
	if got := f.machines[0].all(); len(got) != 5 || got[3] != "change 3" || got[4] != "change 4" {
		t.Fatalf("host 1 has %q after its restart", got)
	}
}

func BenchmarkPropose(b *testing.B) {
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			f := newFleet(b, 3)
			for i := range 3 {
				f.open(i)
			}
			for i := range 3 {
				await(b, f.running[i], viewOf(1, 2, 3))
			}
			data := bytes.Repeat([]byte("x"), 512)
			work := make(chan struct{})
			var group sync.WaitGroup
			for i := range clients {
				m := f.running[(i+1)%3]
				group.Go(func() {
					for range work {
						if _, err := m.Propose(context.Background(), data); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}
