package core

import (
	"math/bits"
	"slices"
)

// cliqueBudget bounds the search; a network broken so that it does not suffice gets the
// best set found by then, which is the same on every run.
const cliqueBudget = 50_000

// preference orders sets of equal size: with the leader, then with more of the present
// members (so that a host that appears never displaces one that is there), then lower ids.
type preference struct {
	leader  HostID
	members []HostID
}

// largestClique returns the largest set of hosts that all hear each other, ascending.
// mutual tells whether two hosts hear each other. hosts is ascending. With must above 0
// only sets with that host are looked at.
func largestClique(hosts []HostID, mutual func(a, b HostID) bool, must HostID, like preference) []HostID {
	if must != 0 {
		hosts = slices.DeleteFunc(slices.Clone(hosts), func(h HostID) bool { return h != must && !mutual(h, must) })
	}
	if isClique(hosts, mutual) {
		return slices.Clone(hosts)
	}
	s := &cliqueSearch{hosts: hosts, like: like, left: cliqueBudget}
	words := (len(hosts) + 63) / 64
	s.near = make([]bitset, len(hosts))
	all := make(bitset, words)
	for i := range hosts {
		s.near[i] = make(bitset, words)
		all.set(i)
		for j := range hosts {
			if i != j && mutual(hosts[i], hosts[j]) {
				s.near[i].set(j)
			}
		}
	}
	s.expand(nil, all, make(bitset, words))
	return s.best
}

// isClique tells whether all hosts hear each other, as they nearly always do.
func isClique(hosts []HostID, mutual func(a, b HostID) bool) bool {
	for i, a := range hosts {
		for _, b := range hosts[i+1:] {
			if !mutual(a, b) {
				return false
			}
		}
	}
	return true
}

// cliqueSearch is Bron and Kerbosch's with pivoting (CACM algorithm 457).
type cliqueSearch struct {
	hosts []HostID
	near  []bitset
	like  preference
	left  int
	best  []HostID
}

func (s *cliqueSearch) expand(taken []int, open, done bitset) {
	s.left--
	if open.empty() && done.empty() {
		s.consider(taken)
		return
	}
	if s.left <= 0 || len(taken)+open.count() < len(s.best) {
		if s.best == nil {
			s.consider(taken)
		}
		return
	}
	pivot, most := -1, -1
	for i := range s.hosts {
		if open.has(i) || done.has(i) {
			if n := open.and(s.near[i]).count(); n > most {
				pivot, most = i, n
			}
		}
	}
	for i := range s.hosts {
		if !open.has(i) || s.near[pivot].has(i) {
			continue
		}
		s.expand(append(slices.Clip(taken), i), open.and(s.near[i]), done.and(s.near[i]))
		open = slices.Clone(open)
		open.clear(i)
		done = slices.Clone(done)
		done.set(i)
	}
}

func (s *cliqueSearch) consider(taken []int) {
	set := make([]HostID, 0, len(taken))
	for _, i := range taken {
		set = append(set, s.hosts[i])
	}
	slices.Sort(set)
	if s.best == nil || s.like.prefers(set, s.best) {
		s.best = set
	}
}

func (p preference) prefers(a, b []HostID) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	if la, lb := slices.Contains(a, p.leader), slices.Contains(b, p.leader); la != lb {
		return la
	}
	if na, nb := common(a, p.members), common(b, p.members); na != nb {
		return na > nb
	}
	return slices.Compare(a, b) < 0
}

// common counts the hosts in both lists.
func common(a, b []HostID) int {
	n := 0
	for _, h := range a {
		if slices.Contains(b, h) {
			n++
		}
	}
	return n
}

type bitset []uint64

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i int)    { b[i/64] &^= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitset) empty() bool { return b.count() == 0 }

func (b bitset) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func (b bitset) and(o bitset) bitset {
	r := make(bitset, len(b))
	for i := range b {
		r[i] = b[i] & o[i]
	}
	return r
}
