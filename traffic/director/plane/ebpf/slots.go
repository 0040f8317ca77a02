package ebpf

import "math/bits"

// The size of a service's table says of what kind it is, as in bpf/rank.h: ranks are behind its slots, which are one byte each, or two; or four.
const (
	rankedTable = 1 << (31 - iota)
	narrowSlots
	middleSlots
	mostSlots = middleSlots - 1
)

// slotTable is where a service's slots are: they hold by how much the numbers of servers are above another number.
type slotTable struct {
	first  int // row
	slots  int
	width  int // of a slot, in bytes
	ranked bool
}

// widthFor is how many bytes hold what numbers of servers differ by.
func widthFor(most uint32) int {
	switch n := bits.Len32(most); {
	case n <= 8:
		return 1
	case n <= 16:
		return 2
	}
	return 4
}

// tableOf is what a service's record tells.
func tableOf(word uint64) slotTable {
	t := slotTable{first: int(word >> 32), slots: int(word & mostSlots), width: 4, ranked: word&rankedTable != 0}
	switch {
	case word&narrowSlots != 0:
		t.width = 1
	case word&middleSlots != 0:
		t.width = 2
	}
	return t
}

// word is what the service's record has of it.
func (t slotTable) word() uint64 {
	word := uint64(t.first)<<32 | uint64(t.slots)
	if t.ranked {
		word |= rankedTable
	}
	switch t.width {
	case 1:
		word |= narrowSlots
	case 2:
		word |= middleSlots
	}
	return word
}

// slotRows is how many rows the slots take; rows, how many the table does.
func (t slotTable) slotRows() int {
	const bytes = len(row{})
	return (t.slots*t.width + bytes - 1) / bytes
}

func (t slotTable) rows() hole {
	n := t.slotRows()
	if t.ranked {
		n += rowsOfRanks(t.slots)
	}
	return hole{t.first, n}
}

// lay writes the slots.
func (t slotTable) lay(tables []row, base uint32, servers []uint32) {
	rows := tables[t.first : t.first+t.slotRows()]
	for n, at := range servers {
		above, in := at-base, len(row{})/t.width
		r := &rows[n/in]
		switch n %= in; t.width {
		case 1:
			r[n] = byte(above)
		case 2:
			view[uint16](r[:])[n] = uint16(above)
		default:
			view[uint32](r[:])[n] = above
		}
	}
}
