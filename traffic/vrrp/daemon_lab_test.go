package vrrp

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/lab"
)

// The test binary is `holdfast` in the hosts of a lab.
func TestMain(m *testing.M) {
	lab.Main()
	if filepath.Base(os.Args[0]) == "holdfast" {
		cmd := command()
		cmd.SetArgs(os.Args[2:])
		if cmd.ExecuteContext(context.Background()) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func startLab(t *testing.T, hosts ...string) *lab.Lab {
	t.Helper()
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	l, err := lab.Start(t.Context(), lab.Config{Hosts: hosts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// journal is what a daemon writes, and a way to wait for words in it.
type journal struct {
	mu      sync.Mutex // guards what follows
	text    bytes.Buffer
	written chan struct{} // closed and replaced at every write
	ended   chan struct{} // closed when the program has ended
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Write(b)
	close(j.written)
	j.written = make(chan struct{})
	return len(b), nil
}

// patience is how long words that come within seconds may take on a busy machine.
const patience = time.Minute

// wait waits until the journal holds the words after the given offset, and returns the offset behind them.
func (j *journal) wait(t *testing.T, from int, words string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		j.mu.Lock()
		text, written := j.text.String(), j.written
		j.mu.Unlock()
		if at := strings.Index(text[from:], words); at >= 0 {
			return from + at + len(words)
		}
		select {
		case <-written:
		case <-ctx.Done():
			t.Fatalf("the journal never said %q after:\n%s\nbut:\n%s", words, text[:from], text[from:])
		}
	}
}

// start runs a program on a host until the test ends.
func start(t *testing.T, h *lab.Host, args ...string) (*journal, *lab.Running) {
	t.Helper()
	j := &journal{written: make(chan struct{}), ended: make(chan struct{})}
	p, err := h.Start(lab.Process{Command: lab.Command{Args: args}, Stdout: j, Stderr: j})
	if err != nil {
		t.Fatal(err)
	}
	go func() { defer close(j.ended); _ = p.Wait() }()
	t.Cleanup(func() { p.Kill(); <-j.ended })
	return j, p
}

// write makes a file on a host; a program when it begins with #!.
func write(t *testing.T, h *lab.Host, name, text string) {
	t.Helper()
	p, err := h.Start(lab.Process{Command: lab.Command{Args: []string{"sh", "-c", "cat > " + name + "; ! grep -q '^#!' " + name + " || chmod 755 " + name}}, Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
}

func said(t *testing.T, h *lab.Host, args ...string) string {
	t.Helper()
	out, err := h.Exec(t.Context(), args...)
	if err != nil {
		t.Fatalf("host %s: %v", h.Name(), err)
	}
	return out
}

func has(t *testing.T, h *lab.Host, address string) bool {
	t.Helper()
	return strings.Contains(said(t, h, "ip", "addr"), " "+address+"/")
}

// A busy machine stands still for longer than three tenths of a second.
const pair = `vrrp_instance VI_1 {
  interface eth0
  version 3
  virtual_router_id 51
  advert_int 1
  priority %
  virtual_ipaddress { 10.77.0.99/24 }
  notify /notify.sh
}
`

const notifyProgram = "#!/bin/sh\necho \"$@\" >> /notified\n"

func configured(priority string) string { return strings.Replace(pair, "%", priority, 1) }

func prepare(t *testing.T, h *lab.Host, conf string) {
	t.Helper()
	write(t, h, "/notify.sh", notifyProgram)
	write(t, h, "/k.conf", conf)
}

const (
	nowActive = `msg="virtual router is active"`
	nowBackup = `msg="virtual router is backup"`
)

func TestAnotherHostTakesTheAddressOver(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one", "two")
	one, two := l.Host("one"), l.Host("two")
	prepare(t, one, configured("200"))
	prepare(t, two, configured("100"))
	first, _ := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	first.wait(t, 0, nowActive)
	second, running := start(t, two, "holdfast", "vrrp", "-f", "/k.conf")
	at := second.wait(t, 0, nowBackup)
	if !has(t, one, "10.77.0.99") || has(t, two, "10.77.0.99") {
		t.Fatal("the host of higher priority has not the address, alone")
	}
	if _, err := one.Kill(); err != nil {
		t.Fatal(err)
	}
	second.wait(t, at, nowActive)
	if !has(t, two, "10.77.0.99") {
		t.Error("the address is not on the host that took over")
	}
	said(t, l.Client(), "busybox", "ping", "-c", "1", "-W", "2", "10.77.0.99")
	if err := running.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	second.wait(t, at, `msg="virtual router is initialize"`)
}

func TestLinkDownIsAFault(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one", "two")
	one, two := l.Host("one"), l.Host("two")
	prepare(t, one, configured("200"))
	prepare(t, two, configured("100"))
	first, _ := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	at := first.wait(t, 0, nowActive)
	second, _ := start(t, two, "holdfast", "vrrp", "-f", "/k.conf")
	second.wait(t, 0, nowBackup)
	if _, err := one.Cut(0); err != nil {
		t.Fatal(err)
	}
	at = first.wait(t, at, `msg="virtual router is fault" instance=VI_1 why="its interface eth0 is down"`)
	second.wait(t, 0, nowActive)
	if has(t, one, "10.77.0.99") {
		t.Error("the host that was cut off still has the address")
	}
	if err := one.Heal(0); err != nil {
		t.Fatal(err)
	}
	first.wait(t, at, nowActive)
	second.wait(t, 0, "is active with priority 200")
	if got := said(t, one, "cat", "/notified"); !strings.Contains(got, "INSTANCE VI_1 FAULT 200\nINSTANCE VI_1 BACKUP 200\n") {
		t.Errorf("the notify program was told:\n%s", got)
	}
}

func TestReloadKeepsTheAddressesThatStay(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one")
	one := l.Host("one")
	prepare(t, one, configured("200"))
	j, running := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	j.wait(t, 0, nowActive)
	changes, _ := start(t, one, "ip", "-o", "monitor", "address")
	write(t, one, "/k.conf", strings.Replace(configured("200"), "10.77.0.99/24", "10.77.0.99/24\n 10.77.0.98/24", 1))
	if err := running.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	at := j.wait(t, 0, "was read again")
	changes.wait(t, 0, "10.77.0.98")
	write(t, one, "/k.conf", "vrrp_instance broken {\n}\n")
	if err := running.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	at = j.wait(t, at, "/k.conf:1: vrrp_instance: broken has no virtual_router_id")
	write(t, one, "/k.conf", strings.Replace(configured("200"), "10.77.0.99/24", "10.77.0.98/24", 1))
	if err := running.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	j.wait(t, at, "was read again")
	changes.wait(t, 0, "Deleted")
	changes.mu.Lock()
	defer changes.mu.Unlock()
	if text := changes.text.String(); strings.Contains(text, "Deleted 2: eth0    inet 10.77.0.98") || strings.Count(text, "10.77.0.98") != 1 {
		t.Errorf("the address that stays was touched:\n%s", text)
	}
	if strings.Count(j.text.String(), "virtual router is") != 2 {
		t.Errorf("a reload changed the state:\n%s", j.text.String())
	}
}

// The first address of a network goes by a reload; the kernel would take the second along.
func TestReloadKeepsTheOthersOfANetwork(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one")
	one := l.Host("one")
	said(t, one, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/all/promote_secondaries; echo 0 > /proc/sys/net/ipv4/conf/eth0/promote_secondaries")
	prepare(t, one, strings.Replace(configured("200"), "10.77.0.99/24", "10.99.0.1/24\n10.99.0.2/24", 1))
	j, running := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	j.wait(t, 0, nowActive)
	write(t, one, "/k.conf", strings.Replace(configured("200"), "10.77.0.99/24", "10.99.0.2/24", 1))
	if err := running.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	j.wait(t, 0, "was read again")
	if has(t, one, "10.99.0.1") || !has(t, one, "10.99.0.2") {
		t.Error("want the second address alone on the host")
	}
}

// startPeer runs Debian's daemon on a host.
func startPeer(t *testing.T, h *lab.Host) *journal {
	t.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		t.Skip("keepalived is not installed")
	}
	j, _ := start(t, h, "stdbuf", "-oL", "-eL", "keepalived", "-n", "-l", "-P", "-f", "/k.conf", "-p", "/run/k.pid", "-r", "/run/v.pid")
	return j
}

// TestPairWithKeepalived: each is active beside the other, hands over when it leaves, and is preempted.
func TestPairWithKeepalived(t *testing.T) {
	t.Parallel()
	for name, conf := range map[string]string{
		"version 3 over IPv4": pair,
		"version 2 with a password": `vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  advert_int 1
  priority %
  authentication {
    auth_type PASS
    auth_pass secret12
  }
  virtual_ipaddress {
    10.77.0.99/24
  }
}
`,
		"version 2 with Authentication Headers": `vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  advert_int 1
  priority %
  authentication {
    auth_type AH
    auth_pass secret12
  }
  virtual_ipaddress {
    10.77.0.99/24
  }
}
`,
		"another group": strings.Replace(pair, "  notify", "  mcast_dst_ip 224.0.0.77\n  notify", 1),
		"unicast":       strings.Replace(pair, "  notify", "  unicast_peer {\n 10.77.0.11\n 10.77.0.12\n }\n  notify", 1),
		"IPv6":          strings.Replace(pair, "10.77.0.99/24", "2001:db8::99/64", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf = strings.ReplaceAll(conf, "{ 10", "{\n10")
			conf = strings.ReplaceAll(conf, "{ 2001", "{\n2001")
			conf = strings.ReplaceAll(conf, "4 }", "4\n}")
			l := startLab(t, "ours", "theirs")
			ours, theirs := l.Host("ours"), l.Host("theirs")
			prepare(t, ours, strings.Replace(conf, "%", "150", 1))
			prepare(t, theirs, strings.Replace(conf, "%", "100", 1))
			peer := startPeer(t, theirs)
			peer.wait(t, 0, "Entering MASTER STATE")
			j, running := start(t, ours, "holdfast", "vrrp", "-f", "/k.conf", "--debug")
			at := j.wait(t, 0, nowActive) // it preempts
			seen := peer.wait(t, 0, "Entering BACKUP STATE")
			seen = peer.wait(t, seen, "BACKUP STATE")
			if err := running.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			j.wait(t, at, "virtual router is initialize")
			peer.wait(t, seen, "Entering MASTER STATE")
			j.mu.Lock()
			defer j.mu.Unlock()
			if strings.Contains(j.text.String(), "does not count") || strings.Contains(j.text.String(), "level=ERROR") {
				t.Errorf("something was wrong:\n%s", j.text.String())
			}
		})
	}
}
