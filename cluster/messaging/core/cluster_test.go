package core_test

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/messaging/store"
)

var errDiskFull = errors.New("no space left on device")

// register is a machine that keeps its entries in order.
type register struct {
	entries []string
	views   []core.View
	ignored bool // no-quorum-policy
}

func (r *register) Apply(index uint64, entry []byte) []byte {
	r.entries = append(r.entries, string(entry))
	return fmt.Appendf(nil, "%d:%s", len(r.entries), entry)
}
func (r *register) View(index uint64, v core.View) { r.views = append(r.views, v) }
func (r *register) QuorumIgnored() bool            { return r.ignored }
func (r *register) Snapshot() ([]byte, error)      { return []byte(strings.Join(r.entries, "\n")), nil }
func (r *register) Restore(b []byte, _ core.Origin) error {
	r.entries = nil
	if len(b) > 0 {
		r.entries = strings.Split(string(b), "\n")
	}
	return nil
}

// host is a core on a virtual network, clock and disk.
type host struct {
	id      core.HostID
	disk    *store.Memory
	machine *register
	core    *core.Core // nil: off
	frozen  bool
	slow    bool     // its heartbeats have to go on while its disk writes a snapshot
	held    []parcel // that came while it was frozen
	answers map[uint64]core.Answer
	changes []string
	seq     uint64
}

// parcel is a heartbeat or message on its way.
type parcel struct {
	at   time.Duration
	n    int
	to   core.HostID
	from core.HostID
	ev   core.Event
}

// parcels is a heap, the earliest first.
type parcels []parcel

func (p parcels) Len() int      { return len(p) }
func (p parcels) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p parcels) Less(i, j int) bool {
	return p[i].at < p[j].at || p[i].at == p[j].at && p[i].n < p[j].n
}
func (p *parcels) Push(x any) { *p = append(*p, x.(parcel)) }
func (p *parcels) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// cluster runs hosts on one virtual clock.
type cluster struct {
	t       *testing.T
	now     time.Duration
	hosts   []*host
	options quorum.Options
	links   int
	rand    *rand.Rand
	loss    float64
	cuts    map[[2]core.HostID]bool // from, to
	downs   map[int]bool            // links
	flying  parcels
	n       int
	boots   uint64
	compact int
	ignore  bool
	trace   func(id core.HostID, text string)
}

func newCluster(t *testing.T, n int, options quorum.Options) *cluster {
	c := &cluster{t: t, options: options, links: 2, rand: rand.New(rand.NewPCG(1, 2)), cuts: map[[2]core.HostID]bool{}, downs: map[int]bool{}}
	for i := range n {
		id := core.HostID(i + 1)
		c.options.Hosts = append(c.options.Hosts, id)
		c.hosts = append(c.hosts, &host{id: id, disk: &store.Memory{}})
	}
	return c
}

func (c *cluster) host(id core.HostID) *host { return c.hosts[id-1] }

func (c *cluster) start(ids ...core.HostID) {
	for _, id := range ids {
		h := c.host(id)
		saved, err := h.disk.Load()
		if err != nil {
			c.t.Fatal(err)
		}
		c.boots++
		h.machine, h.answers, h.frozen = &register{ignored: c.ignore}, map[uint64]core.Answer{}, false
		h.core, err = core.New(core.Config{ID: id, Boot: c.boots, Links: c.links, Quorum: c.options,
			Machine: h.machine, Saved: saved, CompactEvery: c.compact}, c.now)
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *cluster) kill(ids ...core.HostID) {
	for _, id := range ids {
		c.host(id).core, c.host(id).held = nil, nil
		c.host(id).disk.Crash()
	}
}

// cut stops everything between two groups, both ways.
func (c *cluster) cut(a, b []core.HostID) {
	for _, x := range a {
		for _, y := range b {
			c.cuts[[2]core.HostID{x, y}], c.cuts[[2]core.HostID{y, x}] = true, true
		}
	}
}

func (c *cluster) heal() { c.cuts = map[[2]core.HostID]bool{} }

// pump carries batches out until there is nothing to do.
func (c *cluster) pump(h *host) {
	for h.core != nil && h.core.HasBatch() {
		b := h.core.Batch()
		for _, p := range b.Heartbeats {
			if !c.downs[p.Link] && c.rand.Float64() >= c.loss {
				bytes := p.Heartbeat.Marshal()
				hb, err := core.UnmarshalHeartbeat(bytes)
				if err != nil {
					c.t.Fatal(err)
				}
				c.fly(h.id, p.To, core.Heard{Link: p.Link, Heartbeat: &hb})
			}
		}
		c.sendAll(h, b.Early)
		if b.Save != nil {
			if h.slow && b.Save.Snapshot != nil {
				h.core.Pulse(c.now + core.NewTiming(0).Heartbeat)
			}
			if err := h.disk.Save(b.Save); err != nil {
				h.core.Halt(err)
				continue
			}
		}
		c.sendAll(h, b.Messages)
		for _, ch := range b.Changes {
			h.changes = append(h.changes, ch.Text)
			if c.trace != nil {
				c.trace(h.id, ch.Text)
			}
		}
		for _, a := range b.Answers {
			h.answers[a.Seq] = a
		}
		h.core.Done()
	}
}

func (c *cluster) sendAll(h *host, list []core.Message) {
	for _, m := range list {
		b, err := m.Marshal()
		if err != nil {
			c.t.Fatal(err)
		}
		got, err := core.UnmarshalMessage(b)
		if err != nil {
			c.t.Fatal(err)
		}
		c.fly(h.id, m.To, core.Received{Message: got})
	}
}

func (c *cluster) fly(from, to core.HostID, ev core.Event) {
	c.n++
	delay := time.Duration(100+c.rand.IntN(200)) * time.Microsecond
	if _, ok := ev.(core.Received); ok {
		delay = 200 * time.Microsecond // streams keep their order
	}
	heap.Push(&c.flying, parcel{c.now + delay, c.n, to, from, ev})
}

// run lets virtual time pass.
func (c *cluster) run(d time.Duration) { c.until(d, func() bool { return false }) }

// until runs until a condition holds, and tells whether it did within d.
func (c *cluster) until(d time.Duration, ok func() bool) bool {
	end := c.now + d
	for _, h := range c.hosts {
		c.pump(h)
	}
	for !ok() {
		next, who := end, -1
		for i, h := range c.hosts {
			if h.core != nil && !h.frozen && h.core.Next() < next {
				next, who = h.core.Next(), i
			}
		}
		switch {
		case len(c.flying) > 0 && c.flying[0].at <= next:
			p := heap.Pop(&c.flying).(parcel)
			c.now = max(c.now, p.at)
			c.arrive(p)
		case who >= 0:
			h := c.hosts[who]
			c.now = max(c.now, next)
			if h.core.Next() > c.now {
				continue
			}
			h.core.Tick(c.now)
			if h.core.Next() <= c.now && !h.core.HasBatch() {
				c.t.Fatalf("host %d wants to be ticked again at once at %s", h.id, c.now)
			}
			c.pump(h)
		default:
			c.now = end
			return ok()
		}
	}
	return true
}

// arrive hands a parcel over, unless its way is cut.
func (c *cluster) arrive(p parcel) {
	h := c.host(p.to)
	switch {
	case h.core == nil || c.cuts[[2]core.HostID{p.from, p.to}]:
	case h.frozen:
		h.held = append(h.held, p)
	default:
		h.core.Step(c.now, p.ev)
		c.pump(h)
	}
}

// thaw lets a frozen host run on, with what came meanwhile.
func (c *cluster) thaw(id core.HostID) {
	h := c.host(id)
	h.frozen = false
	for _, p := range h.held {
		p.at = c.now
		heap.Push(&c.flying, p)
	}
	h.held = nil
}

func (c *cluster) propose(id core.HostID, text string) uint64 {
	h := c.host(id)
	h.seq++
	h.core.Step(c.now, core.Propose{Seq: h.seq, Data: []byte(text)})
	c.pump(h)
	return h.seq
}

// must proposes and waits for the answer.
func (c *cluster) must(id core.HostID, text string) core.Answer {
	c.t.Helper()
	h := c.host(id)
	seq := c.propose(id, text)
	if !c.until(5*time.Second, func() bool { _, ok := h.answers[seq]; return ok }) {
		c.t.Fatalf("%q by host %d was not answered: %+v", text, id, h.core.Status())
	}
	return h.answers[seq]
}

// await runs until the given hosts have a common view of exactly themselves.
func (c *cluster) await(d time.Duration, ids ...core.HostID) time.Duration {
	c.t.Helper()
	begin := c.now
	if !c.until(d, func() bool { return c.together(ids) }) {
		for _, id := range ids {
			if h := c.host(id); h.core != nil {
				c.t.Logf("host %d: %+v", id, h.core.Status())
			}
		}
		c.t.Fatalf("hosts %v did not agree within %s", ids, d)
	}
	return c.now - begin
}

func (c *cluster) together(ids []core.HostID) bool {
	for _, id := range ids {
		h := c.host(id)
		if h.core == nil {
			return false
		}
		st := h.core.Status()
		if !slices.Equal(st.View.Members, ids) || st.Leader == 0 || st.View.Leader != st.Leader || st.View.Ballot != st.Ballot {
			return false
		}
		for i, m := range ids {
			if c.host(m).core.Status().View.Number != st.View.Number || st.View.Boots[i] == 0 {
				return false
			}
		}
	}
	return true
}

var threeHosts quorum.Options
