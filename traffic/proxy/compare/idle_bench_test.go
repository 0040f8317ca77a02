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

// BenchmarkIdleConnections opens connections that each ask once and then stay, in a virtual machine: many a machine's limit of descriptors cannot be raised.
// It reports what the proxy's memory grows to. The processor is emulated: a connection takes some ten milliseconds of a processor, on a busy machine many times that.
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
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		printed, err := guest.Guest{
			Script: fmt.Sprintf("ip link set lo up\necho 300000 > /proc/sys/fs/nr_open\ncompare -holdfast /bin/holdfast -case idle -idle %d\n", *idle), Memory: 4096, Files: files,
		}.Run(ctx)
		cancel()
		if err != nil {
			b.Fatal(err)
		}
		found := regexp.MustCompile(`(\d+) of them: (\d+) MB`).FindStringSubmatch(printed)
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
