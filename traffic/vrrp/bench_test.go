package vrrp

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
)

// twoLinks let 500 instances have ids of their own: one link has 255.
var twoLinks = []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24"), netip.MustParsePrefix("10.78.0.0/24")}

// benchmarked are the daemons that the same configuration is given to.
var benchmarked = map[string][]string{
	"holdfast":   {"holdfast", "vrrp", "-f", "/k.conf"},
	"keepalived": {"keepalived", "-n", "-l", "-P", "-f", "/k.conf", "-p", "/run/k.pid", "-r", "/run/v.pid"},
}

func benchmarkLab(b *testing.B, daemon string, hosts ...string) *lab.Lab {
	b.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil && daemon == "keepalived" {
		b.Skip("keepalived is not installed")
	}
	if err := lab.Supported(); err != nil {
		b.Skipf("this machine cannot have labs: %v", err)
	}
	l, err := lab.Start(b.Context(), lab.Config{Hosts: hosts})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func launch(b *testing.B, h *lab.Host, conf string, args ...string) {
	b.Helper()
	p, err := h.Start(lab.Process{Command: lab.Command{Args: []string{"sh", "-c", "cat > /k.conf"}}, Stdin: strings.NewReader(conf)})
	if err == nil {
		err = p.Wait()
	}
	if err == nil {
		_, err = h.Start(lab.Process{Command: lab.Command{Args: args, Detach: true}})
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkTakeover: how long a client that asks every 5 ms gets no answer when the active host dies, advert_int 0.1 s.
func BenchmarkTakeover(b *testing.B) {
	for daemon, args := range benchmarked {
		b.Run(daemon, func(b *testing.B) {
			var outages []time.Duration
			for range b.N {
				outages = append(outages, takeover(b, daemon, args))
			}
			slices.Sort(outages)
			b.ReportMetric(float64(outages[len(outages)/2].Milliseconds()), "ms-median")
			b.ReportMetric(float64(outages[len(outages)-1].Milliseconds()), "ms-max")
			b.ReportMetric(0, "ns/op") // what else an op does says nothing
		})
	}
}

func takeover(b *testing.B, daemon string, args []string) time.Duration {
	l := benchmarkLab(b, daemon, "one", "two")
	defer l.Close()
	for i, name := range []string{"one", "two"} {
		h := l.Host(name)
		page := "mkdir /www && echo " + name + " > /www/index.html && exec busybox httpd -f -p 80 -h /www"
		if _, err := h.Start(lab.Process{Command: lab.Command{Args: []string{"sh", "-c", page}, Detach: true}}); err != nil {
			b.Fatal(err)
		}
		conf := strings.ReplaceAll(configured(fmt.Sprint(200-100*i)), "  notify /notify.sh\n", "")
		conf = strings.NewReplacer("{ 10", "{\n10", "4 }", "4\n}").Replace(conf)
		launch(b, h, conf, args...)
	}
	poll, err := l.Client().Poll("10.77.0.99:80", 5*time.Millisecond)
	if err != nil {
		b.Fatal(err)
	}
	defer poll.Stop()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	if _, err := poll.Await(ctx, 0, lab.AnsweredBy("one")); err != nil {
		b.Fatal(err)
	}
	killed, err := l.Host("one").Kill()
	if err != nil {
		b.Fatal(err)
	}
	answer, err := poll.Await(ctx, killed, lab.AnsweredBy("two"))
	if err != nil {
		b.Fatal(err)
	}
	return answer.Done.Sub(killed)
}

// Benchmark500Instances: the share of a core that 500 active instances cost with advert_int 1 s, over ten seconds.
func Benchmark500Instances(b *testing.B) {
	const instances, measured = 500, 10 * time.Second
	var conf strings.Builder
	for i := range instances {
		fmt.Fprintf(&conf, "vrrp_instance v%d {\n interface eth%d\n virtual_router_id %d\n priority 200\n advert_int 1\n virtual_ipaddress {\n 10.%d.1.%d/32\n }\n}\n",
			i, i/250, i%250+1, 100+i/250, i%250+1)
	}
	for daemon, args := range benchmarked {
		b.Run(daemon, func(b *testing.B) {
			if _, err := exec.LookPath("keepalived"); err != nil && daemon == "keepalived" {
				b.Skip("keepalived is not installed")
			}
			for range b.N {
				b.ReportMetric(100*cpuOf(b, daemon, args, conf.String(), instances, measured), "%core")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cpuOf starts a daemon, waits until all its instances are active, and measures its processes' CPU time.
func cpuOf(b *testing.B, daemon string, args []string, conf string, instances int, measured time.Duration) float64 {
	l, err := lab.Start(b.Context(), lab.Config{Hosts: []string{"one"}, Links: twoLinks})
	if err != nil {
		b.Skipf("this machine cannot have labs: %v", err)
	}
	defer l.Close()
	one := l.Host("one")
	launch(b, one, conf, args...)
	// ticks sums utime and stime of /proc/PID/stat, in hundredths of a second.
	script := fmt.Sprintf(`ticks() { for p in $(pgrep -f "^%s"); do cut -d' ' -f14,15 /proc/$p/stat; done | awk '{s+=$1+$2} END {print s}'; }
for i in $(seq 600); do [ "$(ip -o addr | grep -c '/32')" -ge %d ] && break; busybox sleep 0.1; done
busybox sleep 2; a=$(ticks); busybox sleep %d; b=$(ticks); echo $((b-a))`, daemon, instances, int(measured.Seconds()))
	out, err := one.Exec(b.Context(), "sh", "-c", script)
	if err != nil {
		b.Fatal(err)
	}
	var ticks float64
	if _, err := fmt.Sscan(out, &ticks); err != nil {
		b.Fatalf("read CPU time from %q: %v", out, err)
	}
	return ticks / 100 / measured.Seconds()
}
