package stats

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

var insideCommands = []command{
	{"clear counters", Operator, "begin to look for the most of what is counted anew; all: count anew", nil, (*conversation).clearCounters},
	{"get var", Operator, "a variable of the process: proc.NAME", (*Server).getVariable, nil},
	{"show fd", Operator, "the sockets that the event loops watch; a number for one", (*Server).showDescriptors, nil},
	{"show threads", Operator, "the event loops", (*Server).showLoops, nil},
	{"show pools", Operator, "memory, by the size of what is in it", (*Server).showPools, nil},
	{"show libs", Operator, "what the process is made of", (*Server).showLibraries, nil},
}

// showDescriptors is show fd [NUMBER].
func (s *Server) showDescriptors(w io.Writer, args []string) error {
	only := -1
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		if err != nil {
			return fmt.Errorf("%q is not the number of a descriptor", args[0])
		}
		only = n
	}
	letter := func(set bool, name string) string {
		if set {
			return strings.ToUpper(name)
		}
		return name
	}
	for _, d := range s.Plane.Descriptors() {
		if only >= 0 && d.FD != only {
			continue
		}
		fmt.Fprintf(w, "%7d : st=(%s %s%s%s%s%s) tmask=%#x", d.FD, d.Role, letter(d.Readable, "r"), letter(d.Writable, "w"), letter(d.Ended, "e"), letter(d.TLS, "t"),
			letter(d.HTTP2, "h"), 1<<d.Loop)
		for _, field := range []struct{ name, value string }{{"fe", d.Frontend}, {"be", d.Backend}, {"srv", d.Server}} {
			if field.value != "" {
				fmt.Fprintf(w, " %s=%s", field.name, field.value)
			}
		}
		if d.Local.IsValid() {
			fmt.Fprintf(w, " lport=%d", d.Local.Port())
		}
		fmt.Fprintf(w, " out=%d\n", d.Pending)
	}
	return nil
}

func (s *Server) showLoops(w io.Writer, _ []string) error {
	for i, l := range s.Plane.LoopStates() {
		fmt.Fprintf(w, "  Thread %-2d: sessions=%d requests=%d idle_server_conns=%d muxed_server_conns=%d mail=%d deferred=%d\n", i+1, l.Sessions, l.Requests, l.Idle,
			l.Multiplexed, l.Posted, l.Deferred)
	}
	return nil
}

// showPools shows the allocator's classes of sizes in the form that HAProxy has for its pools.
func (s *Server) showPools(w io.Writer, _ []string) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintln(w, "Dumping pools usage.")
	used := uint64(0)
	for i := range m.BySize {
		class := &m.BySize[i]
		if class.Mallocs == 0 {
			continue
		}
		live := class.Mallocs - class.Frees
		used += live * uint64(class.Size)
		fmt.Fprintf(w, "  - Pool size_%d (%d bytes) : %d allocated (%d bytes), %d used, 0 failures\n", class.Size, class.Size, class.Mallocs, class.Mallocs*uint64(class.Size), live)
	}
	fmt.Fprintf(w, "Total: %d pools, %d bytes allocated, %d used.\n", len(m.BySize), m.HeapSys, used)
	return nil
}

func (s *Server) showLibraries(w io.Writer, _ []string) error { return Libraries(w) }

// Libraries lists the program's files in memory that can be executed.
func Libraries(w io.Writer) error {
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return errors.New("the kernel does not tell")
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) < 6 || !strings.Contains(f[1], "x") {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		first, err := strconv.ParseUint(from, 16, 64)
		last, bad := strconv.ParseUint(to, 16, 64)
		if err == nil && bad == nil {
			fmt.Fprintf(w, "%#012x-%#012x (%#09x) %s\n", first, last, last-first, f[5])
		}
	}
	return nil
}

// clearCounters is clear counters [all], which takes an administrator.
func (c *conversation) clearCounters(args []string) error {
	all := slices.Equal(args, []string{"all"})
	if all && c.level < Administrator {
		return errors.New("permission denied: this socket's level does not allow it")
	}
	c.Plane.ForgetMost(all)
	return nil
}

// getVariable shows a variable of the process.
func (s *Server) getVariable(w io.Writer, args []string) error {
	if len(args) == 0 {
		return errors.New("missing process-wide variable identifier")
	}
	v, ok := s.Plane.Snapshot().Config.Compiler.Process().Get(args[0])
	if !ok {
		return errors.New("variable not found")
	}
	fmt.Fprintf(w, "%s: type=%s value=<%s>\n", args[0], v.TypeName(), v.Append(nil))
	return nil
}
