package pool

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

type clock struct{ now time.Time }

func backendOf(algorithm string, at *clock, servers ...config.Server) *Backend {
	p := &config.Proxy{Name: "b", Back: true}
	p.Balance = config.Balance{Algorithm: algorithm, Draws: 2}
	for i := range servers {
		servers[i].Name = fmt.Sprintf("s%d", i)
		servers[i].Address = netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", i+1))
		p.Servers = append(p.Servers, &servers[i])
	}
	return New(p, 1, func() time.Time { return at.now })
}

func counts(b *Backend, n int, key func(i int) Key) string {
	got := make([]int, len(b.Servers()))
	for i := range n {
		if s := b.Pick(key(i)); s != nil {
			got[s.Index]++
			s.Counters.Set(0).Picked.Add(1)
		}
	}
	return fmt.Sprint(got)
}

func none(int) Key { return Key{} }

func TestRoundRobinKeepsWeights(t *testing.T) {
	t.Parallel()
	b := backendOf("roundrobin", &clock{time.Unix(1e9, 0)}, config.Server{Weight: 1}, config.Server{Weight: 3}, config.Server{Weight: 0}, config.Server{Weight: 1, Backup: true})
	if got := counts(b, 8, none); got != "[2 6 0 0]" {
		t.Errorf("got %s", got)
	}
	b.Servers()[1].SetAdmin(Maintenance, time.Unix(1e9, 0))
	if got := counts(b, 4, none); got != "[4 0 0 0]" {
		t.Errorf("with one in maintenance: %s", got)
	}
	b.Servers()[0].Checked(false, Result{Status: "L4CON"}, time.Unix(1e9, 0))
	if got := counts(b, 4, none); got != "[0 0 0 4]" {
		t.Errorf("with only the backup left: %s", got)
	}
}

func TestLeastConnAndFirst(t *testing.T) {
	t.Parallel()
	at := &clock{time.Unix(1e9, 0)}
	b := backendOf("leastconn", at, config.Server{Weight: 1}, config.Server{Weight: 2})
	b.Servers()[1].Sessions.Store(2)
	b.Servers()[0].Sessions.Store(1)
	if s := b.Pick(Key{}); s.Index != 1 {
		t.Errorf("leastconn took %s", s.Server.Name)
	}
	b = backendOf("first", at, config.Server{Weight: 1, MaxConn: 1}, config.Server{Weight: 1})
	if s := b.Pick(Key{}); s.Index != 0 || !s.TryAcquire() {
		t.Errorf("first took %s", s.Server.Name)
	}
	if s := b.Pick(Key{}); s.Index != 1 {
		t.Errorf("first took the full one")
	}
}

func TestConsistentHashingMovesFew(t *testing.T) {
	t.Parallel()
	at := &clock{time.Unix(1e9, 0)}
	b := backendOf("uri", at, config.Server{Weight: 1}, config.Server{Weight: 1}, config.Server{Weight: 1}, config.Server{Weight: 1})
	b.Balance.Consistent = true
	b.Refresh()
	const keys = 4000
	before := make([]int, keys)
	key := func(i int) Key { return Key{Hash: sample.Avalanche(uint32(i) * 2654435761), Hashed: true} }
	for i := range keys {
		before[i] = b.Pick(key(i)).Index
	}
	b.Servers()[2].SetAdmin(Drain, at.now)
	moved := 0
	for i := range keys {
		if now := b.Pick(key(i)).Index; now != before[i] {
			if moved++; before[i] != 2 {
				t.Fatalf("key %d moved from a server that stayed", i)
			}
		}
	}
	if moved == 0 || moved > keys/2 {
		t.Errorf("%d of %d keys moved", moved, keys)
	}
}

func TestSlowStartRampsUp(t *testing.T) {
	t.Parallel()
	at := &clock{time.Unix(1e9, 0)}
	b := backendOf("roundrobin", at, config.Server{Weight: 10}, config.Server{Weight: 10, SlowStart: 10 * time.Second})
	b.Servers()[1].Checked(false, Result{}, at.now)
	b.Servers()[1].Checked(true, Result{}, at.now)
	var share []int
	for range 3 {
		n := 0
		for range 1000 {
			n += b.Pick(Key{}).Index
		}
		share = append(share, n)
		at.now = at.now.Add(5 * time.Second)
	}
	if share[0] > 100 || share[1] < share[0]+100 || share[2] != 500 {
		t.Errorf("of 1000 each: %v", share)
	}
}

func TestQueueWakesInOrder(t *testing.T) {
	t.Parallel()
	b := backendOf("roundrobin", &clock{time.Unix(1e9, 0)}, config.Server{Weight: 1, MaxConn: 1})
	s := b.Servers()[0]
	if !s.TryAcquire() || s.TryAcquire() {
		t.Fatal("one place is not one place")
	}
	var woken []int
	for i := range 3 {
		b.Wait(&Waiter{Wake: func(*Server) { woken = append(woken, i) }})
	}
	left := &Waiter{Wake: func(*Server) { woken = append(woken, 9) }}
	b.Wait(left)
	if !b.Leave(left) || b.Leave(left) || b.Queued() != 3 {
		t.Error("leaving the queue does not work")
	}
	for range 3 {
		s.Release()
	}
	if fmt.Sprint(woken) != "[0 1 2]" || s.Sessions.Load() != 1 {
		t.Errorf("woken %v, %d sessions", woken, s.Sessions.Load())
	}
}

func TestDisabledServersAreOut(t *testing.T) {
	t.Parallel()
	b := backendOf("roundrobin", &clock{time.Unix(1e9, 0)}, config.Server{Weight: 1, Disabled: true})
	if s := b.Pick(Key{}); s != nil {
		t.Errorf("%s was chosen", s.Server.Name)
	}
}

// queued has so many wait, and returns who was woken, in turn.
func queued(b *Backend, n int, server *Server) *[]int {
	woken := &[]int{}
	for i := range n {
		b.Wait(&Waiter{Server: server, Wake: func(*Server) { *woken = append(*woken, i) }, Move: func() { *woken = append(*woken, -i) }})
	}
	return woken
}

// TestRoomThatComesAtOnceIsGivenAtOnce: a server that comes back, or whose limit is raised, takes as many of those who wait as fit.
func TestRoomThatComesAtOnceIsGivenAtOnce(t *testing.T) {
	t.Parallel()
	at := &clock{time.Unix(1e9, 0)}
	b := backendOf("roundrobin", at, config.Server{Weight: 1, MaxConn: 1}, config.Server{Weight: 1, MaxConn: 3, Disabled: true})
	one, two := b.Servers()[0], b.Servers()[1]
	one.TryAcquire()
	woken := queued(b, 10, nil)
	two.SetAdmin(Ready, at.now)
	if fmt.Sprint(*woken) != "[0 1 2]" {
		t.Errorf("a server with three places took %v", *woken)
	}
	one.SetMaxConn(3)
	if fmt.Sprint(*woken) != "[0 1 2 3 4]" {
		t.Errorf("a limit raised by two had %v woken", *woken)
	}
	one.SetMaxConn(0)
	if len(*woken) != 10 || b.Queued() != 0 {
		t.Errorf("without a limit %d wait", b.Queued())
	}
}

// TestBackupsTakeNobodyFromTheQueue while a server that is none is up, only full.
func TestBackupsTakeNobodyFromTheQueue(t *testing.T) {
	t.Parallel()
	at := &clock{time.Unix(1e9, 0)}
	b := backendOf("roundrobin", at, config.Server{Weight: 1, MaxConn: 1}, config.Server{Weight: 1, Backup: true}, config.Server{Weight: 1, Backup: true})
	b.Servers()[0].TryAcquire()
	woken := queued(b, 2, nil)
	if len(*woken) != 0 {
		t.Errorf("%v went to a backup", *woken)
	}
	b.Servers()[0].SetAdmin(Maintenance, at.now)
	if len(*woken) != 2 || b.Servers()[1].Sessions.Load() != 2 {
		t.Errorf("%v went to the first backup when nobody else was left", *woken)
	}
}

// TestThoseWhoWaitForAServerMoveOnWhenItGoes, and those who may not stay.
func TestThoseWhoWaitForAServerMoveOnWhenItGoes(t *testing.T) {
	t.Parallel()
	at := &clock{time.Unix(1e9, 0)}
	b := backendOf("roundrobin", at, config.Server{Weight: 1, MaxConn: 1}, config.Server{Weight: 1})
	s := b.Servers()[0]
	s.TryAcquire()
	b.Wait(&Waiter{Server: s, Wake: func(*Server) {}})
	woken := queued(b, 3, s)
	s.SetAdmin(Maintenance, at.now)
	if fmt.Sprint(*woken) != "[0 -1 -2]" || s.Queued.Load() != 1 || b.Queued() != 1 {
		t.Errorf("%v moved on, %d wait", *woken, b.Queued())
	}
	late := queued(b, 2, s)
	if fmt.Sprint(*late) != "[0 -1]" {
		t.Errorf("who came to wait for a server that had gone: %v moved on", *late)
	}
}

// TestQueuePositions: a request knows how many left its queue before it, whichever way.
func TestQueuePositions(t *testing.T) {
	t.Parallel()
	b := backendOf("roundrobin", &clock{time.Unix(1e9, 0)}, config.Server{Weight: 1, MaxConn: 1})
	s := b.Servers()[0]
	s.TryAcquire()
	var all []*Waiter
	for i := range 4 {
		w := &Waiter{Wake: func(*Server) {}, Class: int64(-i)} // the last goes first
		all = append(all, w)
		b.Wait(w)
	}
	for range 3 {
		s.Release()
	}
	b.Leave(all[0])
	for i, w := range all {
		if want := int64(4 - i); w.Passed != want {
			t.Errorf("request %d left with %d, want %d", i, w.Passed, want)
		}
	}
}

// TestSlowStartLimitsConnections: of maxconn a server has a share, too.
func TestSlowStartLimitsConnections(t *testing.T) {
	t.Parallel()
	at := &clock{time.Unix(1e9, 0)}
	b := backendOf("roundrobin", at, config.Server{Weight: 10, MaxConn: 10, SlowStart: 10 * time.Second})
	s := b.Servers()[0]
	s.Checked(false, Result{}, at.now)
	s.Checked(true, Result{}, at.now)
	for _, want := range []int64{1, 5, 10} {
		for s.TryAcquire() {
		}
		if n := s.Sessions.Swap(0); n != want {
			t.Errorf("it took %d, want %d", n, want)
		}
		at.now = at.now.Add(5 * time.Second)
	}
}
