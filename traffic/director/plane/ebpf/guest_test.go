package ebpf

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lab/guest"
)

// inGuest runs a script on Debian's kernel, which is older than the hook that programs are linked to (Linux 6.6), between the hosts of testdata/hosts.sh.
func inGuest(tb testing.TB, script string, modules ...string) string {
	tb.Helper()
	if _, _, err := guest.Kernel(); err != nil {
		tb.Skip(err)
	}
	ip, err := exec.LookPath("ip")
	if err != nil {
		tb.Skip("ip, of the package iproute2, is not installed")
	}
	tool := filepath.Join(tb.TempDir(), "tool")
	build := exec.Command("go", "build", "-o", tool, "./testdata/tool")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build the guest's tool: %v: %s", err, out)
	}
	hosts, err := os.ReadFile("testdata/hosts.sh")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Minute)
	defer cancel()
	got, err := guest.Guest{
		Script: string(hosts) + script, Memory: 512,
		Files:   map[string]string{"/bin/tool": tool, "/usr/ip": ip},
		Modules: append([]string{"veth", "sch_ingress", "cls_bpf"}, modules...),
	}.Run(ctx)
	if err != nil {
		tb.Fatalf("%v\n%s", err, got)
	}
	return got
}

// TestDebiansKernel: on Linux 6.1 the program is a filter of each interface; a second process finds it there, and connections pass.
func TestDebiansKernel(t *testing.T) {
	t.Parallel()
	got := inGuest(t, `
forward ebpf
ip netns exec client tool ask 10.1.0.1:80 3 1 > /dev/null
tool ebpf -a -t 10.1.0.1:80 -r 10.2.0.3:80 -m -w 0
ip netns exec client tool ask 10.1.0.1:80 1 0 > /dev/null
tool ebpf -Ln --stats | tail -2
`)
	for _, want := range []string{"-> 10.2.0.2:80", "   4 ", "-> 10.2.0.3:80"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}

// BenchmarkBesideIPVS: how long connections, and a MB, take through this plane and through the kernel's own, in turn in one guest with one processor that is emulated; the least of some rounds.
func BenchmarkBesideIPVS(b *testing.B) {
	for range b.N {
		const rounds, connections, megabytes = 5, 200, 50
		got := inGuest(b, fmt.Sprintf(`
for round in $(seq %d); do
	for plane in ipvs ebpf; do
		forward $plane
		ip netns exec client tool ask 10.1.0.1:80 20 0 > /dev/null
		echo $plane connection $(ip netns exec client tool ask 10.1.0.1:80 %d 0)
		echo $plane MB $(ip netns exec client tool ask 10.1.0.1:80 1 %d)
		tool $plane -C
	done
done
`, rounds, connections, megabytes), "ip_vs", "ip_vs_wlc")
		least := map[string]float64{}
		for line := range strings.Lines(got) {
			var plane, what string
			var took float64
			if n, _ := fmt.Sscan(line, &plane, &what, &took); n != 3 {
				b.Fatalf("the guest said %q", line)
			}
			took /= map[string]float64{"connection": connections, "MB": megabytes}[what]
			if was, known := least[what+"-"+plane]; !known || took < was {
				least[what+"-"+plane] = took
			}
		}
		for what, took := range least {
			b.ReportMetric(took, "us/"+what)
		}
	}
	b.ReportMetric(0, "ns/op")
}
