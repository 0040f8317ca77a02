// Command compare measures what the proxy costs beside the machine's own haproxy, and whether it keeps what docs/proxy.md promises.
//
// The first cases are processor seconds for a million requests, the two programs in turn within one run. Both run in default configuration,
// without logs where a case does not say otherwise, before the same two servers on loopback; wrk asks over 64 connections, h2load where HTTP/2
// is spoken, this program itself where each request is a TLS handshake. The servers are our own proxy answering by itself.
//
// The others are about one program: latency at half load (of both), idle connections, configurations of 100,000 servers, reloads and dying
// servers under load. Each prints what was seen and what was wanted.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// measure is one case of the table of costs.
type measure struct {
	name, path string
	port       int // offset from the proxy's first
	load       loader
	limit      float64 // ratio that is to be reached
}

// loader asks a proxy's port for a path, as long as it is told, and returns how many requests were answered.
type loader func(b *bench, port int, path string) (requests float64, err error)

// offsets of the proxies' ports
const (
	httpPort = iota
	tcpPort
	alwaysPort
	rulesPort
	clear2Port
	tlsPort
)

var measures = []measure{
	{"http 128 B, keep-alive", "small", httpPort, kept, 0.80},
	{"http 64 KiB", "big", httpPort, kept, 0.70},
	{"http, new connections", "small", httpPort, fresh, 0.65},
	{"http, new, reuse always", "small", alwaysPort, fresh, 1.00},
	{"tcp 128 B", "small", tcpPort, kept, 0.95},
	{"tcp 64 KiB", "big", tcpPort, kept, 0.65},
	{"tcp, new connections", "small", tcpPort, fresh, 1.00},
	{"20 rules, table, log", "small", rulesPort, kept, 0.85},
	{"http/2 128 B", "small", clear2Port, streams, 1.00},
	{"tls 1.3, full handshake", "small", tlsPort, handshakes(false), 1.00},
	{"tls 1.3, resumed", "small", tlsPort, handshakes(true), 0.75},
	{"tls 1.3, 64 KiB", "big", tlsPort, keptTLS, 0.90},
}

const (
	serverPort = 18901
	theirPort  = 18910
	ourPort    = 18920
	ownPort    = 18930 // of the cases about one program
)

// bench is what all cases use.
type bench struct {
	dir, holdfast, haproxy string
	rounds                 int
	length                 time.Duration
	reloads                time.Duration // how long the proxy is reloaded every second
	idle                   int           // connections
	asking                 int           // one of so many of them has asked once
}

func main() {
	b := &bench{}
	flag.StringVar(&b.holdfast, "holdfast", "bin/holdfast", "the program to measure")
	flag.StringVar(&b.haproxy, "haproxy", "haproxy", "the program to measure it beside")
	flag.IntVar(&b.rounds, "rounds", 6, "how often each case is run for each of them")
	flag.DurationVar(&b.length, "time", 3*time.Second, "how long each time")
	flag.DurationVar(&b.reloads, "reloads", time.Minute, "how long the proxy is reloaded every second")
	flag.IntVar(&b.idle, "idle", 50_000, "how many idle connections are opened")
	flag.IntVar(&b.asking, "asking", 1, "one of so many idle connections has asked once")
	only := flag.String("case", "", "run only cases with this in their name")
	flag.Parse()
	if err := b.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func (b *bench) run(only string) error {
	var err error
	for port := serverPort; port <= ownPort; port++ { // sockets share their ports: somebody else's would take a part of the load
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = c.Close()
			return fmt.Errorf("somebody listens on port %d of 127.0.0.1: end that program (a proxy that an interrupted run has left?)", port)
		}
	}
	if b.dir, err = os.MkdirTemp("", "compare"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	if err := os.WriteFile(filepath.Join(b.dir, "big"), []byte(strings.Repeat("x", 64<<10)), 0o644); err != nil {
		return err
	}
	if err := certificate(filepath.Join(b.dir, "pem")); err != nil {
		return err
	}
	log, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(b.dir, "log"), Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	go drain(log)
	servers, err := b.begin("servers", serversConfig(b.dir, serverPort, serverPort+1), b.holdfast, "haproxy", "-db")
	if err != nil {
		return err
	}
	defer servers.end()
	if err := await(serverPort); err != nil {
		return err
	}
	if err := b.costs(only); err != nil {
		return err
	}
	for _, p := range promises {
		if !strings.Contains(p.name, only) {
			continue
		}
		seen, err := p.try(b)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Printf("%-34s %s   wanted: %s\n", p.name, seen, p.want)
	}
	return nil
}

// costs runs the cases that are ratios, and latency, which is about both programs too.
func (b *bench) costs(only string) error {
	var wanted []measure
	for _, m := range measures {
		if strings.Contains(m.name, only) {
			wanted = append(wanted, m)
		}
	}
	latency := strings.Contains(latencyName, only)
	if len(wanted) == 0 && !latency {
		return nil
	}
	var programs [2]*program
	for i, port := range []int{theirPort, ourPort} {
		path, args := b.haproxy, []string{"-db"}
		if i == 1 {
			path, args = b.holdfast, []string{"haproxy", "-db"}
		}
		p, err := b.begin([]string{"theirs", "ours"}[i], proxyConfig(b.dir, port), path, args...)
		if err != nil {
			return err
		}
		defer p.end()
		if err := await(port); err != nil {
			return err
		}
		programs[i] = p
	}
	if len(wanted) > 0 {
		fmt.Printf("%-26s %10s %10s %7s %7s   processor seconds for a million requests\n", "case", "haproxy", "holdfast", "ratio", "at most")
	}
	for _, m := range wanted {
		if err := b.compare(m, programs); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	if latency {
		return b.latency()
	}
	return nil
}

func (b *bench) compare(m measure, programs [2]*program) error {
	var seconds, requests [2]float64
	for range b.rounds {
		for i, p := range programs {
			before, err := p.seconds()
			if err != nil {
				return err
			}
			n, err := m.load(b, []int{theirPort, ourPort}[i]+m.port, m.path)
			if err != nil {
				return err
			}
			after, err := p.seconds()
			if err != nil {
				return err
			}
			seconds[i] += after - before
			requests[i] += n
		}
	}
	them, us := seconds[0]/requests[0]*1e6, seconds[1]/requests[1]*1e6
	fmt.Printf("%-26s %10.1f %10.1f %7.2f %7.2f\n", m.name, them, us, us/them, m.limit)
	return nil
}

// drain reads log lines until the socket is closed.
func drain(log *net.UnixConn) {
	room := make([]byte, 4096)
	for {
		if _, err := log.Read(room); err != nil {
			return
		}
	}
}

// await returns when somebody listens on a port.
func await(port int) error {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return c.Close()
		}
		if time.Since(begun) > 30*time.Second {
			return err
		}
	}
}

// smallBody is what the servers answer with to all but /big.
var smallBody = strings.Repeat("y", 128)

func serversConfig(dir string, ports ...int) string {
	text := "defaults\n mode http\n timeout client 1m\n timeout http-keep-alive 1m\nfrontend f\n"
	for _, port := range ports {
		text += fmt.Sprintf(" bind 127.0.0.1:%d\n", port)
	}
	return text + " http-request return status 200 content-type text/plain file " + filepath.Join(dir, "big") + " if { path /big }\n" +
		" http-request return status 200 content-type text/plain string " + smallBody + "\n"
}

func proxyConfig(dir string, port int) string {
	servers := fmt.Sprintf(" server a 127.0.0.1:%d\n server b 127.0.0.1:%d\n", serverPort, serverPort+1)
	text := "global\n maxconn 4000\ndefaults\n mode http\n timeout client 30s\n timeout server 30s\n timeout connect 5s\n"
	text += fmt.Sprintf("listen http\n bind 127.0.0.1:%d\n%s", port, servers)
	text += fmt.Sprintf("listen tcp\n mode tcp\n bind 127.0.0.1:%d\n%s", port+tcpPort, servers)
	text += fmt.Sprintf("listen always\n http-reuse always\n bind 127.0.0.1:%d\n%s", port+alwaysPort, servers)
	text += fmt.Sprintf("listen rules\n bind 127.0.0.1:%d\n option httplog\n log %s local0\n stick-table type ip size 10k expire 1m store http_req_rate(10s)\n"+
		" http-request track-sc0 src\n", port+rulesPort, filepath.Join(dir, "log"))
	for i := range 20 {
		text += fmt.Sprintf(" http-request deny if { path_beg /rule%d } { hdr(host) -i host%d.example }\n", i, i)
	}
	text += servers
	text += fmt.Sprintf("listen clear2\n bind 127.0.0.1:%d proto h2\n%s", port+clear2Port, servers)
	return text + fmt.Sprintf("listen tls\n http-reuse always\n bind 127.0.0.1:%d ssl crt %s ssl-min-ver TLSv1.3\n%s", port+tlsPort, filepath.Join(dir, "pem"), servers)
}

// program is a running program.
type program struct{ cmd *exec.Cmd }

func (b *bench) begin(name, text, path string, args ...string) (*program, error) {
	file := filepath.Join(b.dir, name+".cfg")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, append(args, "-f", file)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &program{cmd}, nil
}

func (p *program) end() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// seconds is the processor time that the program has taken.
func (p *program) seconds() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	words := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, err := strconv.ParseFloat(words[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(words[12], 64)
	const ticks = 100 // a second, on all of Linux's architectures that matter here
	return (user + system) / ticks, err
}
