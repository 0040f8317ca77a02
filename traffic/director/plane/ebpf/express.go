package ebpf

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
)

// Express is where drivers themselves run the program express on what comes in (native XDP), before the program director.
type Express uint32

// Where it does. It is kept with the plane.
const (
	ExpressKept  Express = iota // as it was; at first, where the driver gains by it
	ExpressNever                // nowhere
	ExpressEver                 // wherever the driver can
)

// gaining are the drivers of network cards that hand packets to a program before they make more of them, and send what it tells them to. Those of veth, tun and
// bridges, which could, lose by it: segments of TCP come to them uncut, and would be cut for it; virtio_net gives up the same.
var gaining = []string{
	"atlantic", "bnxt_en", "ena", "enetc", "fsl_dpaa2_eth", "gve", "i40e", "iavf", "ice", "igb", "igc", "ixgbe", "ixgbevf", "mana", "mlx4_en", "mlx5_core",
	"mvneta", "mvpp2", "nfp", "qede", "sfc", "stmmac", "thunder-nic",
}

// driver is the name of an interface's driver; empty if it does not tell.
func driver(name string) string {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(s)
	info, err := unix.IoctlGetEthtoolDrvinfo(s, name)
	if err != nil {
		return ""
	}
	return unix.ByteSliceToString(info.Driver[:])
}

// expressName is the name of the link of the program express to an interface.
func expressName(ifindex int) string { return "express-" + strconv.Itoa(ifindex) }

// attachExpress has an interface's driver run the program, if it is to; it tells whether it does. Where the driver cannot, or has another's program, and it was not
// asked for by name, packets go the usual way.
func (k *kernel) attachExpress(dir string, to netlink.Link, replace bool) (bool, error) {
	a := to.Attrs()
	wanted := Express(k.settings.Express)
	if wanted == ExpressNever || wanted == ExpressKept && !slices.Contains(gaining, driver(a.Name)) {
		return false, nil
	}
	name := filepath.Join(dir, expressName(a.Index))
	held, err := link.LoadPinnedLink(name, nil)
	if err == nil {
		defer held.Close()
		if info, err := held.Info(); err == nil && info.XDP() != nil && int(info.XDP().Ifindex) == a.Index {
			if replace {
				return true, held.Update(k.programs["express"])
			}
			return true, nil
		}
		if err := held.Unpin(); err != nil {
			return false, err
		}
	}
	made, err := link.AttachXDP(link.XDPOptions{Interface: a.Index, Program: k.programs["express"], Flags: link.XDPDriverMode})
	if err != nil {
		return false, nil
	}
	return true, errors.Join(made.Pin(name), made.Close())
}

// SetExpress says where drivers run the program. ExpressEver is refused where no driver can.
func (p *Plane) SetExpress(wanted Express) error {
	return p.locked(func() error {
		before := p.kernel.settings.Express
		p.kernel.settings.Express = uint32(wanted)
		if err := p.attach(p.kernel, false); err != nil {
			return err
		}
		n, err := p.expressed()
		if err != nil || wanted != ExpressEver || n > 0 {
			return err
		}
		p.kernel.settings.Express = before
		return &plane.Unsupported{Plane: p.Name(), Feature: "native XDP here: no interface's driver takes a program", Instead: "choose the plane ebpf, which does without"}
	})
}

// expressed counts the interfaces that packets are taken from, and sent to, by their drivers.
func (p *Plane) expressed() (n int, err error) {
	var ifindex uint32
	var s source
	all := p.kernel.maps["sources"].Iterate()
	for all.Next(&ifindex, &s) {
		n += int(s.Express)
	}
	if err := iterated(all.Err()); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return n, fmt.Errorf("read what interfaces are like: %w", err)
	}
	return n, nil
}
