// Package detect finds the data plane that this kernel can have.
//
// By name; otherwise the one that holds services now, so that nobody's packets are forwarded by two; otherwise the first that works in the order of
// Names: the kernel's own IP Virtual Server, our programs in BPF, rules of nftables. The package starts no goroutines.
package detect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/ebpf"
	"holdfast/traffic/director/plane/ipvs"
	"holdfast/traffic/director/plane/nft"
)

// opener opens a plane; root is what every path hangs below.
type opener struct {
	name string
	can  plane.Abilities
	open func(root string) (plane.Plane, error)
}

// planes are in the order in which they are tried.
var planes = []opener{
	{"ipvs", ipvs.Abilities{}, func(string) (plane.Plane, error) { return opened(ipvs.Open()) }},
	{"ebpf", ebpf.Abilities{}, func(root string) (plane.Plane, error) { return opened(ebpf.Open(root)) }},
	{"nft", nft.Abilities{}, func(root string) (plane.Plane, error) { return opened(nft.Open(root)) }},
}

// variants are planes that are only taken by name: of ebpf, with native XDP wherever a driver can, and nowhere.
var variants = []opener{
	{"ebpf-xdp", ebpf.Abilities{}, func(root string) (plane.Plane, error) { return opened(ebpf.OpenExpress(root, ebpf.ExpressEver)) }},
	{"ebpf-tc", ebpf.Abilities{}, func(root string) (plane.Plane, error) { return opened(ebpf.OpenExpress(root, ebpf.ExpressNever)) }},
}

// opened keeps a nil of a plane's own type from becoming a plane.
func opened[P plane.Plane](p P, err error) (plane.Plane, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Names lists the planes, the preferred first, and variants of them.
func Names() []string {
	var all []string
	for _, p := range slices.Concat(planes, variants) {
		all = append(all, p.name)
	}
	return all
}

func named(name string) (opener, error) {
	all := slices.Concat(planes, variants)
	at := slices.IndexFunc(all, func(o opener) bool { return o.name == name })
	if at < 0 {
		return opener{}, fmt.Errorf("data plane %q is not known: want auto, %s", name, strings.Join(Names(), ", "))
	}
	return all[at], nil
}

// Abilities are what the plane with a name can do, whether this kernel has it or not.
func Abilities(name string) (plane.Abilities, error) {
	o, err := named(name)
	return o.can, err
}

// Open opens a plane by its name; if the name is empty or "auto", the one that holds services, or else the first that this kernel can have.
func Open(name, root string) (plane.Plane, error) {
	if name != "" && name != "auto" {
		o, err := named(name)
		if err != nil {
			return nil, err
		}
		return o.open(root)
	}
	if p := holding(root); p != nil {
		return p, nil
	}
	var errs []error
	for _, o := range planes {
		p, err := o.open(root)
		if err == nil {
			return p, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("find a data plane: %w", errors.Join(errs...))
}

// holding opens the first plane that holds services; nil if none does. Ours are looked at only where one was opened since the host was booted: opening makes what is not there.
func holding(root string) plane.Plane {
	for _, o := range planes {
		_, err := os.Stat(filepath.Join("/", root, "run/holdfast/director", o.name))
		if err != nil && o.name != "ipvs" {
			continue
		}
		p, err := o.open(root)
		if err != nil {
			continue // who opens it by name, or because there is no other, is told why
		}
		if t, err := p.Table(); err == nil && len(t) > 0 {
			return p
		}
		_ = p.Close()
	}
	return nil
}
