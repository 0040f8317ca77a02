// Package tableorder gives the order in which Pacemaker's tools print what they keep in hash tables: tickets, their
// attributes, parameters. The order follows from the names alone, and scripts compare such output as text.
//
// The table is open addressing with quadratic probing, as GLib's GHashTable documents itself: a name's first place is its
// hash, times 11, modulo a prime below the size; the size is a power of two, at least 8. Pacemaker hashes names by multiplying with 31.
package tableorder

import "math/bits"

// primes are what places are taken modulo, by the binary logarithm of the table's size.
var primes = []uint32{1, 2, 3, 7, 13, 31, 61, 127, 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521}

const smallest = 3 // binary logarithm of the smallest size

type entry struct {
	name string
	hash uint32
	used bool
}

type table struct {
	entries []entry
	shift   int
	count   int
}

// Of returns names, which differ, in the table's order. They are given in the order in which they were put in, which counts
// where places collide.
func Of(names []string) []string {
	t := &table{entries: make([]entry, 1<<smallest), shift: smallest}
	for _, name := range names {
		t.insert(name)
	}
	ordered := make([]string, 0, len(names))
	for _, e := range t.entries {
		if e.used {
			ordered = append(ordered, e.name)
		}
	}
	return ordered
}

func hash(name string) uint32 {
	var h uint32
	for i := range len(name) {
		h = h*31 + uint32(int32(int8(name[i])))
	}
	return max(h, 2) // smaller ones mark free places
}

// place finds where an entry goes among those for which taken reports false.
func (t *table) place(hash uint32, taken func(int) bool) int {
	at := int(hash * 11 % primes[t.shift])
	for step := 0; taken(at); {
		step++
		at = (at + step) & (len(t.entries) - 1)
	}
	return at
}

func (t *table) insert(name string) {
	e := entry{name, hash(name), true}
	t.entries[t.place(e.hash, func(i int) bool { return t.entries[i].used })] = e
	t.count++
	if len(t.entries) <= t.count+t.count/16 && t.shift+1 < len(primes) {
		t.grow()
	}
}

// grow makes room and moves entries in place: one that is in the way of another goes on to its own new place.
func (t *table) grow() {
	old := len(t.entries)
	t.shift = max(smallest, bits.Len(uint(float64(t.count)*1.333)))
	t.entries = append(t.entries, make([]entry, max(0, 1<<t.shift-old))...)
	moved := make([]bool, len(t.entries))
	for i := range old {
		if !t.entries[i].used || moved[i] {
			continue
		}
		e := t.entries[i]
		t.entries[i] = entry{}
		for e.used {
			at := t.place(e.hash, func(i int) bool { return moved[i] })
			moved[at] = true
			t.entries[at], e = e, t.entries[at]
		}
	}
}
