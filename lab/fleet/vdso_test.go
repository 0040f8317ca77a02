package fleet

import (
	"bytes"
	"debug/elf"
	little "encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The hosts of a lab share the machine's clock. A daemon's own wall clock is moved by what the kernel gives every process to read
// clocks with, the vDSO: its clock_gettime is replaced, in one process, by a few instructions that ask the kernel and add
// so many seconds to the wall clock. The other clocks stay as they are, as they do when somebody sets a clock.

// wallClock is a daemon's.
type wallClock struct {
	memory *os.File // the daemon's
	offset int64    // where the seconds are that are added
}

// askAndAdd is clock_gettime(which, *timespec): it ends in the number that it adds to the seconds when which is CLOCK_REALTIME.
var askAndAdd = []byte{
	0xb8, 0xe4, 0, 0, 0, // mov $228, %eax: clock_gettime
	0x0f, 0x05, // syscall
	0x85, 0xff, // test %edi, %edi
	0x75, 0x0a, // jne to ret
	0x48, 0x8b, 0x0d, 6, 0, 0, 0, // mov 6(%rip), %rcx: the number
	0x48, 0x01, 0x0e, // add %rcx, (%rsi)
	0xc3, 0, 0, // ret
}

// clockOf takes over the wall clock of a host's daemon. The daemon must have nothing to lose: a thread that is reading
// the clock at this very moment crashes.
func clockOf(t *testing.T, f *Fleet, host string) *wallClock {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("a daemon's clock is moved on amd64 only")
	}
	pid, err := daemonOf(strings.TrimSpace(mustRun(t, f, host, "", "readlink", "/proc/self/ns/uts")))
	must(t, err)
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { memory.Close() })
	begin, err := vdsoOf(pid)
	must(t, err)
	at, err := clockGettime(memory, begin)
	if err != nil {
		t.Skipf("this kernel's vDSO cannot be changed: %v", err)
	}
	_, err = memory.WriteAt(append(bytes.Clone(askAndAdd), make([]byte, 8)...), at)
	must(t, err)
	return &wallClock{memory: memory, offset: at + int64(len(askAndAdd))}
}

// set moves the clock by so much from the machine's.
func (c *wallClock) set(t *testing.T, by time.Duration) {
	t.Helper()
	_, err := c.memory.WriteAt(little.LittleEndian.AppendUint64(nil, uint64(by/time.Second)), c.offset)
	must(t, err)
}

// daemonOf finds the daemon of the host that has a namespace of host names.
func daemonOf(namespace string) (int, error) {
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range all {
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if link, err := os.Readlink(filepath.Join(dir, "ns/uts")); err == nil && link == namespace && string(command) == "holdfast\x00node\x00" {
			return strconv.Atoi(filepath.Base(dir))
		}
	}
	return 0, errors.New("no daemon runs in " + namespace)
}

// vdsoOf finds where a process has its vDSO.
func vdsoOf(pid int) (int64, error) {
	const sysinfoHeader = 33 // AT_SYSINFO_EHDR
	vector, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	if err != nil {
		return 0, err
	}
	for ; len(vector) >= 16; vector = vector[16:] {
		if little.LittleEndian.Uint64(vector) == sysinfoHeader {
			return int64(little.LittleEndian.Uint64(vector[8:])), nil
		}
	}
	return 0, errors.New("the kernel gives processes no vDSO")
}

// clockGettime finds the function in the vDSO at begin, and that there is room for another.
func clockGettime(memory *os.File, begin int64) (int64, error) {
	image := make([]byte, 2*os.Getpagesize())
	for n := 1; n <= 2; n++ { // it has one page or two
		if _, err := memory.ReadAt(image[:n*os.Getpagesize()], begin); err != nil {
			image = image[:(n-1)*os.Getpagesize()]
			break
		}
	}
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return 0, err
	}
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" && s.Size >= uint64(len(askAndAdd)+8) {
			return begin + int64(s.Value), nil
		}
	}
	return 0, errors.New("it has no clock_gettime, or a short one")
}
