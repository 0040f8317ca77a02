package proxy

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"

	"holdfast/traffic/proxy/accesslog"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

// Process is a running proxy.
type Process struct {
	Config *config.Config
	Plane  *plane.Plane
	log    *accesslog.Sink
}

// Start opens everything that a configuration names and begins to serve. inherited are listening sockets of a process before this
// one.
func Start(c *config.Config, inherited []plane.Socket) (*Process, error) {
	g := &c.Global
	loops := g.Threads
	if loops == 0 {
		loops = runtime.NumCPU()
	}
	// One more than there are loops: whoever wakes a loop finds a processor for it at once.
	runtime.GOMAXPROCS(loops + 1)
	plane.RaiseLimits(g.MaxConn)
	accesslog.Console["stdout"], accesslog.Console["stderr"] = os.Stdout, os.Stderr
	p := &Process{Config: c, log: accesslog.New(g.LogHost, os.Getpid())}
	var err error
	if p.Plane, err = plane.New(loops, g.MaxConn, p.log); err != nil {
		return nil, err
	}
	p.log.Open(g.Logs)
	for _, x := range c.Proxies {
		p.log.Open(x.Logs)
	}
	if err := p.Plane.Open(p.Plane.Compile(c), inherited); err != nil {
		return nil, err
	}
	if err := dropPrivileges(g); err != nil {
		return nil, err
	}
	p.Plane.Run()
	return p, nil
}

// Stop ends the proxy and all its connections.
func (p *Process) Stop() {
	p.Plane.Stop()
	p.log.Close()
}

// dropPrivileges confines the process to chroot, and to the user and the group of the configuration.
func dropPrivileges(g *config.Global) error {
	uid, gid := -1, -1
	if g.User != "" {
		u, err := user.Lookup(g.User)
		if err != nil {
			return fmt.Errorf("user %s: %w", g.User, err)
		}
		uid, _ = strconv.Atoi(u.Uid)
		gid, _ = strconv.Atoi(u.Gid)
	}
	if g.Group != "" {
		found, err := user.LookupGroup(g.Group)
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Group, err)
		}
		gid, _ = strconv.Atoi(found.Gid)
	}
	if g.Chroot != "" {
		if err := syscall.Chroot(g.Chroot); err != nil {
			return fmt.Errorf("chroot to %s: %w", g.Chroot, err)
		}
		if err := os.Chdir("/"); err != nil {
			return fmt.Errorf("chroot to %s: %w", g.Chroot, err)
		}
	}
	if gid > 0 {
		if err := syscall.Setgroups([]int{gid}); err != nil && os.Getuid() == 0 {
			return fmt.Errorf("drop groups: %w", err)
		}
		if err := syscall.Setgid(gid); err != nil {
			return fmt.Errorf("become group %d: %w", gid, err)
		}
	}
	if uid > 0 {
		if err := syscall.Setuid(uid); err != nil {
			return fmt.Errorf("become user %d: %w", uid, err)
		}
	}
	return nil
}
