package ebpf

import (
	"encoding/binary"
	"sync/atomic"
)

// The directory has the numbers of services that have addresses, by the hashes of those: open addressing, within near places.

// directoryShare is how many places it has for a service that there is room for, so that near is enough.
const (
	directoryShare = 16
	near           = 8
	delisted       = 1<<32 - 1 // the number where a service has gone: what is behind it is to be found still
)

// hash is where a service's place in the directory is.
func (s *service) hash() uint32 { return spread(s.Address, s.Port) + uint32(s.Protocol) }

func (k *kernel) listing(hash, i uint32) *listing { return &k.listed[(hash+i)%uint32(len(k.listed))] }

// list notes a service in the directory; false if there is no room near its place.
func (k *kernel) list(at uint32) bool {
	hash := k.services[at].hash()
	for i := range uint32(near) {
		if here := k.listing(hash, i); here.Number == 0 || here.Number == delisted {
			here.Hash = hash
			atomic.StoreUint32(&here.Number, at+1)
			return true
		}
	}
	return false
}

// listAll notes all that have addresses.
func (k *kernel) listAll() bool {
	for at := range k.services {
		if s := &k.services[at]; s.Flags&serviceUsed != 0 && s.Mark == 0 && !k.list(uint32(at)) {
			return false
		}
	}
	return true
}

// unlist takes a service out. A place that nothing is behind is free at once.
func (k *kernel) unlist(at uint32) {
	hash := k.services[at].hash()
	for i := range uint32(near) {
		here := k.listing(hash, i)
		if here.Number != at+1 {
			continue
		}
		left := uint32(delisted)
		if k.listing(hash, i+1).Number == 0 {
			left = 0
		}
		atomic.StoreUint32(&here.Number, left)
	}
}

// spread is the function of that name in bpf/model.h.
func spread(a address, p port) uint32 {
	mix := func(n uint64) uint64 {
		n ^= n >> 30
		n *= 0xbf58476d1ce4e5b9
		n ^= n >> 27
		n *= 0x94d049bb133111eb
		return n ^ n>>31
	}
	word := func(i int) uint64 {
		return uint64(binary.LittleEndian.Uint32(a[4*i:]))<<32 | uint64(binary.LittleEndian.Uint32(a[4*i+4:]))
	}
	return uint32(mix(mix(word(0))+word(2)+uint64(binary.LittleEndian.Uint16(p[:]))<<40+0x9e3779b97f4a7c15) >> 32)
}
