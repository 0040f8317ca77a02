// Package detect finds the data plane that this kernel can have.
//
// By name, or the first that works in the order of Names: the kernel's own IP Virtual Server, our programs in BPF, rules of nftables. The package
// starts no goroutines.
package detect

import (
	"errors"
	"fmt"
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
	open func(root string) (plane.Plane, error)
}

// planes are in the order in which they are tried.
var planes = []opener{
	{"ipvs", func(string) (plane.Plane, error) { return opened(ipvs.Open()) }},
	{"ebpf", func(root string) (plane.Plane, error) { return opened(ebpf.Open(root)) }},
	{"nft", func(root string) (plane.Plane, error) { return opened(nft.Open(root)) }},
}

// opened keeps a nil of a plane's own type from becoming a plane.
func opened[P plane.Plane](p P, err error) (plane.Plane, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Names lists the planes, the preferred first.
func Names() []string {
	var all []string
	for _, p := range planes {
		all = append(all, p.name)
	}
	return all
}

// Open opens a plane by its name; the first that this kernel can have if the name is empty or "auto".
func Open(name, root string) (plane.Plane, error) {
	if name != "" && name != "auto" {
		at := slices.IndexFunc(planes, func(o opener) bool { return o.name == name })
		if at < 0 {
			return nil, fmt.Errorf("data plane %q is not known: want auto, %s", name, strings.Join(Names(), ", "))
		}
		return planes[at].open(root)
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
