package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Lab is a running lab.
type Lab struct {
	config   Config
	socket   string        // abstract name
	lifeline *os.File      // closing it ends the lab; nil: not started by this process
	ended    chan struct{} // closed when the keeper is gone; nil: not started by this process
}

// Start makes a lab and boots its hosts. It lives until Close, until ctx ends, or until this
// process does. The error says what of the kernel or of permissions is missing.
func Start(ctx context.Context, c Config) (*Lab, error) {
	return start(ctx, c, false)
}

func start(ctx context.Context, c Config, detached bool) (*Lab, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if c.Binary == "" {
		c.Binary = "/proc/self/exe"
	}
	listener, name, err := listen(c.Name)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	l := &Lab{config: c, socket: name}
	if err := l.startKeeper(ctx, listener, detached); err != nil {
		return nil, err
	}
	return l, nil
}

// listen makes the keeper's abstract socket, which lies in the caller's network namespace.
func listen(name string) (*os.File, string, error) {
	if name == "" {
		name = "pid-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(monotonic(), 36)
	}
	socket := socketName(name)
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: socket, Net: "unixpacket"})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, "", fmt.Errorf("a lab named %q is already up; take it down or choose another name", name)
	}
	if err != nil {
		return nil, "", fmt.Errorf("make the lab's socket: %w", err)
	}
	defer l.Close()
	f, err := l.File()
	return f, socket, err
}

func socketName(name string) string {
	return fmt.Sprintf("@holdfast-lab/%d/%s", os.Getuid(), name)
}

// startKeeper starts the keeper and waits until all hosts are up.
func (l *Lab) startKeeper(ctx context.Context, listener *os.File, detached bool) error {
	config, err := json.Marshal(l.config)
	if err != nil {
		return fmt.Errorf("encode the lab's configuration: %w", err)
	}
	files, err := pipes()
	if err != nil {
		return err
	}
	defer files.keeper.Close()
	defer files.readyWrite.Close()
	defer files.ready.Close()
	command := keeperCommand(detached)
	command.ExtraFiles = []*os.File{listener, files.readyWrite, files.keeper}
	if detached {
		// The keeper holds the other end of its own lifeline.
		command.ExtraFiles = append(command.ExtraFiles, files.lifeline)
	}
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		files.lifeline.Close()
		return fmt.Errorf("start the lab's keeper in namespaces of its own: %w", explainClone(err))
	}
	files.readyWrite.Close()
	ended := make(chan struct{})
	l.lifeline, l.ended = files.lifeline, ended
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	stop := context.AfterFunc(ctx, func() { _ = command.Process.Kill() })
	_, writeErr := stdin.Write(config)
	stdin.Close()
	var answer reply
	err = errors.Join(writeErr, json.NewDecoder(files.ready).Decode(&answer))
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	if err != nil {
		_ = command.Process.Kill()
		l.Close()
		return fmt.Errorf("bring up the lab: %w", errors.Join(ctx.Err(), err))
	}
	if detached {
		stop()
		l.lifeline.Close()
		l.lifeline, l.ended = nil, nil
	}
	return nil
}

// keeperPipes are the pipes between a program and its keeper.
type keeperPipes struct {
	ready, readyWrite *os.File
	keeper, lifeline  *os.File // read and write end
}

func pipes() (p keeperPipes, err error) {
	if p.ready, p.readyWrite, err = os.Pipe(); err != nil {
		return p, err
	}
	if p.keeper, p.lifeline, err = os.Pipe(); err != nil {
		p.ready.Close()
		p.readyWrite.Close()
	}
	return p, err
}

// keeperCommand is the keeper as PID 1 of a pid namespace; as an ordinary user, as root of
// a user namespace.
func keeperCommand(detached bool) *exec.Cmd {
	attributes := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Setsid:     true, // an interrupt from the terminal is for the program, not for the hosts
	}
	if os.Getuid() != 0 {
		attributes.Cloneflags |= unix.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	command := &exec.Cmd{Path: "/proc/self/exe", Args: []string{keeperName}, Dir: "/", Env: os.Environ(), SysProcAttr: attributes}
	if !detached {
		command.Stderr = os.Stderr
	}
	return command
}

// explainClone says what to do when the kernel refuses namespaces.
func explainClone(err error) error {
	if os.Getuid() != 0 && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EACCES)) {
		return fmt.Errorf("%w: this machine does not let ordinary users make user namespaces "+
			"(kernel.unprivileged_userns_clone, user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns); run it as root", err)
	}
	return err
}

// Open returns the lab of this user that has a name, as left running by holdfast lab up.
func Open(name string) (*Lab, error) {
	l := &Lab{socket: socketName(name)}
	status, err := l.Status()
	if err != nil {
		return nil, fmt.Errorf("open lab %q (holdfast lab up makes it): %w", name, err)
	}
	for _, h := range status {
		if h.Name != ClientName {
			l.config.Hosts = append(l.config.Hosts, h.Name)
		}
	}
	return l, nil
}

// Close takes the lab down and waits until nothing is left of it.
func (l *Lab) Close() error {
	if l.lifeline != nil {
		l.lifeline.Close()
		<-l.ended
		l.lifeline = nil
		return nil
	}
	if l.ended != nil {
		return nil
	}
	_, err := l.call(context.Background(), request{Verb: "down"})
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Hosts returns the cluster's hosts in order of their addresses, without the client.
func (l *Lab) Hosts() []*Host {
	hosts := make([]*Host, len(l.config.Hosts))
	for i, name := range l.config.Hosts {
		hosts[i] = l.Host(name)
	}
	return hosts
}

// Host returns a host by name; what it is asked fails if the lab has none of that name.
func (l *Lab) Host(name string) *Host { return &Host{lab: l, name: name} }

// Client returns the host that is on every link and not in the cluster.
func (l *Lab) Client() *Host { return l.Host(ClientName) }

// Status says what every host is doing, the client last.
func (l *Lab) Status() ([]HostStatus, error) {
	answer, err := l.call(context.Background(), request{Verb: "status"})
	return answer.Hosts, err
}

// Partition lets hosts of different sets not hear each other on any link. Hosts in no set
// hear everybody. It replaces earlier partitions; without sets all hear each other.
func (l *Lab) Partition(sets ...[]string) error {
	_, err := l.call(context.Background(), request{Verb: "partition", Sets: sets})
	return err
}

// Block lets the two hosts of each pair not hear each other, while others may hear
// both: a half-broken network. It replaces earlier partitions and blocks.
func (l *Lab) Block(pairs ...[2]string) error { return l.pairs("block", pairs) }

// Silence lets the second host of each pair not hear the first, which hears it. It replaces
// earlier partitions and blocks.
func (l *Lab) Silence(pairs ...[2]string) error { return l.pairs("silence", pairs) }

// Choke lets only datagrams get through between the two hosts of each pair, as where a path swallows longer packets: they
// hear each other and cannot talk. It replaces earlier partitions and blocks.
func (l *Lab) Choke(pairs ...[2]string) error { return l.pairs("choke", pairs) }

func (l *Lab) pairs(verb string, pairs [][2]string) error {
	r := request{Verb: verb}
	for _, pair := range pairs {
		r.Sets = append(r.Sets, pair[:])
	}
	_, err := l.call(context.Background(), r)
	return err
}

// call asks the keeper one thing.
func (l *Lab) call(ctx context.Context, r request, files ...*os.File) (reply, error) {
	conn, err := l.open(ctx, r, files...)
	if err != nil {
		return reply{}, err
	}
	defer conn.Close()
	answer, passed, err := readReply(conn)
	closeAll(passed)
	return answer, err
}

// open sends a request and leaves the connection for its answers.
func (l *Lab) open(ctx context.Context, r request, files ...*os.File) (*net.UnixConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unixpacket", l.socket)
	if err != nil {
		return nil, fmt.Errorf("the lab is not there: %w", err)
	}
	unixConn := conn.(*net.UnixConn)
	if err := send(unixConn, r, files...); err != nil {
		conn.Close()
		return nil, fmt.Errorf("ask the lab to %s: %w", r.Verb, err)
	}
	return unixConn, nil
}

func readReply(conn *net.UnixConn) (reply, []*os.File, error) {
	var answer reply
	files, err := receive(conn, &answer)
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	return answer, files, err
}

// Supported says, by an error that names what is missing, whether this machine can have labs.
func Supported() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l, err := Start(ctx, Config{})
	if err != nil {
		return err
	}
	return l.Close()
}

// Up makes a lab that goes on when this process has ended, until Open(c.Name) and Close.
func Up(ctx context.Context, c Config) error {
	_, err := start(ctx, c, true)
	return err
}
