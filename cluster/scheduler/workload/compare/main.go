// Command compare measures Holdfast's crm_simulate against the one that is installed,
// whole processes on the same documents in one run, and prints a table. Both read the
// document from a file, plan, and write the graph. Seconds are CPU-seconds of the
// process (user and system), which a busy machine disturbs less than the clock.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler/workload"
)

func main() {
	ours := flag.String("holdfast", "bin/holdfast", "the binary under test")
	peer := flag.String("peer", "/usr/sbin/crm_simulate", "the peer; skipped when it is missing")
	sizes := flag.String("sizes", "16x1000", "comma-separated HOSTSxRESOURCES")
	runs := flag.Int("runs", 3, "runs of each, the best counts")
	growth := flag.String("growth", "", "comma-separated numbers of resources: measure how Holdfast's time grows instead")
	peerLimit := flag.Duration("peer-limit", 3*time.Minute, "longest run of the peer")
	keep := flag.String("keep", "", "directory that the documents stay in; without it they are removed")
	flag.Parse()
	dir, err := *keep, error(nil)
	if dir == "" {
		dir, err = os.MkdirTemp("", "holdfast-bench-scheduler")
		defer os.RemoveAll(dir)
	}
	if err == nil {
		bench := comparison{dir: dir, ours: []string{*ours, "crm_simulate"}, runs: *runs, limit: *peerLimit}
		if _, missing := os.Stat(*peer); missing == nil {
			bench.peer = []string{*peer}
		}
		if *growth != "" {
			err = bench.growth(numbers(*growth))
		} else {
			err = bench.all(strings.Split(*sizes, ","))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// numbers reads a list; what is no number is left out.
func numbers(text string) []int {
	var list []int
	for _, field := range strings.Split(text, ",") {
		if n, err := strconv.Atoi(field); err == nil {
			list = append(list, n)
		}
	}
	return list
}

type comparison struct {
	dir        string
	ours, peer []string
	runs       int
	limit      time.Duration
}

// cost is what one process took.
type cost struct {
	cpu, wall time.Duration
	peakMiB   float64
}

func (c *comparison) all(sizes []string) error {
	fmt.Printf("%-12s %-10s %9s %9s %8s %8s %9s %8s %8s\n", "hosts x res", "state", "document", "holdfast", "", "peak", "peer", "peak", "ratio")
	for _, text := range sizes {
		var size workload.Size
		if _, err := fmt.Sscanf(text, "%dx%d", &size.Hosts, &size.Resources); err != nil {
			return fmt.Errorf("size %q: HOSTSxRESOURCES is expected, such as 16x1000", text)
		}
		if err := c.size(text, size); err != nil {
			return err
		}
	}
	return nil
}

// size measures the three states of a cluster of that size. Running and lost are made
// by letting Holdfast simulate the start of everything.
func (c *comparison) size(name string, size workload.Size) error {
	files, err := c.documents(size)
	if err != nil {
		return err
	}
	for i, state := range []string{"cold", "running"} {
		if err := c.row(name, state, files[i]); err != nil {
			return err
		}
	}
	return c.row(name, "host lost", files[2])
}

// loseHost writes the document of a running cluster again, one host of it gone.
func loseHost(running, lost string, number int) error {
	text, err := os.ReadFile(running)
	if err != nil {
		return err
	}
	doc, err := cib.Parse(running, text)
	if err != nil {
		return err
	}
	workload.LoseHost(doc, number)
	return os.WriteFile(lost, doc.Bytes(), 0o600)
}

// settle simulates transitions until nothing is left to do.
func (c *comparison) settle(from, to string) error {
	for range 4 {
		out, err := exec.Command(c.ours[0], append(slices.Clone(c.ours[1:]), "-x", from, "-S", "-O", to)...).Output()
		if err != nil {
			return fmt.Errorf("let the cluster of %s start: %w", from, err)
		}
		if !strings.Contains(string(out), "Executing Cluster Transition:\n  *") {
			return nil
		}
		from = to
	}
	return errors.New("the simulated cluster does not settle in four transitions")
}

func (c *comparison) row(name, state, file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	mine, err := c.best(c.ours, file, c.runs)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%-12s %-10s %6.1f MB %7.3f s %6.3f s %4.0f MiB", name, state, float64(info.Size())/1e6,
		mine.cpu.Seconds(), mine.wall.Seconds(), mine.peakMiB)
	if c.peer != nil {
		theirs, err := c.best(c.peer, file, 1)
		switch {
		case errors.Is(err, errTooLong):
			line += fmt.Sprintf("   over %v", c.limit)
		case err != nil:
			line += "   failed: " + err.Error()
		default:
			line += fmt.Sprintf(" %7.3f s %4.0f MiB %6.1f x", theirs.cpu.Seconds(), theirs.peakMiB,
				theirs.cpu.Seconds()/mine.cpu.Seconds())
		}
	}
	fmt.Println(line)
	return nil
}

var errTooLong = errors.New("took too long")

func (c *comparison) best(command []string, file string, runs int) (cost, error) {
	var best cost
	for i := range runs {
		runtime.GC()
		one, err := c.once(append(slices.Clone(command), "-x", file, "-Q", "-D", filepath.Join(c.dir, "graph.dot")))
		if err != nil {
			return cost{}, err
		}
		if i == 0 || one.cpu < best.cpu {
			best = one
		}
	}
	return best, nil
}

func (c *comparison) once(argv []string) (cost, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	timer := time.AfterFunc(c.limit, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		return cost{}, errTooLong
	}
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		wall: time.Since(start), peakMiB: float64(usage.Maxrss) / 1024,
	}, nil
}
