package agents

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/netio"
)

// ip is a floating address of either version that watches its interface: when that loses its link, the cluster is told at
// once, and does not wait for the next monitor.
var ip = agent{
	metadata: ipMetadata,
	actions: map[string]func(Call) (int, error){
		"start": startIP, "stop": stopIP, "monitor": monitorIP, "status": monitorIP, "validate-all": validateAddress,
		"announce": announceAgain, "serve": watchLink,
	},
}

var ipMetadata = metadata{
	name: "ip", short: "Floating address that watches its link", timeout: "20s",
	long:       "A floating IPv4 or IPv6 address. Neighbours are told of its new place. A process beside it watches the interface: when the link goes, the resource fails at once, and the cluster moves it.",
	parameters: append(slices.Clone(addressParameters), parameter{name: "watch_link", short: "Watch the link", long: "Whether the resource fails when its interface has no link.", kind: "boolean", standard: "true"}),
}

func (c Call) watchesLink() bool { return c.boolean("watch_link", true) }

func (c Call) watcherPID() pidFile {
	return pidFile(filepath.Join(c.stateDir(), "holdfast-ip-"+c.instance()+".pid"))
}

// startIP does not put the address where nobody could reach it: the cluster takes it to another host then.
func startIP(c Call) (int, error) {
	if status, err := refuseUnlinked(c); status != success {
		return status, err
	}
	if status, err := startAddress(c); status != success || err != nil {
		return status, err
	}
	if err := c.watch(); err != nil {
		return genericError, err
	}
	return success, nil
}

// watch starts the process beside the address, unless it runs, or none is wanted.
func (c Call) watch() error {
	if !c.watchesLink() {
		return nil
	}
	running, err := c.watcherPID().find()
	if err != nil {
		return err
	}
	if running != nil {
		running.close()
		return nil
	}
	if err := c.watcherPID().spawn(c.Path); err != nil {
		return fmt.Errorf("watch the link: %w", err)
	}
	return nil
}

func refuseUnlinked(c Call) (int, error) {
	a, err := c.floatingAddress()
	if err != nil {
		return badConfigured, err
	}
	if !c.watchesLink() {
		return success, nil
	}
	link, _, err := a.place()
	if err != nil {
		return genericError, err
	}
	// One that was not set up yet will be.
	if flags := link.Attrs().Flags; flags&net.FlagUp != 0 && flags&net.FlagRunning == 0 {
		return genericError, fmt.Errorf("interface %s, where %s belongs, has no link", link.Attrs().Name, a.ip)
	}
	return success, nil
}

func stopIP(c Call) (int, error) {
	running, err := c.watcherPID().find()
	if err != nil {
		return genericError, err
	}
	if running != nil {
		defer running.close()
		if err := running.end(stopPatience); err != nil {
			return genericError, fmt.Errorf("stop watching the link: %w", err)
		}
	}
	if err := c.watcherPID().remove(); err != nil {
		return genericError, err
	}
	return stopAddress(c)
}

func monitorIP(c Call) (int, error) {
	return onHeld(c, notRunning, func(h netio.Held) (int, error) {
		linked, err := hasLink(h.Link)
		if err != nil {
			return genericError, err
		}
		if c.watchesLink() && !linked {
			return genericError, fmt.Errorf("interface %s, which has %s, has no link", h.Link, h.IP)
		}
		if c.repeats() {
			// The process may have been killed: without it the loss of a link would be seen by the next monitor only.
			if err := c.watch(); err != nil {
				fmt.Fprintln(c.Stderr, err)
			}
		}
		return success, nil
	})
}

// repeats tells whether this is a monitor of a resource that runs, not the question whether it does.
func (c Call) repeats() bool {
	interval := c.Getenv("OCF_RESKEY_CRM_meta_interval")
	return interval != "" && interval != "0"
}

// hasLink tells whether an interface is up and connected.
func hasLink(name string) (bool, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return false, fmt.Errorf("find interface %s: %w", name, err)
	}
	const both = net.FlagUp | net.FlagRunning
	return link.Attrs().Flags&both == both, nil
}

// failTime is how long the cluster may take to be told.
const failTime = 10 * time.Second

// watchLink tells the cluster each time the interface loses its link, for as long as the address is there.
func watchLink(c Call) (int, error) {
	a, err := c.floatingAddress()
	if err != nil {
		return badConfigured, err
	}
	updates, done := make(chan netlink.LinkUpdate, 16), make(chan struct{})
	defer close(done)
	if err := netlink.LinkSubscribe(updates, done); err != nil {
		return genericError, fmt.Errorf("watch the kernel's links: %w", err)
	}
	// The link may have gone since the address was put there.
	held, err := netio.Find(a.ip)
	if err != nil || len(held) == 0 {
		return success, err
	}
	linked, err := hasLink(held[0].Link)
	if err != nil {
		return genericError, err
	}
	if !linked {
		if err := c.fail(); err != nil {
			fmt.Fprintln(c.Stderr, err)
		}
	}
	for update := range updates {
		held, err := netio.Find(a.ip)
		if err != nil || len(held) == 0 {
			return success, err
		}
		if update.Link.Attrs().Name != held[0].Link {
			continue
		}
		is := update.IfInfomsg.Flags&unix.IFF_UP != 0 && update.IfInfomsg.Flags&unix.IFF_RUNNING != 0
		if linked && !is {
			if err := c.fail(); err != nil {
				fmt.Fprintln(c.Stderr, err)
			}
		}
		linked = is
	}
	return success, nil
}

// fail tells the cluster that the resource has failed on this host, as its monitor would.
func (c Call) fail() error {
	ctx, cancel := context.WithTimeout(context.Background(), failTime)
	defer cancel()
	host, err := exec.CommandContext(ctx, "crm_node", "-n").Output()
	if err != nil {
		return fmt.Errorf("ask for this host's name in the cluster: %w", err)
	}
	out, err := exec.CommandContext(ctx, "crm_resource", "--fail", "--resource", c.instance(), "--node", strings.TrimSpace(string(host))).CombinedOutput()
	if err != nil {
		return fmt.Errorf("tell the cluster that %s has failed: %w: %s", c.instance(), err, strings.TrimSpace(string(out)))
	}
	return nil
}
