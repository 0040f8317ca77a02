package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"holdfast/lab/guest"
)

var idle = flag.Int("idle", 50_000, "how many idle connections are opened")

// guestWords make the guest's kernel cheaper to emulate: Go's run-time system sleeps for microseconds at a time, which a kernel without timers of that
// resolution makes a tick of; memory is not cleared before it is used, and nobody is kept from anything.
const guestWords = "highres=off nohz=off init_on_alloc=0 mitigations=off apparmor=0 audit=0"

// BenchmarkIdleConnections opens connections, of which one in ten asks at once, in a virtual machine: many a machine's limit of descriptors cannot be raised.
// It reports what the proxy's memory grows to, and prints what it was for haproxy, where that is installed. The processor is emulated: each connection
// takes some four milliseconds of a processor.
func BenchmarkIdleConnections(b *testing.B) {
	if _, _, err := guest.Kernel(); err != nil {
		b.Skip(err)
	}
	dir := b.TempDir()
	files := map[string]string{}
	for name, source := range map[string]string{"compare": ".", "holdfast": "holdfast/cmd/holdfast"} {
		files["/bin/"+name] = filepath.Join(dir, name)
		build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", files["/bin/"+name], source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("build %s: %v: %s", source, err, out)
		}
	}
	batch := ""
	for _, name := range []string{"haproxy", "chrt"} {
		if path, err := exec.LookPath(name); err == nil {
			files["/bin/"+name] = path
		}
	}
	if files["/bin/chrt"] != "" {
		batch = "chrt --batch 0 " // who is waked does not interrupt who works: switches are dear
	}
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		printed, err := guest.Guest{
			Script: fmt.Sprintf("ip link set lo up\necho 300000 > /proc/sys/fs/nr_open\n%scompare -holdfast /bin/holdfast -case idle -idle %d -asking 10\n", batch, *idle),
			Memory: 4096, Words: guestWords, Files: files,
		}.Run(ctx)
		cancel()
		if err != nil {
			b.Fatal(err)
		}
		for _, line := range regexp.MustCompile(`.*holds.*`).FindAllString(printed, -1) { // without those that tell how far it has come
			b.Log(line)
		}
		found := regexp.MustCompile(`holdfast holds (\d+) of them in (\d+) MB`).FindStringSubmatch(printed)
		if found == nil {
			b.Fatalf("the guest printed %q", printed)
		}
		for i, unit := range []string{"connections", "MB"} {
			n, err := strconv.ParseFloat(found[i+1], 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(n, unit)
		}
	}
}
