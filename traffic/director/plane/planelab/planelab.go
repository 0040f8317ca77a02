// Package planelab is what tests of data planes have in common: a lab with a client, a director and three real servers, whose answers pass
// the director, and what is asked of them. A test's binary is what runs in the hosts: ipvsadm on its plane, a server and a client.
//
// In the hosts, a server has one goroutine for each connection; the package starts one in the test's process for the output of each server.
package planelab

import (
	"bufio"
	"context"
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

// Main runs tests of a plane, or what a test wants of a host. TestMain calls it.
func Main(m *testing.M, open func() (plane.Plane, error)) {
	lab.Main()
	if filepath.Base(os.Args[0]) == "holdfast" {
		os.Exit(inHost(os.Args[1], os.Args[2:], open))
	}
	os.Exit(m.Run())
}

func inHost(what string, args []string, open func() (plane.Plane, error)) int {
	switch what {
	case "ipvsadm":
		return ipvsadm.Command(args, os.Stdin, os.Stdout, os.Stderr, open)
	case "serve":
		return serve(args[0])
	case "serve-udp":
		return serveDatagrams(args[0])
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

// serveDatagrams answers each with the host's name and what it said.
func serveDatagrams(at string) int {
	conn, err := net.ListenPacket("udp", at)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	name, _ := os.Hostname()
	fmt.Println("serving")
	said := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFrom(said)
		if err != nil {
			return 1
		}
		conn.WriteTo([]byte(name+" "+string(said[:n])), from)
	}
}

// Conversation is a connection to whichever server.
type Conversation struct {
	net.Conn
	reader *bufio.Reader
	Server string // who answers
}

// GoesOn has the server repeat something.
func (c Conversation) GoesOn(t *testing.T, when string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintln(c, when); err != nil {
		t.Fatalf("%s: the connection to %s: %v", when, c.Server, err)
	}
	if line, err := c.reader.ReadString('\n'); err != nil || line != when+"\n" {
		t.Fatalf("%s: the connection to %s answers %q, %v", when, c.Server, line, err)
	}
}

// Fixture is a lab with a director and three servers, whose answers to the client pass the director.
type Fixture struct {
	*testing.T
	Lab *lab.Lab
}

// Virtual is the director's own address on the client's network, Virtual6 its IPv6 one.
const (
	Virtual  = "10.77.0.11:80"
	Virtual6 = "[fd77::11]:80"
)

// New starts the lab; it skips the test where there can be none, or the plane cannot be.
func New(t *testing.T) Fixture {
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
	f := Fixture{t, l}
	f.Exec("director", "sysctl", "-qw", "net.ipv4.ip_forward=1")
	if HasIPv6() {
		f.addIPv6()
	}
	for _, name := range Servers {
		f.Exec(name, "ip", "route", "add", "10.77.0.250/32", "via", "10.78.0.11")
		f.Serve(name, "serve", ":80")
	}
	out, err := l.Host("director").Exec(t.Context(), "holdfast", "ipvsadm", "-L")
	if err != nil {
		out += err.Error()
	}
	if strings.Contains(out, "cannot do anything") {
		t.Skip(out)
	}
	if err != nil {
		t.Fatal(out)
	}
	return f
}

// HasIPv6 tells whether this machine's kernel has IPv6.
func HasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}

// addIPv6 gives every host an address on each network, and servers a way back to the client.
func (f Fixture) addIPv6() {
	f.Helper()
	f.Exec("director", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
	for host, last := range map[string]string{"director": "11", "s1": "12", "s2": "13", "s3": "14", lab.ClientName: "250"} {
		f.Exec(host, "ip", "addr", "add", "fd77::"+last+"/64", "dev", "eth0", "nodad")
		if host != lab.ClientName {
			f.Exec(host, "ip", "addr", "add", "fd78::"+last+"/64", "dev", "eth1", "nodad")
		}
	}
	for _, name := range Servers {
		f.Exec(name, "ip", "route", "add", "fd77::250/128", "via", "fd78::11")
	}
}

// Servers are the names of the real servers.
var Servers = []string{"s1", "s2", "s3"}

// Serve starts serve or serve-udp at an address of a host.
func (f Fixture) Serve(host, what, at string) {
	f.Helper()
	started, tell := io.Pipe()
	if _, err := f.Lab.Host(host).Start(lab.Process{Command: lab.Command{Args: []string{"holdfast", what, at}}, Stdout: tell}); err != nil {
		f.Fatal(err)
	}
	if line, err := bufio.NewReader(started).ReadString('\n'); err != nil || line != "serving\n" {
		f.Fatal(line, err)
	}
	go io.Copy(io.Discard, started)
}

// Exec runs a command in a host.
func (f Fixture) Exec(host string, args ...string) string {
	f.Helper()
	out, err := f.Lab.Host(host).Exec(f.Context(), args...)
	if err != nil {
		f.Fatalf("%s: %v: %v %s", host, args, err, out)
	}
	return out
}

// Ipvsadm changes the director's table by a line as it is typed.
func (f Fixture) Ipvsadm(line string) string {
	f.Helper()
	return f.Exec("director", append([]string{"holdfast", "ipvsadm"}, strings.Fields(line)...)...)
}

// Dial connects from the client.
func (f Fixture) Dial(address string) (Conversation, error) {
	ctx, cancel := context.WithTimeout(f.Context(), 30*time.Second)
	defer cancel()
	conn, err := f.Lab.Client().Dial(ctx, "tcp", address)
	if err != nil {
		return Conversation{}, err
	}
	f.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	c := Conversation{Conn: conn, reader: bufio.NewReader(conn)}
	c.Server, err = c.reader.ReadString('\n')
	c.Server = strings.TrimSpace(c.Server)
	return c, err
}

// Datagrams opens a client's port; each call of what is returned sends a datagram from it, again where one is lost, and returns who answered.
func (f Fixture) Datagrams(address string) func() (server string) {
	f.Helper()
	conn, err := f.Lab.Client().Dial(f.Context(), "udp", address)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	number := 0
	return func() string {
		f.Helper()
		number++
		said, answer := fmt.Sprint(number), make([]byte, 1<<10)
		for range 30 {
			conn.SetDeadline(time.Now().Add(time.Second))
			if _, err := conn.Write([]byte(said)); err != nil {
				f.Fatal(err)
			}
			for {
				n, err := conn.Read(answer)
				if err != nil {
					break
				}
				if name, ok := strings.CutSuffix(string(answer[:n]), " "+said); ok {
					return name
				}
			}
		}
		f.Fatalf("nobody answers at %s", address)
		return ""
	}
}

// Share dials so many times, and counts who answers.
func (f Fixture) Share(address string, times int) (map[string]int, map[string]Conversation) {
	f.Helper()
	counts, one := map[string]int{}, map[string]Conversation{}
	for range times {
		c, err := f.Dial(address)
		if err != nil {
			f.Fatal(err)
		}
		counts[c.Server]++
		one[c.Server] = c
	}
	return counts, one
}

// Wants compares who answered how often.
func (f Fixture) Wants(what string, got map[string]int, want map[string]int) {
	f.Helper()
	if !maps.Equal(got, want) {
		f.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// Persist checks that a client stays at its server while that drains, and goes to another when it is gone. It gives a conversation with the server that is gone.
func (f Fixture) Persist() Conversation {
	f.Helper()
	f.Ipvsadm("-A -t " + Virtual + " -s rr -p 300")
	for i := range 3 {
		f.Ipvsadm(fmt.Sprintf("-a -t %s -r 10.78.0.%d:80 -m", Virtual, 12+i))
	}
	counts, talks := f.Share(Virtual, 6)
	if len(counts) != 1 {
		f.Fatalf("one client is at several servers: %v", counts)
	}
	name := slices.Collect(maps.Keys(talks))[0]
	address := map[string]string{"s1": "10.78.0.12:80", "s2": "10.78.0.13:80", "s3": "10.78.0.14:80"}[name]
	f.Ipvsadm("-e -t " + Virtual + " -r " + address + " -m -w 0")
	counts, _ = f.Share(Virtual, 3)
	f.Wants("its server drains", counts, map[string]int{name: 3})
	f.Ipvsadm("-d -t " + Virtual + " -r " + address)
	counts, _ = f.Share(Virtual, 3)
	if len(counts) != 1 || counts[name] != 0 {
		f.Fatalf("its server %s is gone, but the client is at %v", name, counts)
	}
	return talks[name]
}
