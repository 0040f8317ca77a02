// Package resolve keeps the addresses of servers that are named true while the proxy runs: it asks name servers again and again and moves
// servers to what they answer, as the sections `resolvers` say.
//
// Servers of one backend with one name share its addresses: each keeps the one it has for as long as the name has it, those without get one
// that no other has, and those for whom none is left take no clients. The package is a goroutine for each such group, which ends with
// Watch's context.
package resolve

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast/pause"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// Keeper keeps servers' addresses.
type Keeper struct {
	Resolvers map[string]*config.Resolvers

	mu    sync.Mutex                 // guards begin
	begin func(group []*pool.Server) // begins to ask for a group; nil: nothing is asked for
}

// Watch keeps the servers' addresses until ctx ends.
func (k *Keeper) Watch(ctx context.Context, backends map[string]*pool.Backend) {
	var all sync.WaitGroup
	k.mu.Lock()
	k.begin = func(group []*pool.Server) {
		w := newWatcher(k.Resolvers[group[0].Resolvers], group)
		all.Go(func() { w.run(ctx) })
	}
	for _, b := range backends {
		for _, g := range groups(b) {
			k.begin(g)
		}
	}
	k.mu.Unlock()
	<-ctx.Done()
	k.mu.Lock()
	k.begin = nil
	k.mu.Unlock()
	all.Wait()
}

// Rename gives a server another name, whose addresses are asked for at once.
func (k *Keeper) Rename(s *pool.Server, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.SetFQDN(name)
	if k.begin != nil {
		k.begin([]*pool.Server{s})
	}
}

// groups are a backend's servers that have their addresses from one question.
func groups(b *pool.Backend) [][]*pool.Server {
	type key struct{ resolvers, host, prefer string }
	at := map[key]int{}
	var all [][]*pool.Server
	for _, s := range b.Servers() {
		if s.Resolvers == "" || !s.Service && isAddress(s.Host) {
			continue
		}
		k := key{s.Resolvers, s.Host, s.Prefer}
		i, known := at[k]
		if !known {
			i, at[k], all = len(all), len(all), append(all, nil)
		}
		all[i] = append(all[i], s)
	}
	return all
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// watcher asks for one group.
type watcher struct {
	resolvers *config.Resolvers
	servers   []*pool.Server
	name      string
	client    *Client
	good      time.Time           // of the last answer with addresses
	seen      map[Place]time.Time // when an answer had it last; weight 0
}

func newWatcher(r *config.Resolvers, servers []*pool.Server) *watcher {
	return &watcher{r, servers, servers[0].FQDN(), ClientOf(r), time.Now(), map[Place]time.Time{}}
}

func (w *watcher) run(ctx context.Context) {
	for {
		w.servers = slices.DeleteFunc(w.servers, func(s *pool.Server) bool { return s.FQDN() != w.name })
		if len(w.servers) == 0 { // all have other names now
			return
		}
		next := w.resolvers.Pause
		if places, err := w.ask(ctx); err == nil {
			next = w.resolvers.Valid
			w.take(places, time.Now())
		} else if ctx.Err() == nil {
			w.fail(err, time.Now())
		}
		if !pause.For(ctx, next) {
			return
		}
	}
}

func (w *watcher) ask(ctx context.Context) ([]Place, error) {
	s := w.servers[0]
	question := w.client.Addresses
	if s.Service {
		question = w.client.Service
	}
	places, err := question(ctx, w.name, s.Prefer == "ipv4")
	byNetwork(places, s.Networks)
	return places, err
}

// byNetwork puts those within a network before others, in the order of the networks.
func byNetwork(places []Place, networks []netip.Prefix) {
	rank := func(p Place) int {
		i := slices.IndexFunc(networks, func(n netip.Prefix) bool { return n.Contains(p.Address) })
		if i < 0 {
			return len(networks)
		}
		return i
	}
	slices.SortStableFunc(places, func(a, b Place) int { return rank(a) - rank(b) })
}

// fail notes a bad answer. The last good one counts for as long as `hold` says.
func (w *watcher) fail(err error, now time.Time) {
	failure := Other
	errors.As(err, &failure)
	if now.Sub(w.good) < w.resolvers.Hold[string(failure)] {
		return
	}
	for _, s := range w.servers {
		s.SetUnresolved(true, now)
	}
}

// take moves the servers to the places of a good answer.
func (w *watcher) take(places []Place, now time.Time) {
	w.good = now
	weights := map[Place]int{}
	for _, p := range places {
		weight := p.Weight
		p.Weight = 0
		weights[p] = weight
		w.seen[p] = now
	}
	// What answers no longer have counts on while `hold obsolete` lasts.
	for p, last := range w.seen {
		if _, present := weights[p]; !present && now.Sub(last) >= w.resolvers.Hold["obsolete"] {
			delete(w.seen, p)
		}
	}
	taken := map[Place]bool{}
	var homeless []*pool.Server
	for _, s := range w.servers {
		at := w.placeOf(s)
		if _, still := w.seen[at]; still && !s.Unresolved() && (!taken[at] || s.ShareAddress) {
			taken[at] = true
			w.weigh(s, weights[at])
			continue
		}
		homeless = append(homeless, s)
	}
	for _, s := range homeless {
		i := slices.IndexFunc(places, func(p Place) bool { p.Weight = 0; return !taken[p] })
		if i < 0 && s.ShareAddress {
			i = 0
		}
		if i < 0 {
			s.SetUnresolved(true, now)
			continue
		}
		p := places[i]
		port := s.Server.Address.Port()
		if p.Port != 0 {
			port = p.Port
		}
		w.weigh(s, p.Weight)
		p.Weight = 0
		taken[p] = true
		s.SetAddress(netip.AddrPortFrom(p.Address, port))
		s.SetUnresolved(false, now)
	}
}

// placeOf is where a server is now, as an answer would say it.
func (w *watcher) placeOf(s *pool.Server) Place {
	a := s.Address()
	p := Place{Address: a.Addr()}
	if s.Service {
		p.Port = a.Port()
	}
	return p
}

func (w *watcher) weigh(s *pool.Server, weight int) {
	if weight > 0 && !s.OwnWeight && weight != s.Weight() {
		s.SetWeight(weight)
	}
}
