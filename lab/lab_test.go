package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Main()
	if os.Getenv(holderVariable) != "" {
		holdLab()
		return
	}
	os.Exit(m.Run())
}

// startLab makes a lab, or skips the test and says why there can be none.
func startLab(t *testing.T, c Config) *Lab {
	t.Helper()
	if err := Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	l, err := Start(t.Context(), c)
	if err != nil {
		t.Fatalf("start a lab: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func run(t *testing.T, h *Host, args ...string) string {
	t.Helper()
	out, err := h.Exec(t.Context(), args...)
	if err != nil {
		t.Fatalf("host %s: %v", h.Name(), err)
	}
	return strings.TrimSpace(out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reaches says whether a ping gets from a host to an address.
func reaches(t *testing.T, from *Host, to string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := from.Exec(ctx, "busybox", "ping", "-c", "2", "-W", "1", to)
	return err == nil
}

// talks tells whether streams get from one host to another: nobody listens there, and that is told.
func talks(t *testing.T, from, to *Host) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := from.Dial(ctx, "tcp", to.Name()+":7077")
	return err != nil && strings.Contains(err.Error(), "refused")
}

// comesToReach waits until a ping gets from a host to an address: that an earlier fault is over may
// have to wait for an answer to ARP, and for a machine that has other things to do.
func comesToReach(t *testing.T, from *Host, to string) bool {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if reaches(t, from, to) {
			return true
		}
	}
	return false
}

func TestHostsAreHostsOfTheirOwn(t *testing.T) {
	t.Parallel()
	l := startLab(t, Config{Hosts: Names("web", 2)})
	web1, web2 := l.Host("web1"), l.Host("web2")
	if got := run(t, web1, "hostname"); got != "web1" {
		t.Errorf("hostname is %q", got)
	}
	run(t, web1, "sh", "-c", "echo one > /etc/mine; echo one > /run/mine")
	if _, err := web2.Exec(t.Context(), "cat", "/etc/mine"); err == nil {
		t.Error("web2 sees a file that web1 wrote")
	}
	if _, err := os.Stat("/etc/mine"); err == nil {
		t.Error("the machine sees a file that web1 wrote")
	}
	if !comesToReach(t, web1, "web2") || !comesToReach(t, l.Client(), "10.77.0.11") {
		t.Error("hosts do not reach each other")
	}
	if got := run(t, web1, "sh", "-c", "echo $$"); got == "1" {
		t.Errorf("a command runs as PID %s", got)
	}
}

func TestKilledHostKeepsItsDiskAndNothingElse(t *testing.T) {
	t.Parallel()
	l := startLab(t, Config{Hosts: Names("web", 2)})
	web1, web2 := l.Host("web1"), l.Host("web2")
	run(t, web1, "sh", "-c", "for d in /etc /var/lib /var/lib/holdfast /run /tmp /dev/shm; do echo x > $d/mark; done")
	if _, err := web1.Start(Process{Command: Command{Args: []string{"sleep", "1000"}, Detach: true}}); err != nil {
		t.Fatal(err)
	}
	if _, err := web1.Kill(); err != nil {
		t.Fatal(err)
	}
	if reaches(t, web2, "web1") {
		t.Error("a killed host answers")
	}
	if _, err := web1.Exec(t.Context(), "true"); err == nil {
		t.Error("a killed host runs a command")
	}
	must(t, web1.Boot())
	got := run(t, web1, "sh", "-c", "ls /etc/mark /var/lib/mark /var/lib/holdfast/mark /run/mark /tmp/mark /dev/shm/mark 2>/dev/null; pgrep -x sleep; true")
	want := []string{"/etc/mark", "/var/lib/holdfast/mark", "/var/lib/mark"}
	fields := strings.Fields(got)
	slices.Sort(fields)
	if !slices.Equal(fields, want) {
		t.Errorf("after a boot there is %v, want %v", fields, want)
	}
	if !comesToReach(t, web2, "web1") {
		t.Error("the host cannot be reached after its boot")
	}
}

func TestCutTakesTheCarrierOfOneLink(t *testing.T) {
	t.Parallel()
	links := []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24"), netip.MustParsePrefix("10.78.0.0/24")}
	l := startLab(t, Config{Hosts: Names("web", 2), Links: links})
	web1, web2 := l.Host("web1"), l.Host("web2")
	if _, err := web1.Cut(1); err != nil {
		t.Fatal(err)
	}
	if reaches(t, web2, "10.78.0.11") {
		t.Error("the cut link carries packets")
	}
	if !comesToReach(t, web2, "10.77.0.11") {
		t.Error("the other link does not carry packets")
	}
	if got := run(t, web1, "cat", "/sys/class/net/eth1/carrier"); got != "0" {
		t.Errorf("carrier of the cut link is %q", got)
	}
	if _, err := web1.Kill(); err != nil {
		t.Fatal(err)
	}
	must(t, web1.Boot())
	if reaches(t, web2, "10.78.0.11") {
		t.Error("a boot has healed the cut")
	}
	must(t, web1.Heal(AllLinks))
	if !comesToReach(t, web2, "10.78.0.11") {
		t.Error("the healed link carries nothing")
	}
	if _, err := web1.Cut(2); err == nil {
		t.Error("a link that is not there could be cut")
	}
}

func TestPartitionAndBlock(t *testing.T) {
	t.Parallel()
	l := startLab(t, Config{Hosts: Names("web", 3)})
	hosts := l.Hosts()
	// hear looks who hears whom; those who should are given the time that it takes.
	hear := func(when string, want [3]bool) {
		t.Helper()
		var got [3]bool
		for i, pair := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
			pings := reaches
			if want[i] {
				pings = comesToReach
			}
			got[i] = pings(t, hosts[pair[0]], hosts[pair[1]].Name())
		}
		if got != want {
			t.Errorf("%s: 1-2, 1-3, 2-3 hear each other: %v, want %v", when, got, want)
		}
	}
	must(t, l.Partition([]string{"web1"}, []string{"web2", "web3"}))
	hear("partitioned web1 | web2 web3", [3]bool{false, false, true})
	if !comesToReach(t, l.Client(), "web1") || !comesToReach(t, l.Client(), "web2") {
		t.Error("the client does not hear both sides")
	}
	must(t, l.Block([2]string{"web1", "web3"}))
	hear("blocked web1-web3", [3]bool{true, false, true})
	must(t, l.Choke([2]string{"web1", "web2"}))
	hear("choked web1-web2", [3]bool{true, true, true})
	if talks(t, hosts[0], hosts[1]) || !talks(t, hosts[2], hosts[1]) {
		t.Error("a stream got through between choked hosts, or not between others")
	}
	must(t, l.Partition())
	hear("healed", [3]bool{true, true, true})
	if !talks(t, hosts[0], hosts[1]) {
		t.Error("no stream gets through after the hosts were healed")
	}
	if err := l.Partition([]string{"web1"}, []string{"web9"}); err == nil {
		t.Error("a partition of hosts that do not exist was accepted")
	}
}

func TestLoss(t *testing.T) {
	t.Parallel()
	l := startLab(t, Config{Hosts: Names("web", 2)})
	web1, web2 := l.Host("web1"), l.Host("web2")
	if !comesToReach(t, web2, "web1") {
		t.Fatal("hosts do not reach each other")
	}
	must(t, web1.Lose(AllLinks, 30))
	out, _ := web2.Exec(t.Context(), "busybox", "ping", "-c", "60", "-i", "0.01", "-W", "1", "10.77.0.11")
	var sent, received int
	for _, line := range strings.Split(out, "\n") {
		if n, _ := fmt.Sscanf(line, "%d packets transmitted, %d packets received", &sent, &received); n == 2 {
			break
		}
	}
	if received == 0 || received == sent {
		t.Errorf("with 30 %% of loss %d of %d pings were answered:\n%s", received, sent, out)
	}
	must(t, web1.Lose(AllLinks, 100))
	if reaches(t, web2, "web1") {
		t.Error("a host that loses everything answers")
	}
	if got := run(t, web1, "cat", "/sys/class/net/eth0/carrier"); got != "1" {
		t.Error("loss took the carrier")
	}
}

func TestFrozenHostDoesNothing(t *testing.T) {
	t.Parallel()
	l := startLab(t, Config{Hosts: Names("web", 1)})
	web1 := l.Host("web1")
	var out lockedBuffer
	ticker, err := web1.Start(Process{Command: Command{Args: []string{"sh", "-c", "while :; do date +%s%N; busybox usleep 1000; done"}}, Stdout: &out})
	must(t, err)
	out.await(t, 0)
	if _, err := web1.Freeze(); err != nil {
		t.Fatal(err)
	}
	if _, err := web1.Exec(t.Context(), "true"); err == nil {
		t.Error("a frozen host runs a command")
	}
	if s, err := web1.Status(); err != nil || s.State != Frozen {
		t.Errorf("status is %+v, %v", s, err)
	}
	at := out.len()
	must(t, web1.Thaw())
	out.await(t, at)
	ticker.Kill()
	_ = ticker.Wait()
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	l := startLab(t, Config{Hosts: Names("web", 1)})
	web1 := l.Host("web1")
	must(t, web1.FillDisk())
	if out, err := web1.Exec(t.Context(), "sh", "-c", "head -c 1000000 /dev/zero > /var/lib/holdfast/big"); err == nil {
		t.Errorf("a megabyte fits on a full disk: %s", out)
	}
	run(t, web1, "sh", "-c", "echo x > /var/lib/elsewhere")
	must(t, web1.EmptyDisk())
	run(t, web1, "sh", "-c", "head -c 1000000 /dev/zero > /var/lib/holdfast/big")
}

func TestCommandFailsAsItDoesAtHome(t *testing.T) {
	t.Parallel()
	l := startLab(t, Config{Hosts: Names("web", 1)})
	_, err := l.Host("web1").Exec(t.Context(), "sh", "-c", "echo sorry >&2; exit 3")
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || exit.Output != "sorry" {
		t.Errorf("error is %#v", err)
	}
	if _, err := l.Host("web1").Exec(t.Context(), "no-such-program"); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("error for a program that is not there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.Host("web1").Exec(ctx, "sleep", "1000"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error of a command whose time is over: %v", err)
	}
	if out := run(t, l.Host("web1"), "sh", "-c", "pgrep -x sleep || echo none"); out != "none" {
		t.Errorf("the cancelled command still runs: %s", out)
	}
}

func TestPollSeesAnOutage(t *testing.T) {
	t.Parallel()
	page := "mkdir -p /srv/www; hostname > /srv/www/index.html; exec busybox httpd -f -h /srv/www"
	l := startLab(t, Config{Hosts: Names("web", 1), Boot: []Command{{Args: []string{"sh", "-c", page}}}})
	p, err := l.Client().Poll("10.77.0.11:80", 5*time.Millisecond)
	must(t, err)
	defer p.Stop()
	if _, err := p.Await(t.Context(), 0, AnsweredBy("web1")); err != nil {
		t.Fatal(err)
	}
	at, err := l.Host("web1").Kill()
	must(t, err)
	if _, err := p.Await(t.Context(), at, func(a Answer) bool { return !a.OK }); err != nil {
		t.Fatal(err)
	}
	must(t, l.Host("web1").Boot())
	back, err := p.Await(t.Context(), Now(), Answered)
	must(t, err)
	total, ok := p.Outage(at)
	if !ok || total <= 0 || total > back.Done.Sub(at) {
		t.Errorf("the outage is %v, %v", total, ok)
	}
	response, err := l.Client().HTTP().Get("http://web1/")
	must(t, err)
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("status %s", response.Status)
	}
}
