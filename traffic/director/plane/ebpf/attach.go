package ebpf

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// attach puts the program in front of every interface that has an Ethernet header and is not part of another one (a bridge, a bond). Those that
// have it are left alone, unless replace says that they have an older one.
func (k *kernel) attach(dir string, replace bool) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	all, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	if err := k.noteRules(); err != nil {
		return err
	}
	there := map[string]bool{}
	for name := range dialPrograms {
		there[name] = true
	}
	for _, one := range all {
		a := one.Attrs()
		if a.EncapType != "ether" || a.MasterIndex != 0 {
			if err := unfilter(one); err != nil {
				return fmt.Errorf("take the program away from %s: %w", a.Name, err)
			}
			continue
		}
		name := filepath.Join(dir, strconv.Itoa(a.Index))
		there[filepath.Base(name)] = true
		if err := k.attachTo(name, one, replace); err != nil {
			return fmt.Errorf("put the program in front of %s: %w", a.Name, err)
		}
		express, err := k.attachExpress(dir, one, replace)
		if err != nil {
			return fmt.Errorf("have the driver of %s run the program: %w", a.Name, err)
		}
		there[expressName(a.Index)] = express
		if err := k.note(one, express); err != nil {
			return fmt.Errorf("note the addresses of %s: %w", a.Name, err)
		}
	}
	return forgetOthers(dir, there)
}

// attachTo links the program to an interface (tcx), or, where the kernel has no such links, makes it a filter there.
func (k *kernel) attachTo(name string, to netlink.Link, replace bool) error {
	ifindex := to.Attrs().Index
	held, err := link.LoadPinnedLink(name, nil)
	if err == nil {
		defer held.Close()
		if alive(held, ifindex) {
			if replace {
				return held.Update(k.programs["director"])
			}
			return nil
		}
		if err := held.Unpin(); err != nil {
			return err
		}
	}
	made, err := link.AttachTCX(link.TCXOptions{Interface: ifindex, Program: k.programs["director"], Attach: ebpf.AttachTCXIngress})
	if errors.Is(err, ebpf.ErrNotSupported) {
		return k.filter(to, replace)
	}
	if err != nil {
		return explain(err)
	}
	return errors.Join(made.Pin(name), made.Close())
}

// alive tells whether a link still holds on to its interface: it lets go when the interface goes.
func alive(l link.Link, ifindex int) bool {
	info, err := l.Info()
	return err == nil && info.TCX() != nil && int(info.TCX().Ifindex) == ifindex
}

// forgetOthers takes links away whose interfaces are gone or became part of another one.
func forgetOthers(dir string, there map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !there[e.Name()] {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// note keeps the addresses that packets of our own making leave an interface with: its first of each version that is not for the link alone.
func (k *kernel) note(l netlink.Link, express bool) error {
	addresses, err := netlink.AddrList(l, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	var s source
	copy(s.Link[:], l.Attrs().HardwareAddr)
	if express {
		s.Express = 1
	}
	for _, a := range addresses {
		ip, ok := netip.AddrFromSlice(a.IP)
		ip = ip.Unmap()
		switch {
		case !ok || !ip.IsGlobalUnicast():
		case ip.Is4() && s.IPv4 == address{}:
			s.IPv4 = addressOf(ip)
		case ip.Is6() && s.IPv6 == address{}:
			s.IPv6 = addressOf(ip)
		}
	}
	return k.maps["sources"].Put(uint32(l.Attrs().Index), s)
}

// noteRules tells the programs whether routing looks at more than destinations: the kernel begins with rules for the tables local, main and default.
func (k *kernel) noteRules() error {
	rules, err := netlink.RuleList(netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("list routing rules: %w", err)
	}
	flags := atomic.LoadUint32(&k.settings.Flags) &^ flagRules
	for _, r := range rules {
		if r.Table != unix.RT_TABLE_LOCAL && r.Table != unix.RT_TABLE_MAIN && r.Table != unix.RT_TABLE_DEFAULT {
			flags |= flagRules
		}
	}
	atomic.StoreUint32(&k.settings.Flags, flags)
	return nil
}
