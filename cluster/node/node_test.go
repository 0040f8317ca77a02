package node

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/fencing"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/node/client"
)

// fakeAgents are resource agents in memory: what runs where.
type fakeAgents struct {
	mu     sync.Mutex // guards active and starts
	active map[string]bool
	starts []string
	stops  chan struct{} // is received from before anything stops; nil: at once
}

func (f *fakeAgents) Run(_ context.Context, op executor.Operation) executor.Result {
	if op.Action == "stop" && f.stops != nil {
		<-f.stops
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	result := executor.Result{StartedAt: time.Now()}
	switch op.Action {
	case "start":
		f.active[op.Resource] = true
		f.starts = append(f.starts, op.Resource)
	case "stop":
		f.active[op.Resource] = false
	case "monitor":
		if !f.active[op.Resource] {
			result.Code = 7
		}
	}
	return result
}

func (f *fakeAgents) Schedule(op executor.Operation, report func(executor.Result)) {
	go report(f.Run(context.Background(), op))
}

func (f *fakeAgents) Cancel(string, string, time.Duration) bool { return true }

type fakeFencer struct{}

func (fakeFencer) Fence(context.Context, fencing.Order) (fencing.Fenced, error) {
	return fencing.Fenced{Device: "fake"}, nil
}

// testCluster is a cluster of nodes in this process, on loopback addresses.
type testCluster struct {
	t        testing.TB
	settings []Settings
	nodes    []*Node
	agents   []*fakeAgents
	served   []*api // of each node whose client was asked for
}

func freePort(t testing.TB, address string) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func newTestCluster(t testing.TB, n int) *testCluster {
	t.Helper()
	return newTestClusterWith(t, n, func(int, *Settings) {})
}

// newTestClusterWith lets each host's settings be changed before it starts.
func newTestClusterWith(t testing.TB, n int, change func(int, *Settings)) *testCluster {
	t.Helper()
	c := &testCluster{t: t, nodes: make([]*Node, n), served: make([]*api, n)}
	var hosts []messaging.Host
	var ids []core.HostID
	for i := range n {
		address := fmt.Sprintf("127.0.0.%d", i+1)
		hosts = append(hosts, messaging.Host{ID: core.HostID(i + 1), Name: fmt.Sprintf("web%d", i+1),
			Addrs: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(address), freePort(t, address))}})
		ids = append(ids, core.HostID(i+1))
	}
	for i := range n {
		root := t.TempDir()
		c.settings = append(c.settings, Settings{Root: root, Cluster: "test", Self: ids[i], Name: hosts[i].Name, Messaging: messaging.Config{
			Self: ids[i], Hosts: hosts, Key: make([]byte, 128), Quorum: quorum.Options{Hosts: ids}, Dir: filepath.Join(root, "var/lib/holdfast"),
		}})
		c.agents = append(c.agents, &fakeAgents{active: map[string]bool{}})
	}
	for i := range n {
		change(i, &c.settings[i])
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range n {
			c.kill(i)
		}
	})
	return c
}

func (c *testCluster) start(i int) {
	c.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("HOLDFAST_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("on", c.settings[i].Name)
	}
	n, err := Start(Parts{Settings: c.settings[i], Runner: c.agents[i], Log: log, Fencer: fakeFencer{}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.nodes[i] = n
}

func (c *testCluster) kill(i int) {
	if c.served[i] != nil {
		c.served[i].close()
		c.served[i] = nil
	}
	if c.nodes[i] != nil {
		c.nodes[i].Close()
		c.nodes[i] = nil
	}
}

// await reads the node's events until one fits.
func (c *testCluster) await(i int, fits func(client.Event) bool) client.Event {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var since uint64
	for {
		events, more := c.nodes[i].events.after(since)
		for _, e := range events {
			if since = e.Seq; fits(e) {
				return e
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			c.t.Fatalf("host %d: the event did not come", i+1)
		}
	}
}

func view(n int) func(client.Event) bool {
	return func(e client.Event) bool { return e.Kind == client.ViewAgreed && len(e.View.Members) == n }
}

func TestClusterFormsAndTakesChanges(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	for i := range 3 {
		c.await(i, view(3))
	}
	ctx := context.Background()
	api := c.client(1)
	answer, err := api.Change(ctx, client.Change{Op: client.Replace, Section: "resources", Cause: "test", XML: dummy})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := api.Document(ctx)
	if err != nil {
		t.Fatal(err)
	}
	version, err := cib.ParseVersion(answer.Version)
	if err != nil || doc.ByID("ip") == nil || doc.Version().Compare(version) < 0 {
		t.Errorf("version %s, answered %s (%v):\n%s", doc.Version(), answer.Version, err, doc.Bytes())
	}
	if err := api.Wait(ctx, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if starts := c.starts("ip"); starts != 1 {
		t.Errorf("ip was started %d times, want once", starts)
	}
}

// starts counts how often a resource was started, on whichever host.
func (c *testCluster) starts(resource string) int {
	n := 0
	for _, a := range c.agents {
		a.mu.Lock()
		for _, s := range a.starts {
			if s == resource {
				n++
			}
		}
		a.mu.Unlock()
	}
	return n
}

// where returns the hosts on which a resource is active.
func (c *testCluster) where(resource string) []int {
	var hosts []int
	for i, a := range c.agents {
		a.mu.Lock()
		if a.active[resource] {
			hosts = append(hosts, i)
		}
		a.mu.Unlock()
	}
	return hosts
}

const dummy = `<resources><primitive id="power" class="stonith" type="fence_test"/><primitive id="ip" class="ocf" provider="heartbeat" type="Dummy">
<operations><op id="ip-m" name="monitor" interval="10s"/></operations></primitive></resources>`

// loaded is a cluster of three hosts that runs the resource ip on the host returned, and a
// client of another host.
func loaded(t testing.TB) (*testCluster, int, *client.Client) {
	t.Helper()
	c := newTestCluster(t, 3)
	active, api := load(c)
	return c, active, api
}

// load has the cluster run ip, and returns where it is, and a client of another host.
func load(c *testCluster) (int, *client.Client) {
	c.t.Helper()
	apis := make([]*client.Client, 3)
	for i := range 3 {
		c.await(i, view(3))
		apis[i] = c.client(i)
	}
	ctx := context.Background()
	if _, err := apis[0].Change(ctx, client.Change{Op: client.Replace, Section: "resources", XML: dummy}); err != nil {
		c.t.Fatal(err)
	}
	if err := apis[0].Wait(ctx, 20*time.Second); err != nil {
		c.t.Fatal(err)
	}
	at := c.where("ip")
	if len(at) != 1 {
		c.t.Fatalf("ip is active on %v, want one host", at)
	}
	return at[0], apis[(at[0]+1)%3]
}

// off is what a fence device does to what runs on a host.
func (c *testCluster) off(i int) {
	c.kill(i)
	c.agents[i].mu.Lock()
	defer c.agents[i].mu.Unlock()
	clear(c.agents[i].active)
}

// settled waits until nothing is left to do, and returns where ip is then.
func (c *testCluster) settled(api *client.Client) []int {
	c.t.Helper()
	if err := api.Wait(context.Background(), 20*time.Second); err != nil {
		c.t.Fatal(err)
	}
	return c.where("ip")
}

// unfenced checks that no host fenced another.
func (c *testCluster) unfenced() {
	c.t.Helper()
	for _, n := range c.nodes {
		if n == nil {
			continue
		}
		events, _ := n.events.after(0)
		for _, e := range events {
			if e.Kind == client.FenceStarted || e.Kind == client.Fenced {
				c.t.Errorf("%s: host %s was fenced: %+v", n.settings.Name, e.Subject, e)
			}
		}
	}
}

func TestHostThatDiesIsFencedAndItsResourceRecovered(t *testing.T) {
	t.Parallel()
	c, active, api := loaded(t)
	c.off(active)
	c.await((active+1)%3, func(e client.Event) bool {
		return e.Kind == client.Fenced && e.Subject == c.settings[active].Name
	})
	if at := c.settled(api); len(at) != 1 || at[0] == active {
		t.Errorf("ip is active on %v, want one of the others than %d", at, active)
	}
}

func TestRestartedDaemonFindsItsResourceRunning(t *testing.T) {
	t.Parallel()
	c, active, api := loaded(t)
	c.kill(active)
	c.start(active)
	c.await(active, view(3))
	if at := c.settled(api); len(at) != 1 || c.starts("ip") != 1 {
		t.Errorf("ip was started %d times and is active on %v; want it left alone", c.starts("ip"), at)
	}
	c.unfenced()
}

func TestHostThatLeavesHandsItsResourceOver(t *testing.T) {
	t.Parallel()
	c, active, api := loaded(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.nodes[active].Leave(ctx); err != nil {
		t.Fatal(err)
	}
	c.kill(active)
	c.await((active+1)%3, view(2))
	if at := c.settled(api); len(at) != 1 || at[0] == active {
		t.Errorf("ip is active on %v, want one of the others than %d", at, active)
	}
	c.unfenced()
}

func TestHostWithoutQuorumStopsItsResources(t *testing.T) {
	t.Parallel()
	c, active, _ := loaded(t)
	others := []int{(active + 1) % 3, (active + 2) % 3}
	before := c.nodes[active].replica.LastView().Number
	c.kill(others[0])
	c.kill(others[1])
	c.await(active, func(e client.Event) bool { return e.Kind == client.ActionFinished && e.Action == "stop" })
	if at := c.where("ip"); len(at) != 0 {
		t.Errorf("ip is active on %v without quorum", at)
	}
	c.start(others[0])
	c.start(others[1])
	c.await(others[0], func(e client.Event) bool { return view(3)(e) && e.View.Number > before })
	if at := c.settled(c.client(others[0])); len(at) != 1 {
		t.Errorf("ip is active on %v after quorum was regained, want one host", at)
	}
}
