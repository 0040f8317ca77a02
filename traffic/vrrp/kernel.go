package vrrp

import (
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
)

// lookAgain is how often the interfaces are looked at though the kernel told of no change: it drops what it has
// to tell when too much happens at once.
const lookAgain = 5 * time.Second

// watchKernel lets every change of links and addresses lead to a look at them.
func (d *Daemon) watchKernel() error {
	links, addresses := make(chan netlink.LinkUpdate), make(chan netlink.AddrUpdate)
	if err := netlink.LinkSubscribe(links, d.ctx.Done()); err != nil {
		return fmt.Errorf("watch the kernel's links: %w", err)
	}
	if err := netlink.AddrSubscribe(addresses, d.ctx.Done()); err != nil {
		return fmt.Errorf("watch the kernel's addresses: %w", err)
	}
	changed := make(chan struct{}, 1)
	note := func() {
		select {
		case changed <- struct{}{}:
		default: // one look sees all changes before it
		}
	}
	d.running.Go(func() {
		for range links {
			note()
		}
	})
	d.running.Go(func() {
		for range addresses {
			note()
		}
	})
	d.running.Go(func() {
		again := time.NewTicker(lookAgain)
		defer again.Stop()
		for {
			select {
			case <-changed:
			case <-again.C:
			case <-d.ctx.Done():
				return
			}
			// The next look waits for this one: hundreds of routers that change at once must not have Run look hundreds of times, while others' advertisements wait.
			looked := make(chan struct{})
			d.post(func() { d.examine(); close(looked) })
			select {
			case <-looked:
			case <-d.ctx.Done():
				return
			}
		}
	})
	return nil
}
