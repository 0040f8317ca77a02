package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// bootRequest tells a new PID 1 which host it is.
type bootRequest struct {
	Name      string
	Dir       string // upper layers and state, on the lab's tmpfs
	Share     string // directory with the keeper's socket
	Storage   string // directory that all hosts see at Shared
	Shared    string
	Binary    string
	Binds     []string
	StateDir  string
	Links     []string            // its own addresses with prefix length, by link
	Addresses map[string][]string // every host's, for /etc/hosts
	Fresh     bool                // the first boot of this disk
	Files     []File
	Install   []Command
	Run       []Command
}

const initChannel = 3 // open file: the keeper's requests

// initHost is PID 1 of a host.
type initHost struct {
	children *children
	env      []string
	booted   chan struct{} // closed when the host is one; until then its files are the machine's
}

// runInit is the main function of a host's PID 1.
func runInit() {
	channel, err := connFromFile(os.NewFile(initChannel, "channel"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "holdfast lab: host without a channel to its keeper:", err)
		os.Exit(1)
	}
	h := &initHost{children: newChildren(), env: os.Environ(), booted: make(chan struct{})}
	for {
		var r request
		files, err := receive(channel, &r)
		if err != nil {
			os.Exit(0) // the keeper is gone, and so is the host
		}
		go h.answer(r, files)
	}
}

// answer does one request. The first file is the connection that waits for the answer.
func (h *initHost) answer(r request, files []*os.File) {
	defer func() { closeAll(files) }()
	if len(files) == 0 {
		return
	}
	conn, err := connFromFile(files[0])
	files = files[1:]
	if err != nil {
		return
	}
	defer conn.Close()
	switch r.Verb {
	case "exec":
		<-h.booted
		h.exec(conn, r, files)
	case "dial":
		<-h.booted
		h.dial(conn, r)
	default:
		_ = send(conn, errorReply(h.do(r)))
	}
}

func (h *initHost) do(r request) error {
	switch r.Verb {
	case "boot":
		return h.boot(r.Boot)
	case "stop":
		return h.signalAll(syscall.SIGSTOP)
	case "continue":
		return h.signalAll(syscall.SIGCONT)
	}
	return fmt.Errorf("a host knows no request %q", r.Verb)
}

// signalAll signals every process of the host but PID 1 itself.
func (h *initHost) signalAll(signal syscall.Signal) error {
	if err := syscall.Kill(-1, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal every process: %w", err)
	}
	return nil
}

// boot makes this process's namespaces a host and starts its daemons.
func (h *initHost) boot(b *bootRequest) error {
	if err := unix.Sethostname([]byte(b.Name)); err != nil {
		return fmt.Errorf("set the host's name: %w", err)
	}
	if err := makeRoot(b); err != nil {
		return err
	}
	if err := configureNetwork(b.Links); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(shareName, watchdogOf(b.Name)), WatchdogPath); err != nil {
		return err
	}
	for path, text := range map[string]string{"/etc/hosts": hostsFile(b.Addresses), "/etc/hostname": b.Name + "\n"} {
		// The machine's file may belong to somebody whom this user namespace does not know.
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if b.Fresh {
		if err := h.furnish(b); err != nil {
			return err
		}
	}
	for _, c := range b.Run {
		if err := h.daemon(c); err != nil {
			return err
		}
	}
	close(h.booted)
	return nil
}

// furnish gives a fresh disk the files and whatever else its owner wants there.
func (h *initHost) furnish(b *bootRequest) error {
	for _, f := range b.Files {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			return err
		}
		_ = os.Remove(f.Path)
		if err := os.WriteFile(f.Path, f.Data, f.Mode); err != nil {
			return err
		}
	}
	for _, c := range b.Install {
		if err := h.install(c); err != nil {
			return err
		}
	}
	return nil
}

// install runs one command to its end.
func (h *initHost) install(c Command) error {
	output, err := os.CreateTemp("", "install")
	if err != nil {
		return err
	}
	defer os.Remove(output.Name())
	defer output.Close()
	ended, err := h.start(c, []*os.File{nil, output, output})
	if err != nil {
		return err
	}
	if status := <-ended.done; !status.Exited() || status.ExitStatus() != 0 {
		said, _ := os.ReadFile(output.Name())
		return fmt.Errorf("install command %q ended with %s: %s", strings.Join(c.Args, " "), describe(status), strings.TrimSpace(string(said)))
	}
	return nil
}

// daemon starts one command and leaves it running.
func (h *initHost) daemon(c Command) error {
	log, err := os.OpenFile("/var/log/boot.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = h.start(c, []*os.File{nil, log, log})
	return err
}

func hostsFile(addresses map[string][]string) string {
	names := make([]string, 0, len(addresses))
	for name := range addresses {
		names = append(names, name)
	}
	sort.Strings(names)
	var out strings.Builder
	out.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost\n")
	for _, name := range names {
		fmt.Fprintf(&out, "%s %s\n", addresses[name][0], name)
	}
	return out.String()
}

// configureNetwork sets up lo and eth0, eth1, … with one address each.
func configureNetwork(links []string) error {
	// Addresses that wait for duplicate detection could not be used for a second.
	for _, kind := range []string{"all", "default"} {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+kind+"/accept_dad", []byte("0"), 0o644)
	}
	_ = os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 0"), 0o644)
	if err := setUp("lo", ""); err != nil {
		return err
	}
	for i, address := range links {
		if err := setUp(fmt.Sprintf("eth%d", i), address); err != nil {
			return err
		}
	}
	return nil
}

func setUp(name, address string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find the host's %s: %w", name, err)
	}
	if address != "" {
		prefix, err := netip.ParsePrefix(address)
		if err != nil {
			return err
		}
		ip := &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: ip}); err != nil {
			return fmt.Errorf("give %s to the host's %s: %w", address, name, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set up the host's %s: %w", name, err)
	}
	return nil
}
