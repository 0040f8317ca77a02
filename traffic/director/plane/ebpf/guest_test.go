package ebpf

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/lab/guest"
)

// inGuest runs a script on Debian's kernel, which is older than the hook that programs are linked to (Linux 6.6), between the hosts that another one in testdata makes.
func inGuest(tb testing.TB, hosts, script string, g guest.Guest) string {
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
	made, err := os.ReadFile(filepath.Join("testdata", hosts))
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Minute)
	defer cancel()
	g.Script, g.Memory = string(made)+script, 512
	g.Files = map[string]string{"/bin/tool": tool, "/usr/ip": ip}
	g.Modules = append([]string{"sch_ingress", "cls_bpf"}, g.Modules...)
	got, err := g.Run(ctx)
	if err != nil {
		tb.Fatalf("%v\n%s", err, got)
	}
	return got
}

// TestDebiansKernel: on Linux 6.1 the program is a filter of each network card; a second process finds it there. With native XDP on the cards, connections pass by
// NAT, by direct routing and through a tunnel; of those by NAT the cards' drivers carry all but beginnings and ends.
func TestDebiansKernel(t *testing.T) {
	t.Parallel()
	got := inGuest(t, "virtio.sh", `
tool ebpf -R << .
-A -t 10.9.0.1:80
-a -t 10.9.0.1:80 -r 10.2.0.2:80 -m
-A -t [fd09::1]:80
-a -t [fd09::1]:80 -r [fd02::2]:80 -m
-A -t 10.9.0.2:80
-a -t 10.9.0.2:80 -r 10.2.0.2:80 -g
-A -t 10.9.0.3:80
-a -t 10.9.0.3:80 -r 10.2.0.2:80 -i
.
ip netns exec client tool ask 10.9.0.1:80 3 0 > /dev/null
tool ebpf -a -t 10.9.0.1:80 -r 10.2.0.3:80 -m -w 0
ip netns exec client tool ask 10.9.0.1:80 1 0 > /dev/null
tool ebpf -Ln --stats | grep -A 2 10.9.0.1:80
tool ebpf-xdp -Z
for card in eth1 eth2; do echo $card $(ip link show $card | grep -wo xdp | head -1); done
for at in 10.9.0.1 [fd09::1] 10.9.0.2 10.9.0.3; do
	tool ran express director > /before
	ip netns exec client tool ask $at:80 1 1 > /dev/null
	tool ran express director > /after
	echo $at $(cat /before /after)
done
tool ebpf -Ln --stats | grep -A 1 ^TCP
`, guest.Guest{Cables: 2, Modules: []string{"virtio_pci", "virtio_net", "ipip"}})
	const packets = 1 << 20 / 1500
	for _, want := range []string{
		`-> 10\.2\.0\.2:80 +4 .*\n.*-> 10\.2\.0\.3:80 +0 `,
		`eth1 xdp\neth2 xdp\n`,
		`TCP +10\.9\.0\.1:80 +1 +\d+ +\d+ +\d+ +1\d{6}\n`, `TCP +\[fd09::1\]:80 +1 +\d+ +\d+ +\d+ +1\d{6}\n`,
		`TCP +10\.9\.0\.2:80 +1 +\d+ +0 +`, `TCP +10\.9\.0\.3:80 +1 +\d+ +0 +`,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	carried := regexp.MustCompile(`(?m)^(10\.9\.0\.1|\[fd09::1\]) (\d+) (\d+) (\d+) (\d+)$`).FindAllStringSubmatch(got, -1)
	if len(carried) != 2 {
		t.Errorf("what ran is not told twice in\n%s", got)
	}
	// A way holds for a second: of a download that takes as long as tool allows, director sees as many packets as it has seconds in both directions, and some.
	for _, line := range carried {
		var ran [4]int
		for i := range ran {
			ran[i], _ = strconv.Atoi(line[2+i])
		}
		if express, director := ran[2]-ran[0], ran[3]-ran[1]; express < packets || director > express/2 {
			t.Errorf("of a MB from %s, in at least %d packets, the drivers saw %d packets, and left %d to director", line[1], packets, express, director)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// BenchmarkBesideIPVS: how long connections, and a MB, take through this plane and through the kernel's own, in turn in one guest with one processor that is emulated; the least of some rounds.
func BenchmarkBesideIPVS(b *testing.B) {
	for range b.N {
		const rounds, connections, megabytes = 5, 200, 50
		got := inGuest(b, "hosts.sh", fmt.Sprintf(`
for round in $(seq %d); do
	for plane in ipvs ebpf; do
		forward $plane
		ip netns exec client tool ask 10.1.0.1:80 20 0 > /dev/null
		echo $plane connection $(ip netns exec client tool ask 10.1.0.1:80 %d 0)
		echo $plane MB $(ip netns exec client tool ask 10.1.0.1:80 1 %d)
		tool $plane -C
	done
done
`, rounds, connections, megabytes), guest.Guest{Modules: []string{"veth", "ip_vs", "ip_vs_wlc"}})
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
