package ebpf

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
)

//go:generate clang -O2 -g -ffile-compilation-dir=. -Wall -Wno-logical-op-parentheses -Wno-unused-function -mcpu=v3 -target bpfel -c bpf/director.c -o director.o
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
type sizes struct{ connections, templates, pieces int }

// slots is how many a hash table of so many connections has: at least twice as many, and a power of two.
func (s sizes) slots() int {
	n := 1024
	for n < 2*s.connections {
		n *= 2
	}
	return n
}

// The names of maps that hold the table; the others hold connections, and stay when it grows.
var tableMaps = []string{"services", "servers", "tables", "counted", "directory"}

var lastingMaps = []string{"settings", "marks", "reals", "templates", "pieces", "sources", "clocks", "flows", "wholes", "occupied", "news", "ways", "masks", "neighbours"}

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
	tables   []row
	listed   []listing // the directory
	counted  []work    // of the first processor's servers, the second's, …
	flows    []flow
	wholes   []whole
	occupied []occupancy
	news     []news
}

// loadKernel makes programs and maps; lasting ones come from an older set, if there is one.
func loadKernel(c capacity, s sizes, older *kernel) (*kernel, error) {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("read the programs: %w", err)
	}
	return loadSpec(spec, c, s, older)
}

func loadSpec(spec *ebpf.CollectionSpec, c capacity, s sizes, older *kernel) (*kernel, error) {
	processors, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count the processors: %w", err)
	}
	for name, entries := range map[string]int{
		"services": c.services, "servers": c.servers, "counted": c.servers * processors, "tables": c.rows,
		"directory": c.services * directoryShare, "marks": endpoints, "reals": endpoints,
		"flows": s.slots(), "wholes": s.slots(), "templates": s.templates, "pieces": s.pieces,
	} {
		spec.Maps[name].MaxEntries = uint32(entries)
	}
	options := ebpf.CollectionOptions{}
	if older != nil {
		options.MapReplacements = map[string]*ebpf.Map{}
		for _, name := range lastingMaps {
			options.MapReplacements[name] = older.maps[name]
			spec.Maps[name].MaxEntries = older.maps[name].MaxEntries()
		}
	}
	if err := prepare(spec); err != nil {
		return nil, err
	}
	loaded, err := ebpf.NewCollectionWithOptions(spec, options)
	if err != nil {
		return nil, explain(err)
	}
	k := &kernel{maps: loaded.Maps, programs: loaded.Programs}
	if err := k.see(); err != nil {
		return nil, errors.Join(err, k.close())
	}
	return k, nil
}

// constants sets what programs take for constant, from the sizes of their maps.
func constants(spec *ebpf.CollectionSpec) error {
	tick, err := clockTick()
	if err != nil {
		return err
	}
	flows := spec.Maps["flows"].MaxEntries
	var errs []error
	for name, value := range map[string]uint32{
		"server_places": spec.Maps["servers"].MaxEntries, "directory_mask": spec.Maps["directory"].MaxEntries - 1, "flow_mask": flows - 1, "most_beginnings": flows / 16, "way_holds": uint32(wayHolds / tick), "stores_in_order": inOrder(runtime.GOARCH),
	} {
		if v := spec.Variables[name]; v != nil { // those of other layouts may not have it
			errs = append(errs, v.Set(value))
		}
	}
	here, err := namespace()
	if err != nil {
		return err
	}
	if v := spec.Variables["our_namespace"]; v != nil { // programs that measure do not have it
		errs = append(errs, v.Set(here))
	}
	return errors.Join(errs...)
}

// inOrder tells of a processor whether others see what it stores in the order in which it does: so that a slot is shown without a step that waits.
func inOrder(processor string) uint32 {
	if processor == "amd64" {
		return 1
	}
	return 0
}

// wayHolds is how long what the kernel's routing told holds.
const wayHolds = time.Second

// clockTick is how often the kernel's clock moves.
func clockTick() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &t); err != nil {
		return 0, fmt.Errorf("ask how often the kernel's clock moves: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// prepare asks the kernel for what only newer ones have, and takes out what only answers that question. It sets what programs take for constant.
func prepare(spec *ebpf.CollectionSpec) error {
	if err := constants(spec); err != nil {
		return err
	}
	const program = "probe_sum_ipv6"
	probe := spec.Programs[program].Copy()
	delete(spec.Programs, program)
	delete(spec.Programs, "measure")
	delete(spec.Programs, "measure_nothing")
	delete(spec.Programs, "measure_memory")
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
		return &plane.Unsupported{Plane: "ebpf", Feature: fmt.Sprintf("anything on this kernel, which refuses its programs (%v)", err), Instead: "Linux 6.1 has what it needs; or choose the plane ipvs or nft"}
	}
	return fmt.Errorf("load programs into the kernel: %w", err)
}

// see maps the table into memory.
func (k *kernel) see() error {
	set, err := seen[settings](k.maps["settings"])
	if err != nil {
		return err
	}
	k.settings = &set[0]
	var errs [5]error
	k.services, errs[0] = seen[service](k.maps["services"])
	k.servers, errs[1] = seen[server](k.maps["servers"])
	k.tables, errs[2] = seen[row](k.maps["tables"])
	k.counted, errs[3] = seen[work](k.maps["counted"])
	k.listed, errs[4] = seen[listing](k.maps["directory"])
	if k.settings.Layout != 0 && k.settings.Layout != layout {
		return errOtherLayout
	}
	return errors.Join(errs[:]...)
}

// seeFlows maps the connections into memory, which few ask for and is more than all else.
func (k *kernel) seeFlows() (err error) {
	if k.flows == nil {
		k.flows, err = seen[flow](k.maps["flows"])
	}
	if err == nil && k.wholes == nil {
		k.wholes, err = seen[whole](k.maps["wholes"])
	}
	if err == nil && k.occupied == nil {
		k.occupied, err = seen[occupancy](k.maps["occupied"])
	}
	if err == nil && k.news == nil {
		k.news, err = seen[news](k.maps["news"])
	}
	return err
}

// errOtherLayout is of programs and maps that another version of Holdfast made.
var errOtherLayout = errors.New("another version of Holdfast made it")

// seen is what an array holds, shared with the kernel.
func seen[T any](m *ebpf.Map) ([]T, error) {
	var one T
	if m.ValueSize() != uint32(unsafe.Sizeof(one)) {
		return nil, fmt.Errorf("values of %s have %d bytes, not %d: %w", m, m.ValueSize(), unsafe.Sizeof(one), errOtherLayout)
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
	errs := []error{unsee(k.services), unsee(k.servers), unsee(k.tables), unsee(k.listed), unsee(k.counted), unsee(k.flows), unsee(k.wholes), unsee(k.occupied), unsee(k.news)}
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
		if errors.Is(err, fs.ErrNotExist) {
			err = errOtherLayout
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the map %s: %w", name, err), k.close())
		}
		k.maps[name] = m
	}
	for _, name := range []string{"director", "start_clock", "read_clock", "sweep", "learn", "connect4", "connect6", "express"} {
		p, err := ebpf.LoadPinnedProgram(filepath.Join(dir, programPrefix+name), nil)
		if errors.Is(err, fs.ErrNotExist) {
			err = errOtherLayout
		}
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

// ticks is what time it is by the clock that flows are dated by.
func (k *kernel) ticks() (uint32, error) {
	now, err := k.programs["read_clock"].Run(&ebpf.RunOptions{Data: make([]byte, 64)})
	if err != nil {
		return 0, fmt.Errorf("ask for the time: %w", err)
	}
	return now, nil
}

// shares is how many parts the table of connections is swept in.
const shares = 64

// sweep has servers' counters be up to date, and connections that have expired be gone.
func (k *kernel) sweep() error {
	packet := make([]byte, 64)
	for packet[0] = range byte(shares) {
		if result, err := k.programs["sweep"].Run(&ebpf.RunOptions{Data: packet}); err != nil || result != 0 {
			return fmt.Errorf("sweep the table of connections (%d): %w", result, err)
		}
	}
	return nil
}
