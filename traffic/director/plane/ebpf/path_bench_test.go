package ebpf

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane/planelab"
	"holdfast/traffic/director/table"
)

// path is a client, a director and a server in network namespaces: 10.1.0.2 - 10.1.0.1 and 10.2.0.1 - 10.2.0.2.
type path struct {
	client, server *host
	to             string // what the client connects to
}

// host is a thread in a network namespace, which does what it is sent.
type host struct {
	do   chan func()
	name string
}

func newHost(tb testing.TB, name string) *host {
	tb.Helper()
	h := &host{make(chan func()), fmt.Sprintf("%s-%d", name, os.Getpid())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		ns, err := netns.NewNamed(h.name)
		ready <- err
		if err != nil {
			return
		}
		for f := range h.do {
			f()
		}
		ns.Close()
	}()
	if err := <-ready; err != nil {
		tb.Skip("network namespaces take root: ", err)
	}
	tb.Cleanup(func() {
		close(h.do)
		if err := netns.DeleteNamed(h.name); err != nil {
			tb.Error(err)
		}
	})
	return h
}

// in does something in the host's namespace and waits for it.
func (h *host) in(f func()) {
	done := make(chan bool)
	h.do <- func() {
		f()
		close(done)
	}
	<-done
}

func run(tb testing.TB, lines ...string) {
	tb.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			tb.Fatalf("%s: %v: %s", line, err, out)
		}
	}
}

// newPath makes one whose director forwards as prepare says, which runs in the director.
func newPath(tb testing.TB, name, to string, prepare func()) path {
	tb.Helper()
	c, d, s := newHost(tb, name+"-c"), newHost(tb, name+"-d"), newHost(tb, name+"-s")
	c.in(func() {
		run(tb, "ip link set lo up", "ip link add eth0 type veth peer name eth0 netns "+d.name, "ip addr add 10.1.0.2/24 dev eth0", "ip link set eth0 up",
			"ip route add default via 10.1.0.1", "sysctl -qw net.ipv4.tcp_tw_reuse=1")
	})
	s.in(func() {
		run(tb, "ip link set lo up", "ip link add eth0 type veth peer name eth1 netns "+d.name, "ip addr add 10.2.0.2/24 dev eth0", "ip link set eth0 up",
			"ip route add default via 10.2.0.1")
	})
	d.in(func() {
		run(tb, "ip link set lo up", "ip addr add 10.1.0.1/24 dev eth0", "ip addr add 10.2.0.1/24 dev eth1", "ip link set eth0 up", "ip link set eth1 up",
			"sysctl -qw net.ipv4.ip_forward=1")
		prepare()
	})
	p := path{c, s, to}
	p.serve(tb)
	return p
}

// serve has the server send so many MB as a client's byte says, and close.
func (p path) serve(tb testing.TB) {
	tb.Helper()
	var l net.Listener
	var err error
	p.server.in(func() { l, err = net.Listen("tcp", "10.2.0.2:80") })
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	go func() {
		zeros := make([]byte, 1<<20)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			var asked [1]byte
			io.ReadFull(conn, asked[:])
			for range asked[0] {
				conn.Write(zeros)
			}
			conn.Close()
		}
	}()
}

// ask opens connections one after the other, and reads what comes.
func (p path) ask(tb testing.TB, times int, megabytes byte) {
	tb.Helper()
	var err error
	p.client.in(func() {
		into := make([]byte, 1<<20)
		for range times {
			var conn net.Conn
			if conn, err = net.DialTimeout("tcp", p.to, time.Minute); err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(time.Minute))
			if _, err = conn.Write([]byte{megabytes}); err == nil {
				for err == nil {
					_, err = conn.Read(into)
				}
			}
			conn.Close()
			if err != io.EOF {
				return
			}
			err = nil
		}
	})
	if err != nil {
		tb.Fatal(p.client.name, ": ", err)
	}
}

// openPath opens the plane on the director of a path, with the one server.
func openPath(tb testing.TB, virtual string, e Express) *Plane {
	root := tb.TempDir()
	p, err := OpenExpress(root, e)
	if err != nil {
		tb.Skip(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(p.Close(), unix.Unmount(filepath.Join(root, "run/holdfast/director/ebpf/bpf"), 0)); err != nil {
			tb.Error(err)
		}
	})
	s := service4(table.TCP, virtual, "mh")
	s.Servers = []table.Server{{Address: netip.MustParseAddrPort("10.2.0.2:80"), Weight: 1}}
	if err := p.Apply(table.Added(s)); err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkPath: processor time of client, director and server for a connection, and for a GB, with plain routing, with nftables' DNAT and masquerade, and
// with this plane, in turn; the least of some rounds.
func BenchmarkPath(b *testing.B) {
	const virtual = "10.1.0.1:80"
	paths := map[string]path{
		"routing": newPath(b, "routing", "10.2.0.2:80", func() {}),
		"nft": newPath(b, "nft", virtual, func() {
			nft := exec.Command("nft", "-f", "-")
			nft.Stdin = strings.NewReader(`table ip n {
	chain pre { type nat hook prerouting priority -100; ip daddr 10.1.0.1 tcp dport 80 dnat to 10.2.0.2:80; }
	chain post { type nat hook postrouting priority 100; oifname "eth1" masquerade; }
}`)
			if out, err := nft.CombinedOutput(); err != nil {
				b.Skipf("nft: %v: %s", err, out)
			}
		}),
		"ebpf": newPath(b, "ebpf", virtual, func() { openPath(b, virtual, ExpressKept) }),
	}
	least := map[string]time.Duration{}
	measure := func(name, what string, do func()) {
		began := planelab.Processor(b)
		do()
		took, key := planelab.Processor(b)-began, name+" "+what
		if was, known := least[key]; !known || took < was {
			least[key] = took
		}
	}
	const rounds, connections, gigabytes = 5, 4000, 1
	for range rounds {
		for name, p := range paths {
			measure(name, "connections", func() { p.ask(b, connections, 0) })
			measure(name, "bulk", func() { p.ask(b, gigabytes*10, 100) })
		}
	}
	for name := range paths {
		b.ReportMetric(float64(least[name+" connections"].Microseconds())/connections, "us/connection-"+name)
		b.ReportMetric(least[name+" bulk"].Seconds()/gigabytes, "s/GB-"+name)
	}
	b.ReportMetric(0, "ns/op")
}
