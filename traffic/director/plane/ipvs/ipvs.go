package ipvs

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// Abilities are the kernel's.
type Abilities struct{}

// Name is ipvs.
func (Abilities) Name() string { return "ipvs" }

// Supports takes all that is right; which schedulers there are shows when the kernel loads them.
func (Abilities) Supports(s table.Service) error { return s.Check() }

// Differs is empty: it is what others differ from.
func (Abilities) Differs(table.Service) string { return "" }

// Plane is the kernel's IP Virtual Server in the network namespace of the thread that opened it.
type Plane struct {
	Abilities
	mu      sync.Mutex // one request at a time on the socket
	family  uint16
	sockets map[int]*nl.SocketHandle
}

// Open opens the kernel's table; a *plane.Unsupported if the kernel has none.
func Open() (*Plane, error) {
	f, err := netlink.GenlFamilyGet("IPVS")
	if errors.Is(err, unix.ENOENT) {
		return nil, &plane.Unsupported{Plane: "ipvs", Feature: "anything on this kernel: it has no ip_vs", Instead: "load or build the module ip_vs, or choose the plane ebpf or nft"}
	}
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for its IP Virtual Server: %w", err)
	}
	socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_GENERIC)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	return &Plane{family: f.ID, sockets: map[int]*nl.SocketHandle{unix.NETLINK_GENERIC: {Socket: socket}}}, nil
}

// Close closes the socket.
func (p *Plane) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sockets[unix.NETLINK_GENERIC].Close()
	return nil
}

// ask sends a request and returns the attributes of each answer.
func (p *Plane) ask(command uint8, flags int, request ...*nl.RtAttr) ([]attributes, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := nl.NewNetlinkRequest(int(p.family), flags)
	r.Sockets = p.sockets
	r.AddData(&nl.Genlmsg{Command: command, Version: 1})
	for _, a := range request {
		r.AddData(a)
	}
	answers, err := r.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return nil, err
	}
	var all []attributes
	for _, b := range answers {
		if len(b) > nl.SizeofGenlmsg {
			all = append(all, parse(b[nl.SizeofGenlmsg:]))
		}
	}
	return all, nil
}

// tell sends a request that has no answer but whether it was done.
func (p *Plane) tell(command uint8, request ...*nl.RtAttr) error {
	_, err := p.ask(command, unix.NLM_F_ACK, request...)
	return err
}

// Apply carries changes out one by one.
func (p *Plane) Apply(changes []table.Change) error {
	for _, c := range changes {
		if err := p.apply(c); err != nil {
			return fmt.Errorf("%s: %w", c, p.explain(c, err))
		}
	}
	return nil
}

func (p *Plane) apply(c table.Change) error {
	switch c.Do {
	case table.AddService:
		return p.tell(newService, serviceAttributes(c.Service))
	case table.EditService:
		return p.tell(setService, serviceAttributes(c.Service))
	case table.DeleteService:
		return p.tell(deleteService, keyAttributes(c.Service.Key))
	case table.AddServer:
		return p.tell(newServer, keyAttributes(c.Service.Key), serverAttributes(c.Server))
	case table.EditServer:
		return p.tell(setServer, keyAttributes(c.Service.Key), serverAttributes(c.Server))
	}
	return p.tell(deleteServer, keyAttributes(c.Service.Key), serverAttributes(c.Server))
}

// explain turns the kernel's error numbers into what they mean for a change.
func (p *Plane) explain(c table.Change, err error) error {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return err
	}
	switch {
	case number == unix.EEXIST:
		return table.ErrExists
	case number == unix.ENOENT && c.Do <= table.EditService:
		feature := "scheduler " + c.Service.Scheduler
		if c.Service.Engine != "" {
			feature += " or persistence engine " + c.Service.Engine
		}
		return &plane.Unsupported{Plane: "ipvs", Feature: feature, Instead: "the kernel has no module for it"}
	case number == unix.ENOENT:
		return table.ErrNotFound
	case number == unix.ESRCH:
		return fmt.Errorf("service %s: %w", c.Service.Key, table.ErrNotFound)
	case number == unix.EPROTONOSUPPORT || number == unix.EAFNOSUPPORT:
		return &plane.Unsupported{Plane: "ipvs", Feature: c.Service.Key.String(), Instead: "the kernel is built without that protocol"}
	case number == unix.EPERM:
		return fmt.Errorf("%w: changing the kernel's table takes CAP_NET_ADMIN", err)
	}
	return err
}

// Table reads services and servers.
func (p *Plane) Table() (table.Table, error) {
	all, err := p.Status()
	if err != nil {
		return nil, err
	}
	t := table.Table{}
	for _, s := range all {
		for _, server := range s.Servers {
			s.Service.Servers = append(s.Service.Servers, server.Server)
		}
		t[s.Key] = s.Service
	}
	return t, nil
}

// Status reads services and servers with their counters.
func (p *Plane) Status(keys ...table.Key) ([]plane.Service, error) {
	answers, err := p.ask(getService, unix.NLM_F_DUMP)
	if err != nil {
		return nil, fmt.Errorf("read the kernel's services: %w", err)
	}
	var all []plane.Service
	for _, a := range answers {
		s := parse(a[attrService]).service()
		if len(keys) > 0 && !slices.Contains(keys, s.Key) {
			continue
		}
		servers, err := p.ask(getServer, unix.NLM_F_DUMP, keyAttributes(s.Key))
		if err != nil {
			return nil, fmt.Errorf("read the servers of %s: %w", s.Key, err)
		}
		for _, server := range slices.Backward(servers) { // the kernel puts the newest first
			s.Servers = append(s.Servers, parse(server[attrServer]).server(s.Key))
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b plane.Service) int { return a.Key.Compare(b.Key) })
	return all, nil
}

// Zero sets counters back.
func (p *Plane) Zero(key *table.Key) error {
	if key == nil {
		return p.tell(zero)
	}
	err := p.tell(zero, keyAttributes(*key))
	if errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("zero the counters of %s: %w", *key, table.ErrNotFound)
	}
	return err
}

// Size is how many rows the kernel's table of connections has.
func (p *Plane) Size() (int, error) {
	const size = 2
	answers, err := p.ask(getInfo, 0)
	if err != nil || len(answers) == 0 {
		return 0, fmt.Errorf("ask for the size of the kernel's table of connections: %w", err)
	}
	return int(answers[0].number(size)), nil
}

// Timeouts reads them.
func (p *Plane) Timeouts() (plane.Timeouts, error) {
	answers, err := p.ask(getConfig, 0)
	if err != nil || len(answers) == 0 {
		return plane.Timeouts{}, fmt.Errorf("ask for the kernel's timeouts: %w", err)
	}
	of := func(n uint16) time.Duration { return time.Duration(answers[0].number(n)) * time.Second }
	return plane.Timeouts{TCP: of(attrTimeoutTCP), TCPFinish: of(attrTimeoutFinish), UDP: of(attrTimeoutUDP)}, nil
}

// SetTimeouts sets those that are not 0, in whole seconds.
func (p *Plane) SetTimeouts(t plane.Timeouts) error {
	of := func(n int, d time.Duration) *nl.RtAttr { return nl.NewRtAttr(n, nl.Uint32Attr(uint32(d/time.Second))) }
	if err := p.tell(setConfig, of(attrTimeoutTCP, t.TCP), of(attrTimeoutFinish, t.TCPFinish), of(attrTimeoutUDP, t.UDP)); err != nil {
		return fmt.Errorf("set the kernel's timeouts: %w", err)
	}
	return nil
}
