// Command compare measures what the proxy costs beside the machine's own haproxy: processor seconds for a million requests, case by
// case, the two in turn within one run. Both run in default configuration, without logs, before the same two servers on loopback; wrk
// asks over 64 connections. The servers are this program's own proxy answering by itself.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// measure is one case of the table.
type measure struct {
	name, path string
	port       int // offset from the proxy's first
	fresh      bool
	limit      float64 // ratio that is to be reached
}

var measures = []measure{
	{"http 128 B, keep-alive", "small", 0, false, 0.80},
	{"http 64 KiB", "big", 0, false, 0.70},
	{"http, new connections", "small", 0, true, 0.65},
	{"http, new, reuse always", "small", 2, true, 1.00},
	{"tcp 128 B", "small", 1, false, 0.95},
	{"tcp 64 KiB", "big", 1, false, 0.65},
	{"tcp, new connections", "small", 1, true, 1.00},
	{"20 rules, table, log", "small", 3, false, 0.85},
}

const (
	serverPort = 18901
	theirPort  = 18910
	ourPort    = 18920
)

func main() {
	holdfast := flag.String("holdfast", "bin/holdfast", "the program to measure")
	haproxy := flag.String("haproxy", "haproxy", "the program to measure it beside")
	rounds := flag.Int("rounds", 4, "how often each case is run for each of them")
	length := flag.Duration("time", 3*time.Second, "how long each time")
	only := flag.String("case", "", "run only cases with this in their name")
	flag.Parse()
	if err := run(*holdfast, *haproxy, *rounds, *length, *only); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(holdfast, haproxy string, rounds int, length time.Duration, only string) error {
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.WriteFile(filepath.Join(dir, "big"), []byte(strings.Repeat("x", 64<<10)), 0o644); err != nil {
		return err
	}
	log, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "log"), Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	go drain(log)
	servers, err := begin(dir, "servers", serversConfig(dir), holdfast, "haproxy", "-db")
	if err != nil {
		return err
	}
	defer servers.end()
	theirs, err := begin(dir, "theirs", proxyConfig(dir, theirPort), haproxy, "-db")
	if err != nil {
		return err
	}
	defer theirs.end()
	ours, err := begin(dir, "ours", proxyConfig(dir, ourPort), holdfast, "haproxy", "-db")
	if err != nil {
		return err
	}
	defer ours.end()
	for _, port := range []int{serverPort, theirPort, ourPort} {
		if err := await(port); err != nil {
			return err
		}
	}
	fmt.Printf("%-26s %10s %10s %7s %7s   processor seconds for a million requests\n", "case", "haproxy", "holdfast", "ratio", "at most")
	for _, m := range measures {
		if !strings.Contains(m.name, only) {
			continue
		}
		var seconds, requests [2]float64
		for range rounds {
			for i, p := range []*program{theirs, ours} {
				s, n, err := p.load(m, []int{theirPort, ourPort}[i], length)
				if err != nil {
					return fmt.Errorf("%s: %w", m.name, err)
				}
				seconds[i] += s
				requests[i] += n
			}
		}
		them, us := seconds[0]/requests[0]*1e6, seconds[1]/requests[1]*1e6
		fmt.Printf("%-26s %10.1f %10.1f %7.2f %7.2f\n", m.name, them, us, us/them, m.limit)
	}
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

func serversConfig(dir string) string {
	text := "defaults\n mode http\n timeout client 1m\n timeout http-keep-alive 1m\nfrontend f\n"
	for i := range 2 {
		text += fmt.Sprintf(" bind 127.0.0.1:%d\n", serverPort+i)
	}
	return text + " http-request return status 200 content-type text/plain file " + filepath.Join(dir, "big") + " if { path /big }\n" +
		" http-request return status 200 content-type text/plain string " + strings.Repeat("y", 128) + "\n"
}

func proxyConfig(dir string, port int) string {
	servers := fmt.Sprintf(" server a 127.0.0.1:%d\n server b 127.0.0.1:%d\n", serverPort, serverPort+1)
	text := "global\n maxconn 4000\ndefaults\n mode http\n timeout client 30s\n timeout server 30s\n timeout connect 5s\n"
	text += fmt.Sprintf("listen http\n bind 127.0.0.1:%d\n%s", port, servers)
	text += fmt.Sprintf("listen tcp\n mode tcp\n bind 127.0.0.1:%d\n%s", port+1, servers)
	text += fmt.Sprintf("listen always\n http-reuse always\n bind 127.0.0.1:%d\n%s", port+2, servers)
	text += fmt.Sprintf("listen rules\n bind 127.0.0.1:%d\n option httplog\n log %s local0\n stick-table type ip size 10k expire 1m store http_req_rate(10s)\n"+
		" http-request track-sc0 src\n", port+3, filepath.Join(dir, "log"))
	for i := range 20 {
		text += fmt.Sprintf(" http-request deny if { path_beg /rule%d } { hdr(host) -i host%d.example }\n", i, i)
	}
	return text + servers
}

// program is a running program.
type program struct{ cmd *exec.Cmd }

func begin(dir, name, text, path string, args ...string) (*program, error) {
	file := filepath.Join(dir, name+".cfg")
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

var counted = regexp.MustCompile(`(\d+) requests in`)

// load has wrk ask, and returns the program's processor time and the requests.
func (p *program) load(m measure, port int, length time.Duration) (seconds, requests float64, err error) {
	before, err := p.seconds()
	if err != nil {
		return 0, 0, err
	}
	args := []string{"-t2", "-c64", "-d" + length.String()}
	if m.fresh {
		args = append(args, "-H", "Connection: close")
	}
	out, err := exec.Command("wrk", append(args, fmt.Sprintf("http://127.0.0.1:%d/%s", port+m.port, m.path))...).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	found := counted.FindSubmatch(out)
	if found == nil || strings.Contains(string(out), "Non-2xx") {
		return 0, 0, fmt.Errorf("wrk says: %s", out)
	}
	requests, err = strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		return 0, 0, err
	}
	after, err := p.seconds()
	return after - before, requests, err
}
