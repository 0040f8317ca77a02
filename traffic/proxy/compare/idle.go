package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// idleClients are connections that wait, some of them for the first request, some behind an answer. They are bare descriptors, and are asked many at a time: where the processor is
// emulated, a switch between client and proxy costs more than the request does.
type idleClients []int

const (
	idleBatch     = 250
	idleSample    = 50     // of so many connections one asks in the end
	idleReport    = 5_000  // whoever waits is told
	idlePerSource = 10_000 // a source address has fewer ports than there are connections
	idlePort      = 20_000 // the first that clients of an address have
)

// open opens connections to a port of 127.0.0.1 until there are so many, and has one of each few ask once.
func (c *idleClients) open(port, most, every int) error {
	for len(*c) < most {
		first := len(*c)
		for len(*c) < min(first+idleBatch, most) {
			fd, err := idleClient(len(*c), port)
			if err != nil {
				return fmt.Errorf("connection %d: %w", len(*c), err)
			}
			*c = append(*c, fd)
		}
		if err := (*c)[first:].sample(every).ask(); err != nil {
			return fmt.Errorf("connections from %d on: %w", first, err)
		}
		if len(*c)/idleReport > first/idleReport {
			fmt.Fprintf(os.Stderr, "%d connections are open\n", len(*c))
		}
	}
	return nil
}

func idleClient(n, port int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	err = os.NewSyscallError("setsockopt", syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: int64(idleAnswer.Seconds())}))
	if err == nil {
		err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	}
	if err == nil {
		err = os.NewSyscallError("bind", syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 1, byte(1 + n/idlePerSource)}, Port: idlePort + n%idlePerSource}))
	}
	if err == nil {
		err = os.NewSyscallError("connect", syscall.Connect(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}))
	}
	if err != nil {
		_ = syscall.Close(fd)
	}
	return fd, err
}

// idleAnswer is how long an answer may take: on a slow machine that emulates another, too.
const idleAnswer = time.Minute

// ask has each connection ask once, and waits for all answers.
func (c idleClients) ask() error {
	for _, fd := range c {
		if _, err := syscall.Write(fd, []byte("GET /small HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
			return os.NewSyscallError("write", err)
		}
	}
	// The last answer is waited for first, so that the others are there together.
	last := []unix.PollFd{{Fd: int32(c[len(c)-1]), Events: unix.POLLIN}}
	if _, err := unix.Poll(last, int(idleAnswer.Milliseconds())); err != nil && err != unix.EINTR {
		return os.NewSyscallError("poll", err)
	}
	room := make([]byte, 4096)
	for _, fd := range c {
		for got := 0; ; {
			n, err := syscall.Read(fd, room[got:])
			if err == syscall.EINTR {
				continue
			}
			if got += max(n, 0); err != nil || n == 0 {
				return fmt.Errorf("read: %w, after %q", err, room[:got])
			}
			if bytes.HasPrefix(room[:got], []byte("HTTP/1.1 200")) && bytes.HasSuffix(room[:got], []byte("\r\n\r\n"+smallBody)) {
				break
			}
		}
	}
	return nil
}

// sample is one of each so many, the first among them.
func (c idleClients) sample(every int) (some idleClients) {
	for i := 0; i < len(c); i += every {
		some = append(some, c[i])
	}
	return some
}

func (c idleClients) close() {
	for _, fd := range c {
		// At once: the next program's clients have the same ports.
		_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		_ = syscall.Close(fd)
	}
}

// idleConnections opens connections that stay: to our program, and to haproxy where it is there and may have so many.
func (b *bench) idleConnections() (string, error) {
	want, err := descriptors(b.idle)
	if err != nil {
		return "", err
	}
	seen, err := b.idleAt("holdfast", want, b.holdfast, "haproxy", "-db")
	if err != nil {
		return "", err
	}
	if want < b.idle {
		return seen + "; the machine's limit of descriptors allows no more: `make bench-idle` does", nil
	}
	path, err := exec.LookPath(b.haproxy)
	if err != nil {
		return seen, nil
	}
	fmt.Println(seen)
	return b.idleAt("haproxy", want, path, "-db")
}

func (b *bench) idleAt(name string, want int, path string, args ...string) (string, error) {
	text := fmt.Sprintf("global\n maxconn %d\n%slisten l\n bind 127.0.0.1:%d\n%s", want+100, ownDefaults, ownPort, serverLines(serverPort, serverPort+1))
	p, err := b.begin("idle", text, path, args...)
	if err != nil {
		return "", err
	}
	defer p.end()
	if err := await(ownPort); err != nil {
		return "", err
	}
	begun := time.Now()
	before, err := p.memory()
	if err != nil {
		return "", err
	}
	kernelBefore, err := kernelMemory()
	if err != nil {
		return "", err
	}
	conns := make(idleClients, 0, want)
	defer func() { conns.close() }()
	if err := conns.open(ownPort, want, b.asking); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	after, err := p.memory()
	if err != nil {
		return "", err
	}
	kernel, err := kernelMemory()
	if err != nil {
		return "", err
	}
	held, err := p.descriptors()
	if err != nil {
		return "", err
	}
	if held < want {
		return "", fmt.Errorf("%s has %d descriptors, and should hold %d connections", name, held, want)
	}
	some := conns.sample(idleSample)
	if err := some.ask(); err != nil {
		return "", fmt.Errorf("%s: %d of the idle connections ask: %w", name, len(some), err)
	}
	return fmt.Sprintf("%s holds %d of them in %.0f MB, %.0f MB before (%.0f MB for 50,000), and answers %d of them; the kernel has %.0f MB for both ends; %.0f s",
		name, want, after, before, before+(after-before)*50_000/float64(want), len(some), kernel-kernelBefore, time.Since(begun).Seconds()), nil
}

// descriptors is how many the program has open.
func (p *program) descriptors() (int, error) {
	d, err := os.Open(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer func() { _ = d.Close() }()
	names, err := d.Readdirnames(-1)
	return len(names), err
}

// kernelMemory is what the kernel's objects and the buffers of TCP take, in megabytes.
func kernelMemory() (float64, error) {
	objects, err := number("/proc/meminfo", `Slab:\s+(\d+) kB`)
	if err != nil {
		return 0, err
	}
	pages, err := number("/proc/net/sockstat", `TCP:.* mem (\d+)`)
	return (objects + pages*float64(os.Getpagesize()>>10)) / 1024, err
}

// number finds a number in a file of /proc.
func number(file, pattern string) (float64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(pattern).FindSubmatch(b)
	if found == nil {
		return 0, fmt.Errorf("%s has nothing like %s", file, pattern)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(found[1])), 64)
}
