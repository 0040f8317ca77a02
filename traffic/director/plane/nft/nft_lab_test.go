package nft

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/traffic/director/ipvsadm"
	"holdfast/traffic/director/plane"
)

// The test binary is what runs in the hosts of a lab: ipvsadm, a server and a client.
func TestMain(m *testing.M) {
	lab.Main()
	if filepath.Base(os.Args[0]) == "holdfast" {
		os.Exit(inHost(os.Args[1], os.Args[2:]))
	}
	os.Exit(m.Run())
}

func inHost(what string, args []string) int {
	switch what {
	case "ipvsadm":
		return ipvsadm.Command(args, os.Stdin, os.Stdout, os.Stderr, func() (plane.Plane, error) { return Open("") })
	case "serve":
		return serve(args[0])
	}
	conn, err := net.DialTimeout("tcp", args[0], 20*time.Second)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	name, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Print(name, err)
	return 0
}

// serve tells each client the host's name, then repeats what it says.
func serve(at string) int {
	l, err := net.Listen("tcp", at)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	name, _ := os.Hostname()
	fmt.Println("serving")
	for {
		conn, err := l.Accept()
		if err != nil {
			return 1
		}
		go func() {
			fmt.Fprintln(conn, name)
			io.Copy(conn, conn)
			conn.Close()
		}()
	}
}

// conversation is a connection to whichever server.
type conversation struct {
	net.Conn
	reader *bufio.Reader
	server string
}

func (c conversation) goesOn(t *testing.T, when string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintln(c, when); err != nil {
		t.Fatalf("%s: the connection to %s: %v", when, c.server, err)
	}
	if line, err := c.reader.ReadString('\n'); err != nil || line != when+"\n" {
		t.Fatalf("%s: the connection to %s answers %q, %v", when, c.server, line, err)
	}
}

// fixture is a lab with a director and three servers, whose answers to the client pass the director.
type fixture struct {
	*testing.T
	lab *lab.Lab
}

const virtual = "10.77.0.11:80" // the director's own address

func newFixture(t *testing.T) fixture {
	t.Helper()
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	l, err := lab.Start(t.Context(), lab.Config{
		Hosts: []string{"director", "s1", "s2", "s3"},
		Links: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24"), netip.MustParsePrefix("10.78.0.0/24")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f := fixture{t, l}
	if _, err := l.Host("director").Exec(t.Context(), "sysctl", "-qw", "net.ipv4.ip_forward=1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s1", "s2", "s3"} {
		f.exec(name, "ip", "route", "add", "10.77.0.250/32", "via", "10.78.0.11")
		started, tell := io.Pipe()
		if _, err := l.Host(name).Start(lab.Process{Command: lab.Command{Args: []string{"holdfast", "serve", ":80"}}, Stdout: tell}); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(started).ReadString('\n'); err != nil || line != "serving\n" {
			t.Fatal(line, err)
		}
		go io.Copy(io.Discard, started)
	}
	if out, err := l.Host("director").Exec(t.Context(), "holdfast", "ipvsadm", "-L"); err != nil && strings.Contains(out+err.Error(), "no nftables") {
		t.Skip("the kernel has no nftables")
	}
	return f
}

func (f fixture) exec(host string, args ...string) string {
	f.Helper()
	out, err := f.lab.Host(host).Exec(f.Context(), args...)
	if err != nil {
		f.Fatalf("%s: %v: %v %s", host, args, err, out)
	}
	return out
}

func (f fixture) ipvsadm(line string) string {
	f.Helper()
	return f.exec("director", append([]string{"holdfast", "ipvsadm"}, strings.Fields(line)...)...)
}

func (f fixture) dial(address string) (conversation, error) {
	ctx, cancel := context.WithTimeout(f.Context(), 30*time.Second)
	defer cancel()
	conn, err := f.lab.Client().Dial(ctx, "tcp", address)
	if err != nil {
		return conversation{}, err
	}
	f.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	c := conversation{Conn: conn, reader: bufio.NewReader(conn)}
	c.server, err = c.reader.ReadString('\n')
	c.server = strings.TrimSpace(c.server)
	return c, err
}

// share dials so many times, and counts who answers.
func (f fixture) share(address string, times int) (map[string]int, map[string]conversation) {
	f.Helper()
	counts, one := map[string]int{}, map[string]conversation{}
	for range times {
		c, err := f.dial(address)
		if err != nil {
			f.Fatal(err)
		}
		counts[c.server]++
		one[c.server] = c
	}
	return counts, one
}

func (f fixture) wants(what string, got map[string]int, want map[string]int) {
	f.Helper()
	if !maps.Equal(got, want) {
		f.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// TestTraffic: connections are shared as the scheduler says; a drained server, and one taken away, touch no others' connections.
func TestTraffic(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ipvsadm("-A -t " + virtual + " -s rr")
	for i := range 3 {
		f.ipvsadm(fmt.Sprintf("-a -t %s -r 10.78.0.%d:80 -m", virtual, 12+i))
	}
	counts, talks := f.share(virtual, 12)
	f.wants("by turns", counts, map[string]int{"s1": 4, "s2": 4, "s3": 4})
	if got := f.ipvsadm("-Lnc"); strings.Count(got, "ESTABLISHED 10.77.0.250:") != 12 {
		t.Errorf("12 connections are open, but -Lnc lists\n%s", got)
	}

	f.ipvsadm("-e -t " + virtual + " -r 10.78.0.12:80 -m -w 0")
	counts, _ = f.share(virtual, 6)
	f.wants("s1 drains", counts, map[string]int{"s2": 3, "s3": 3})
	for _, name := range slices.Sorted(maps.Keys(talks)) {
		talks[name].goesOn(t, "s1 drains")
	}
	f.ipvsadm("-d -t " + virtual + " -r 10.78.0.13:80")
	counts, _ = f.share(virtual, 3)
	f.wants("s2 is gone", counts, map[string]int{"s3": 3})
	for _, name := range []string{"s1", "s3"} {
		talks[name].goesOn(t, "s2 is gone")
	}
	if got := f.ipvsadm("-Ln"); !strings.Contains(got, "10.78.0.12:80                Masq    0      4          0") {
		t.Errorf("s1 has 4 connections still, but -Ln lists\n%s", got)
	}

	f.ipvsadm("-E -t " + virtual + " -s wrr")
	f.ipvsadm("-e -t " + virtual + " -r 10.78.0.12:80 -m -w 3")
	counts, _ = f.share(virtual, 8)
	f.wants("by weight", counts, map[string]int{"s1": 6, "s3": 2})
	f.exec("s1", "ip", "route", "add", "10.77.0.11/32", "via", "10.78.0.11")
	if out := f.exec("s1", "holdfast", "ask", virtual); !strings.HasPrefix(out, "s") {
		t.Errorf("a real server that asks the virtual address gets %q", out)
	}
	if out := f.exec("director", "holdfast", "ask", virtual); !strings.HasPrefix(out, "s") {
		t.Errorf("the director that asks its virtual address gets %q", out)
	}
	f.exec("director", "nft", "flush ruleset")
	f.ipvsadm("-e -t " + virtual + " -r 10.78.0.12:80 -m -w 1")
	counts, _ = f.share(virtual, 4)
	f.wants("after somebody flushed all rules", counts, map[string]int{"s1": 2, "s3": 2})
	f.ipvsadm("-D -t " + virtual)
	talks["s1"].goesOn(t, "the service is gone")
	if c, err := f.dial(virtual); err == nil {
		t.Errorf("%s answers for a service that is gone", c.server)
	}
}

// TestClientsPersist: a client stays at its server while that drains, and goes to another when it is gone. Marks and hashes lead
// to one server, too.
func TestClientsPersist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ipvsadm("-A -t " + virtual + " -s rr -p 300")
	for i := range 3 {
		f.ipvsadm(fmt.Sprintf("-a -t %s -r 10.78.0.%d:80 -m", virtual, 12+i))
	}
	counts, talks := f.share(virtual, 6)
	if len(counts) != 1 {
		t.Fatalf("one client is at several servers: %v", counts)
	}
	name := slices.Collect(maps.Keys(talks))[0]
	address := map[string]string{"s1": "10.78.0.12:80", "s2": "10.78.0.13:80", "s3": "10.78.0.14:80"}[name]
	f.ipvsadm("-e -t " + virtual + " -r " + address + " -m -w 0")
	counts, _ = f.share(virtual, 3)
	f.wants("its server drains", counts, map[string]int{name: 3})
	f.ipvsadm("-d -t " + virtual + " -r " + address)
	counts, _ = f.share(virtual, 3)
	if len(counts) != 1 || counts[name] != 0 {
		t.Fatalf("its server %s is gone, but the client is at %v", name, counts)
	}
	talks[name].goesOn(t, "its server is gone")

	f.exec("director", "nft", "add table inet m; add chain inet m p { type filter hook prerouting priority mangle; }; add rule inet m p tcp dport 8000-8100 meta mark set 7")
	f.ipvsadm("-A -f 7 -s mh")
	for i := range 3 {
		f.ipvsadm(fmt.Sprintf("-a -f 7 -r 10.78.0.%d:80 -m", 12+i))
	}
	counts, _ = f.share("10.77.0.11:8001", 3)
	if len(counts) != 1 {
		t.Errorf("mh leads one client to several servers: %v", counts)
	}
	refused := func(line, want string) {
		out, err := f.lab.Host("director").Exec(t.Context(), append([]string{"holdfast", "ipvsadm"}, strings.Fields(line)...)...)
		var exit *lab.ExitError
		if !errors.As(err, &exit) || !strings.Contains(out+exit.Error(), want) {
			t.Errorf("ipvsadm %s: %v %s; want %q", line, err, out, want)
		}
	}
	refused("-a -t "+virtual+" -r 10.78.0.12 -g", "data plane nft cannot do forwarding by direct")
	refused("-A -t 10.77.0.11:81 -s lblc", "data plane nft cannot do scheduler lblc")
	refused("-a -t "+virtual+" -r 10.78.0.99:80 -m -x 5", "data plane nft cannot do limits")
	f.ipvsadm("-C")
	if got := f.ipvsadm("-Sn"); got != "" {
		t.Errorf("after -C there is %s", got)
	}
}
