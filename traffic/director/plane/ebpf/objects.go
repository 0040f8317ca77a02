package ebpf

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
)

//go:generate clang -O2 -g -Wall -Wno-logical-op-parentheses -Wno-unused-function -mcpu=v3 -target bpfel -c bpf/director.c -o director.o
//go:generate llvm-strip -g director.o
//go:generate sh -c "cat bpf/* | sha256sum > director.sum"

//go:embed director.o
var object []byte

// capacity is how much the table's maps hold.
type capacity struct{ services, servers, rows int }

// growth is what a map grows by at least when it is too small.
const growth = 2

var initial = capacity{services: 256, servers: 1024, rows: 4096}

// covering is a capacity that holds a wanted one, by doubling.
func (c capacity) covering(wanted capacity) capacity {
	for _, one := range []struct {
		have *int
		want int
	}{{&c.services, wanted.services}, {&c.servers, wanted.servers}, {&c.rows, wanted.rows}} {
		for *one.have < one.want {
			*one.have *= growth
		}
	}
	return c
}

// times is a capacity some times as large.
func (c capacity) times(services, servers, rows int) capacity {
	return capacity{c.services * services, c.servers * servers, c.rows * rows}
}

// sizes are those of maps that stay when the table grows.
type sizes struct{ connections, beginnings, templates, pieces int }

// The names of maps that hold the table; the others hold connections, and stay when it grows.
var tableMaps = []string{"services", "servers", "loads", "tables", "counted"}

var lastingMaps = []string{"settings", "virtuals", "marks", "reals", "beginnings", "templates", "pieces", "sources", "ways", "clocks", "connections"}

// endpoints is how many virtual and real addresses there may be. Room is taken as they come.
const endpoints = 1 << 20

// kernel is one set of programs and maps.
type kernel struct {
	maps     map[string]*ebpf.Map
	programs map[string]*ebpf.Program
	// What the maps of the same names hold, seen directly.
	settings *settings
	services []service
	servers  []server
	loads    []load
	tables   []row
}

// loadKernel makes programs and maps; lasting ones come from an older set, if there is one.
func loadKernel(c capacity, s sizes, older *kernel) (*kernel, error) {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("read the programs: %w", err)
	}
	for name, entries := range map[string]int{
		"services": c.services, "servers": c.servers, "loads": c.servers, "counted": c.servers, "tables": c.rows,
		"virtuals": endpoints, "marks": endpoints, "reals": endpoints,
		"beginnings": s.beginnings, "templates": s.templates, "pieces": s.pieces,
	} {
		spec.Maps[name].MaxEntries = uint32(entries)
	}
	spec.Maps["connections"].InnerMap.MaxEntries = uint32(max(1, s.connections/shards))
	options := ebpf.CollectionOptions{}
	if older != nil {
		options.MapReplacements = map[string]*ebpf.Map{}
		for _, name := range lastingMaps {
			options.MapReplacements[name] = older.maps[name]
			spec.Maps[name].MaxEntries = older.maps[name].MaxEntries()
		}
	}
	if err := prepare(spec, c); err != nil {
		return nil, err
	}
	loaded, err := ebpf.NewCollectionWithOptions(spec, options)
	if err != nil {
		return nil, explain(err)
	}
	k := &kernel{maps: loaded.Maps, programs: loaded.Programs}
	if older == nil {
		err = k.fillShards(spec.Maps["connections"].InnerMap)
	}
	if err := errors.Join(err, k.see()); err != nil {
		return nil, errors.Join(err, k.close())
	}
	return k, nil
}

// prepare asks the kernel for what only newer ones have, and takes out what only answers that question. It sets what programs take for constant.
func prepare(spec *ebpf.CollectionSpec, c capacity) error {
	if err := spec.Variables["server_places"].Set(uint32(c.servers)); err != nil {
		return err
	}
	const program = "probe_sum_ipv6"
	probe := spec.Programs[program].Copy()
	delete(spec.Programs, program)
	delete(spec.Programs, "measure")
	delete(spec.Maps, "measured")
	loaded, err := ebpf.NewProgram(probe)
	if err != nil {
		return explain(err)
	}
	defer loaded.Close()
	result, err := loaded.Run(&ebpf.RunOptions{Data: make([]byte, 64)})
	if err != nil {
		return explain(err)
	}
	const sumIPv6 = 1 << 7
	if result == 0 {
		return spec.Variables["sum_ipv6"].Set(uint32(sumIPv6))
	}
	return nil
}

// explain tells what a kernel lacks that does not take the programs.
func explain(err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, unix.EPERM) && !errors.As(err, &verifier):
		return &plane.Unsupported{Plane: "ebpf", Feature: "anything for this user: the kernel takes its programs from root alone, outside of user namespaces", Instead: "start it as root, or choose the plane nft"}
	case errors.As(err, &verifier), errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return &plane.Unsupported{Plane: "ebpf", Feature: fmt.Sprintf("anything on this kernel, which refuses its programs (%v)", err), Instead: "Linux 6.6 has what it needs; or choose the plane ipvs or nft"}
	}
	return fmt.Errorf("load programs into the kernel: %w", err)
}

func (k *kernel) fillShards(inner *ebpf.MapSpec) error {
	for at := range uint32(shards) {
		m, err := ebpf.NewMap(inner)
		if err != nil {
			return fmt.Errorf("make the table of connections: %w", err)
		}
		if err := errors.Join(k.maps["connections"].Put(at, m), m.Close()); err != nil {
			return fmt.Errorf("make the table of connections: %w", err)
		}
	}
	return nil
}

// shard opens one of the tables of connections.
func (k *kernel) shard(at uint32) (*ebpf.Map, error) {
	var m *ebpf.Map
	err := k.maps["connections"].Lookup(at, &m)
	return m, err
}

// see maps the table into memory.
func (k *kernel) see() error {
	set, err := seen[settings](k.maps["settings"])
	if err != nil {
		return err
	}
	k.settings = &set[0]
	var errs [4]error
	k.services, errs[0] = seen[service](k.maps["services"])
	k.servers, errs[1] = seen[server](k.maps["servers"])
	k.loads, errs[2] = seen[load](k.maps["loads"])
	k.tables, errs[3] = seen[row](k.maps["tables"])
	return errors.Join(errs[:]...)
}

// seen is what an array holds, shared with the kernel.
func seen[T any](m *ebpf.Map) ([]T, error) {
	var one T
	if m.ValueSize() != uint32(unsafe.Sizeof(one)) {
		return nil, fmt.Errorf("values of %s have %d bytes, not %d: another version of Holdfast made it", m, m.ValueSize(), unsafe.Sizeof(one))
	}
	b, err := unix.Mmap(m.FD(), 0, int(m.ValueSize()*m.MaxEntries()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("see %s: %w", m, err)
	}
	return view[T](b), nil
}

func unsee[T any](all []T) error {
	if all == nil {
		return nil
	}
	var one T
	return unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(all))), len(all)*int(unsafe.Sizeof(one))))
}

func (k *kernel) close() error {
	errs := []error{unsee(k.services), unsee(k.servers), unsee(k.loads), unsee(k.tables)}
	if k.settings != nil {
		errs = append(errs, unsee(unsafe.Slice(k.settings, 1)))
	}
	for _, m := range k.maps {
		errs = append(errs, m.Close())
	}
	for _, p := range k.programs {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// pin keeps programs and maps in a directory of the kernel's file system for them.
func (k *kernel) pin(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var errs []error
	for name, m := range k.maps {
		if !strings.HasPrefix(name, ".") {
			errs = append(errs, m.Pin(filepath.Join(dir, name)))
		}
	}
	for name, p := range k.programs {
		errs = append(errs, p.Pin(filepath.Join(dir, programPrefix+name)))
	}
	return errors.Join(errs...)
}

const programPrefix = "program-"

// openKernel opens what pin kept.
func openKernel(dir string) (*kernel, error) {
	k := &kernel{maps: map[string]*ebpf.Map{}, programs: map[string]*ebpf.Program{}}
	for _, name := range slices.Concat(tableMaps, lastingMaps) {
		m, err := ebpf.LoadPinnedMap(filepath.Join(dir, name), nil)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the map %s: %w", name, err), k.close())
		}
		k.maps[name] = m
	}
	for _, name := range []string{"director", "start_clock"} {
		p, err := ebpf.LoadPinnedProgram(filepath.Join(dir, programPrefix+name), nil)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the program %s: %w", name, err), k.close())
		}
		k.programs[name] = p
	}
	if err := k.see(); err != nil {
		return nil, errors.Join(err, k.close())
	}
	return k, nil
}

// startClock has the kernel look for connections that are over.
func (k *kernel) startClock() error {
	result, err := k.programs["start_clock"].Run(&ebpf.RunOptions{Data: make([]byte, 64)})
	if err != nil || result != 0 {
		return fmt.Errorf("start the clock of connections (step %d): %w", result, err)
	}
	return nil
}
