package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// promise is a case about our program alone.
type promise struct {
	name, want string
	try        func(b *bench) (seen string, err error)
}

var promises = []promise{
	{"idle connections", "under 500 MB", (*bench).idleConnections},
	{"10,000 backends, 100,000 servers", "load under 5 s, reload under 3 s", (*bench).large},
	{"reload every second under load", "0 failed of at least 500,000", (*bench).reloaded},
	{"server that dies under load", "0 failed", (*bench).dying},
}

const latencyName = "p99 latency at half load"

// latency asks each program at half the pace that haproxy reaches when it is pressed, and compares how long all but the slowest hundredth take at most, as
// the median over the rounds.
func (b *bench) latency() error {
	most, err := kept(b, theirPort+httpPort, "small")
	if err != nil {
		return err
	}
	pace := most / b.length.Seconds() / 2
	var all [2][]time.Duration // of each round: a machine that has other things to do stands still now and then, for either of them
	for range 3 * b.rounds {
		for i, port := range []int{theirPort, ourPort} {
			times, err := paced(port+httpPort, pace, time.Second)
			if err != nil {
				return err
			}
			slices.Sort(times)
			all[i] = append(all[i], times[len(times)*99/100])
		}
	}
	var p99 [2]time.Duration
	for i := range all {
		slices.Sort(all[i])
		p99[i] = all[i][len(all[i])/2]
	}
	fmt.Printf("%-34s haproxy %v, holdfast %v, at %.0f requests a second   wanted: not above haproxy's\n", latencyName, p99[0].Round(time.Microsecond),
		p99[1].Round(time.Microsecond), pace)
	return nil
}

// paced asks at a steady pace over 64 connections, and returns how long each answer took from when its request was due.
func paced(port int, pace float64, length time.Duration) ([]time.Duration, error) {
	const clients = 64
	var all []time.Duration
	var mu sync.Mutex
	var failed atomic.Pointer[error]
	var wait sync.WaitGroup
	begun := time.Now()
	every := time.Duration(clients / pace * float64(time.Second))
	for i := range clients {
		wait.Go(func() {
			times, err := pacedClient(port, begun.Add(every*time.Duration(i)/clients), every, begun.Add(length))
			if err != nil {
				failed.Store(&err)
			}
			mu.Lock()
			all = append(all, times...)
			mu.Unlock()
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return all, nil
}

func pacedClient(port int, due time.Time, every time.Duration, end time.Time) (times []time.Duration, err error) {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for ; due.Before(end); due = due.Add(every) {
		time.Sleep(time.Until(due))
		if err := ask(c, r); err != nil {
			return nil, err
		}
		times = append(times, time.Since(due))
	}
	return times, nil
}

func ask(c net.Conn, r *bufio.Reader) error {
	if _, err := io.WriteString(c, "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if err == nil && answer.StatusCode != 200 {
		err = fmt.Errorf("answered with %s", answer.Status)
	}
	return err
}

// one starts our program with a configuration of its own.
func (b *bench) one(name, text string, args ...string) (*program, error) {
	p, err := b.begin(name, text, b.holdfast, append([]string{"haproxy"}, args...)...)
	if err == nil {
		if err = await(ownPort); err != nil {
			p.end()
		}
	}
	return p, err
}

// Clients may be idle for longer than the slowest machine takes to open all of them.
const ownDefaults = "defaults\n mode http\n timeout client 3h\n timeout server 30s\n timeout connect 5s\n"

func serverLines(ports ...int) (text string) {
	for _, port := range ports {
		text += fmt.Sprintf(" server s%d 127.0.0.1:%d\n", port, port)
	}
	return text
}

// descriptors raises this process's limit to what so many connections take, and returns how many it allows.
func descriptors(connections int) (int, error) {
	const others = 1500
	need := uint64(connections + others)
	limit := syscall.Rlimit{Cur: need, Max: need}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		return connections, nil
	}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	return min(connections, int(limit.Max)-others), nil
}

// memory is what the program holds in memory, in megabytes.
func (p *program) memory() (float64, error) {
	n, err := number(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), `VmRSS:\s+(\d+) kB`)
	return n / 1024, err
}

// largeConfig has 10,000 backends of ten servers each, and answers with its version by itself.
func largeConfig(version int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sfrontend f\n bind 127.0.0.1:%d\n http-request return status 200 content-type text/plain string %d if { path /version }\n use_backend b%%[url_param(b)]\n", ownDefaults, ownPort, version)
	for i := range 10_000 {
		fmt.Fprintf(&b, "backend b%d\n balance roundrobin\n", i)
		for j := range 10 {
			fmt.Fprintf(&b, " server s%d 10.%d.%d.%d:80 weight %d\n", j, i>>8, i&0xff, j+1, j+1)
		}
	}
	return b.String()
}

func (b *bench) large() (string, error) {
	begun := time.Now()
	p, err := b.one("large", largeConfig(1), "-W")
	if err != nil {
		return "", err
	}
	defer p.stop()
	if err := awaitVersion(1); err != nil {
		return "", err
	}
	load := time.Since(begun)
	cost, err := p.seconds()
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(b.dir, "large.cfg"), []byte(largeConfig(2)), 0o644); err != nil {
		return "", err
	}
	begun = time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		return "", err
	}
	if err := awaitVersion(2); err != nil {
		return "", err
	}
	return fmt.Sprintf("load %.2f s, %.2f of them the master's own on a processor, reload %.2f s", load.Seconds(), cost, time.Since(begun).Seconds()), nil
}

// awaitVersion returns when the proxy answers with a version.
func awaitVersion(version int) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/version", ownPort))
		if err == nil {
			text, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if string(text) == strconv.Itoa(version) {
				return nil
			}
			err = fmt.Errorf("version %q is answered", text)
		}
		if time.Since(begun) > time.Minute {
			return err
		}
	}
}

// reloaded has a master read its file again every second while wrk asks, half over connections that stay, half over new ones.
func (b *bench) reloaded() (string, error) {
	p, err := b.one("reloaded", fmt.Sprintf("global\n maxconn 4000\n hard-stop-after 10s\n%slisten l\n bind 127.0.0.1:%d\n%s", ownDefaults, ownPort,
		serverLines(serverPort, serverPort+1)), "-W")
	if err != nil {
		return "", err
	}
	defer p.stop()
	stop := make(chan struct{})
	var reloads atomic.Int64
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = p.cmd.Process.Signal(syscall.SIGUSR2)
				reloads.Add(1)
			case <-stop:
				return
			}
		}
	})
	url := fmt.Sprintf("http://127.0.0.1:%d/small", ownPort)
	var requests [2]float64
	var errs [2]string
	var loads sync.WaitGroup
	for i, args := range [][]string{nil, {"-H", "Connection: close"}} {
		loads.Go(func() {
			n, out, err := b.wrk(url, b.reloads, args...)
			if requests[i] = n; err != nil {
				errs[i] = err.Error()
			} else if at := strings.Index(out, "Socket errors"); at >= 0 {
				errs[i] = strings.SplitN(out[at:], "\n", 2)[0]
			}
		})
	}
	loads.Wait()
	close(stop)
	wait.Wait()
	failures := strings.TrimSpace(errs[0] + " " + errs[1])
	if failures == "" {
		failures = "0 failed"
	}
	return fmt.Sprintf("%d reloads: %s of %.0f kept, %.0f new connections'", reloads.Load(), failures, requests[0], requests[1]), nil
}

// dying kills one of two servers while wrk asks, and starts it again, over and over.
func (b *bench) dying() (string, error) {
	const first = serverPort + 4
	var servers [2]*program
	begin := func(i int) (err error) {
		servers[i], err = b.begin(fmt.Sprint("server", i), serversConfig(b.dir, first+i), b.holdfast, "haproxy", "-db")
		if err == nil {
			err = await(first + i)
		}
		return err
	}
	for i := range servers {
		if err := begin(i); err != nil {
			return "", err
		}
		defer func() { servers[i].end() }()
	}
	p, err := b.one("dying", fmt.Sprintf("%slisten l\n bind 127.0.0.1:%d\n retries 3\n option redispatch\n retry-on conn-failure empty-response response-timeout\n%s", ownDefaults,
		ownPort, serverLines(first, first+1)), "-db")
	if err != nil {
		return "", err
	}
	defer p.end()
	type result struct {
		n   float64
		out string
		err error
	}
	done := make(chan result)
	length := max(b.length*time.Duration(b.rounds), 4*time.Second)
	go func() {
		n, out, err := b.wrk(fmt.Sprintf("http://127.0.0.1:%d/small", ownPort), length)
		done <- result{n, out, err}
	}()
	deaths := 0
	for {
		select {
		case r := <-done:
			if r.err == nil && strings.Contains(r.out, "Socket errors") {
				r.err = fmt.Errorf("wrk says: %s", r.out)
			}
			return fmt.Sprintf("0 failed of %.0f, %d deaths", r.n, deaths), r.err
		case <-time.After(time.Second):
			i := deaths % len(servers)
			servers[i].end()
			deaths++
			if err := begin(i); err != nil {
				return "", err
			}
		}
	}
}

// stop ends a master and its workers.
func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}
