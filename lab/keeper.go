package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"holdfast/peercred"
)

// The files that a keeper is started with, beside its configuration on standard input.
const (
	keeperListener = 3 // abstract socket on which it is asked
	keeperReady    = 4 // pipe: one reply when the lab is up or could not be made
	keeperLifeline = 5 // pipe: when its other end closes, the lab ends
)

const shareName = "/run/holdfast-lab" // in every host: the way to the keeper

// keeper owns a lab: its file system, bridges, hosts and faults.
type keeper struct {
	config Config
	dir    string // the lab's tmpfs in the keeper's mount namespace
	hosts  map[string]*keptHost
	order  []*keptHost // the cluster's hosts by address, then the client

	mu     sync.Mutex // guards faults and the bridges' filter
	faults faults
}

// runKeeper is the keeper's main function. It never returns: the lab ends with it.
func runKeeper() {
	ready := os.NewFile(keeperReady, "ready")
	listener, err := keeperListen()
	var k *keeper
	if err == nil {
		k, err = newKeeper(os.Stdin)
	}
	if err == nil {
		err = k.up(listener)
	}
	answer := reply{}
	if err != nil {
		answer.Error = err.Error()
	}
	_ = json.NewEncoder(ready).Encode(answer)
	ready.Close()
	if err != nil {
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.NewFile(keeperLifeline, "lifeline"))
	os.Exit(0)
}

func keeperListen() (*net.UnixListener, error) {
	f := os.NewFile(keeperListener, "listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over the lab's socket: %w", err)
	}
	return l.(*net.UnixListener), nil
}

func newKeeper(config io.Reader) (*keeper, error) {
	k := &keeper{hosts: map[string]*keptHost{}}
	if err := json.NewDecoder(config).Decode(&k.config); err != nil {
		return nil, fmt.Errorf("read the lab's configuration: %w", err)
	}
	for i, name := range k.config.Hosts {
		k.add(name, i)
	}
	k.add(ClientName, -1)
	return k, nil
}

func (k *keeper) add(name string, index int) {
	h := &keptHost{keeper: k, name: name, index: index, wantOn: true}
	k.hosts[name] = h
	k.order = append(k.order, h)
}

// up makes everything, and then answers requests in the background.
func (k *keeper) up(listener *net.UnixListener) error {
	if err := k.makeFileSystem(); err != nil {
		return err
	}
	if err := makeBridges(k.config); err != nil {
		return err
	}
	if err := k.makeDisks(); err != nil {
		return err
	}
	for _, h := range k.order {
		if err := h.keepWatchdog(); err != nil {
			return err
		}
	}
	// Hosts reach the keeper by a path, because abstract sockets do not cross network namespaces.
	shared, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: k.path("share", "keeper.sock"), Net: "unixpacket"})
	if err != nil {
		return fmt.Errorf("make the fence helper's socket: %w", err)
	}
	go k.serve(listener, k.handle)
	go k.serve(shared, k.handleFence)
	failed := make(chan error, len(k.order))
	for _, h := range k.order {
		go func() { failed <- h.boot() }()
	}
	for range k.order {
		err = errors.Join(err, <-failed)
	}
	return err
}

func (k *keeper) path(parts ...string) string {
	return filepath.Join(append([]string{k.dir}, parts...)...)
}

// makeFileSystem mounts the lab's tmpfs over a directory that the hosts do not need: the
// overlays' lower layer is the file system below it.
func (k *keeper) makeFileSystem() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the lab's mounts private: %w", err)
	}
	binary, err := os.Open(k.config.Binary)
	if err != nil {
		return fmt.Errorf("open the binary for the hosts: %w", err)
	}
	defer binary.Close()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("open the running program for the hosts' first process: %w", err)
	}
	defer self.Close()
	for _, dir := range []string{"/mnt", "/srv", "/media", "/tmp"} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			k.dir = dir
			break
		}
	}
	if k.dir == "" {
		return errors.New("make the lab's file system: none of /mnt, /srv, /media, /tmp is a directory")
	}
	if err := unix.Mount("holdfast-lab", k.dir, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount the lab's tmpfs on %s: %w", k.dir, err)
	}
	for _, dir := range []string{"share", "storage", "hosts", "bin"} {
		if err := os.Mkdir(k.path(dir), 0o755); err != nil {
			return err
		}
	}
	// Copies, so that a rebuild of the binary does not change it under a running lab.
	if err := copyFile(self, k.path("bin", "init"), 0o755); err != nil {
		return fmt.Errorf("copy the hosts' first process: %w", err)
	}
	selfInfo, err := self.Stat()
	if err != nil {
		return err
	}
	if info, err := binary.Stat(); err == nil && os.SameFile(info, selfInfo) {
		return os.Link(k.path("bin", "init"), k.path("bin", "holdfast"))
	}
	if err := copyFile(binary, k.path("bin", "holdfast"), 0o755); err != nil {
		return fmt.Errorf("copy the hosts' binary: %w", err)
	}
	return nil
}

func copyFile(from io.Reader, to string, mode os.FileMode) error {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	return errors.Join(err, out.Close())
}

// serve answers one request per connection.
func (k *keeper) serve(l *net.UnixListener, handle func(*net.UnixConn, request, []*os.File) *reply) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if err := checkPeer(conn); err != nil {
				_ = send(conn, reply{Error: err.Error()})
				return
			}
			var r request
			files, err := receive(conn, &r)
			if err != nil {
				return
			}
			defer closeAll(files)
			if answer := handle(conn, r, files); answer != nil {
				_ = send(conn, answer)
			}
		}()
	}
}

// checkPeer lets only the user whose lab it is ask: abstract sockets have no file mode.
func checkPeer(conn *net.UnixConn) error {
	peer, err := peercred.Of(conn)
	if err != nil {
		return err
	}
	if int(peer.Uid) != os.Getuid() {
		return errors.New("this lab belongs to another user")
	}
	return nil
}

// handle answers what the lab's owner asks. A nil reply means that a host answers.
func (k *keeper) handle(conn *net.UnixConn, r request, files []*os.File) *reply {
	switch r.Verb {
	case "status":
		return &reply{Hosts: k.status()}
	case "down":
		// The caller sees the connection end when the keeper does.
		os.Exit(0)
	case "partition":
		return errorReply(k.setFaults(func(f *faults) error { return f.partition(k.config.Hosts, r.Sets) }))
	case "silence":
		return errorReply(k.setFaults(func(f *faults) error { return f.silence(k.config.Hosts, r.Sets) }))
	case "choke":
		return errorReply(k.setFaults(func(f *faults) error { return f.choke(k.config.Hosts, r.Sets) }))
	case "block":
		return errorReply(k.setFaults(func(f *faults) error { return f.block(k.config.Hosts, r.Sets) }))
	}
	h := k.hosts[r.Host]
	if h == nil {
		return &reply{Error: fmt.Sprintf("no host %q in the lab; it has %v and %s", r.Host, k.config.Hosts, ClientName)}
	}
	switch r.Verb {
	case "exec", "dial":
		err := h.forward(conn, r, files)
		if err != nil {
			return errorReply(err)
		}
		return nil
	case "lose":
		return errorReply(k.setFaults(func(f *faults) error { return f.lose(r.Host, r.Link, r.Percent) }))
	case "fence-fault":
		return errorReply(k.setFaults(func(f *faults) error { return f.fence(r.Host, r.Action) }))
	}
	at, err := k.hostVerb(h, r)
	if err != nil {
		return errorReply(err)
	}
	return &reply{At: at, State: h.status().State}
}

// hostVerb does what concerns one host, and says at which moment it took effect.
func (k *keeper) hostVerb(h *keptHost, r request) (at int64, err error) {
	switch r.Verb {
	case "boot":
		err = h.boot()
	case "kill":
		return h.kill()
	case "freeze":
		err = h.freeze(true)
	case "thaw":
		err = h.freeze(false)
	case "cut", "heal":
		err = h.setLink(r.Link, r.Verb == "cut")
	case "fill", "empty":
		err = h.fill(r.Verb == "fill")
	default:
		err = fmt.Errorf("the lab knows no request %q", r.Verb)
	}
	return monotonic(), err
}

func errorReply(err error) *reply {
	if err != nil {
		return &reply{Error: err.Error()}
	}
	return &reply{At: monotonic()}
}
