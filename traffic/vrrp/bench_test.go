package vrrp

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os/exec"
	"runtime"
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
		conf := strings.NewReplacer("  notify /notify.sh\n", "", "advert_int 1", "advert_int 0.1").Replace(configured(fmt.Sprint(200 - 100*i)))
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

var (
	measured = flag.Duration("measured", 10*time.Second, "how long Benchmark500Instances looks at the daemons")
	loaded   = flag.Bool("loaded", false, "keep every core busy meanwhile, with processes that yield to others")
)

// Benchmark500Instances: the share of a core that 500 active instances cost with advert_int 1 s, and how many states change at them and at the 500
// that wait on another host, which nothing happens to.
func Benchmark500Instances(b *testing.B) {
	const instances = 500
	var conf strings.Builder
	for i := range instances {
		fmt.Fprintf(&conf, "vrrp_instance v%d {\n interface eth%d\n virtual_router_id %d\n priority PRIORITY\n advert_int 1\n virtual_ipaddress {\n 10.%d.1.%d/32\n }\n}\n",
			i, i/250, i%250+1, 100+i/250, i%250+1)
	}
	for daemon, args := range benchmarked {
		b.Run(daemon, func(b *testing.B) {
			if _, err := exec.LookPath("keepalived"); err != nil && daemon == "keepalived" {
				b.Skip("keepalived is not installed")
			}
			for range b.N {
				costs, changes := lookAtMany(b, args, conf.String(), instances)
				b.ReportMetric(100*costs, "%core")
				b.ReportMetric(float64(changes), "changes")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// lookAtMany starts a daemon on two hosts, waits until all instances of the first are active, and measures its processes' CPU time; changes is how many states
// were entered on both hosts meanwhile.
func lookAtMany(b *testing.B, args []string, conf string, instances int) (cores float64, changes int) {
	l, err := lab.Start(b.Context(), lab.Config{Hosts: []string{"one", "two"}, Links: twoLinks})
	if err != nil {
		b.Skipf("this machine cannot have labs: %v", err)
	}
	defer l.Close()
	daemon := append([]string{"sh", "-c", `exec "$@" > /run/states 2>&1`, "sh"}, args...)
	launch(b, l.Host("one"), strings.ReplaceAll(conf, "PRIORITY", "200"), daemon...)
	launch(b, l.Host("two"), strings.ReplaceAll(conf, "PRIORITY", "100"), daemon...)
	ask := func(host, script string) (n int) {
		out, err := l.Host(host).Exec(b.Context(), "sh", "-c", script)
		if err == nil {
			_, err = fmt.Sscan(out, &n)
		}
		if err != nil {
			b.Fatalf("%s: %q: %v", host, out, err)
		}
		return n
	}
	// Each entry of a state is a line of the daemon's log.
	states := func() int {
		const entered = `grep -c "virtual router is \|Entering .* STATE" /run/states; true`
		return ask("one", entered) + ask("two", entered)
	}
	settled := fmt.Sprintf(`for i in $(seq 600); do [ "$(ip -o addr | grep -c '/32')" -ge %d ] && break; busybox sleep 0.1; done; busybox sleep 10; echo 0`, instances)
	ask("one", settled)
	if *loaded {
		for range runtime.NumCPU() {
			if _, err := l.Host("two").Start(lab.Process{Command: lab.Command{Args: []string{"nice", "sh", "-c", "while :; do :; done"}, Detach: true}}); err != nil {
				b.Fatal(err)
			}
		}
	}
	before := states()
	// ticks sums utime and stime of /proc/PID/stat, in hundredths of a second.
	ticks := ask("one", fmt.Sprintf(`ticks() { for p in $(pgrep -f "^%s"); do cut -d' ' -f14,15 /proc/$p/stat; done | awk '{s+=$1+$2} END {print s}'; }
a=$(ticks); busybox sleep %d; b=$(ticks); echo $((b-a))`, args[0], int(measured.Seconds())))
	return float64(ticks) / 100 / measured.Seconds(), states() - before
}
