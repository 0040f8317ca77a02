package ebpf

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Before Linux 6.6 programs are filters (clsact): they stay with the interface as links that are pinned do, and are replaced in one step, but another's
// filter may come before.

const (
	filterName     = "holdfast-director"
	filterHandle   = 0x4864
	filterPriority = 1
)

// filter makes the program the filter of what comes in by an interface. One that is there is left alone, unless replace says that it is an older one.
func (k *kernel) filter(to netlink.Link, replace bool) error {
	there, err := filtered(to)
	if err != nil || there && !replace {
		return err
	}
	ifindex := to.Attrs().Index
	hook := &netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: ifindex, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT},
		QdiscType:  "clsact",
	}
	if err := netlink.QdiscAdd(hook); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make the hook clsact (module sch_ingress): %w", err)
	}
	if err := netlink.FilterReplace(ours(ifindex, k.programs["director"].FD())); err != nil {
		return fmt.Errorf("make a filter (module cls_bpf): %w", err)
	}
	return nil
}

func ours(ifindex, program int) *netlink.BpfFilter {
	return &netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: ifindex, Parent: netlink.HANDLE_MIN_INGRESS, Handle: filterHandle, Protocol: unix.ETH_P_ALL, Priority: filterPriority,
		},
		Fd: program, Name: filterName, DirectAction: true,
	}
}

// filtered tells whether an interface has the program, or an older one, as a filter.
func filtered(l netlink.Link) (bool, error) {
	all, err := netlink.FilterList(l, netlink.HANDLE_MIN_INGRESS)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // there is no hook
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("list its filters: %w", err)
	}
	for _, f := range all {
		if one, ok := f.(*netlink.BpfFilter); ok && one.Name == filterName {
			return true, nil
		}
	}
	return false, nil
}

// unfilter takes the filter away from an interface that has become part of another one.
func unfilter(l netlink.Link) error {
	there, err := filtered(l)
	if err != nil || !there {
		return err
	}
	return netlink.FilterDel(ours(l.Attrs().Index, -1))
}
