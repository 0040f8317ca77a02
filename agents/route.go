package agents

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/vishvananda/netlink"
)

// route is a route that moves with what needs it: through the host that is active, or from a floating address.
var route = agent{
	metadata: routeMetadata,
	actions: map[string]func(Call) (int, error){
		"start": startRoute, "stop": stopRoute, "monitor": monitorRoute, "status": monitorRoute, "validate-all": validateRoute,
	},
}

var routeMetadata = metadata{
	name: "route", short: "Network route", timeout: "20s",
	long: "A route in the kernel's table, for IPv4 or IPv6. Its parameters are those of ocf:heartbeat:Route.",
	parameters: []parameter{
		{name: "destination", short: "Destination", long: "Where it leads to: a network as 192.0.2.0/24, an address, or default.", required: true, unique: true},
		{name: "device", short: "Interface", long: "Interface that it goes out of. Device or gateway has to be given."},
		{name: "gateway", short: "Gateway", long: "Router that it goes through."},
		{name: "source", short: "Source address", long: "Address of this host that connections over it have."},
		{name: "table", short: "Routing table", long: "Number of the routing table. Default: the main one.", kind: "integer", unique: true},
		{name: "metric", short: "Metric", long: "Its rank among routes to the same destination; lower comes first.", kind: "integer"},
	},
}

// kernelRoute is the route as the parameters ask for it. Its interface is looked up apart: it may not be there yet.
func (c Call) kernelRoute() (*netlink.Route, error) {
	r := &netlink.Route{Table: 254}
	text := c.parameter("destination", "")
	if text != "default" {
		p, err := netip.ParsePrefix(text)
		if a, addressErr := netip.ParseAddr(text); addressErr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p != p.Masked() {
			return nil, fmt.Errorf("parameter destination of %s is %q: want a network as 192.0.2.0/24, an address, or default", c.instance(), text)
		}
		r.Dst = &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
	}
	for name, to := range map[string]*net.IP{"gateway": &r.Gw, "source": &r.Src} {
		if text := c.parameter(name, ""); text != "" {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("parameter %s of %s is %q: want an address", name, c.instance(), text)
			}
			*to = a.AsSlice()
		}
	}
	for name, to := range map[string]*int{"table": &r.Table, "metric": &r.Priority} {
		if text := c.parameter(name, ""); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("parameter %s of %s is %q: want a number", name, c.instance(), text)
			}
			*to = n
		}
	}
	if r.Gw == nil && c.parameter("device", "") == "" {
		return nil, fmt.Errorf("%s has neither device nor gateway; one of them has to be given", c.instance())
	}
	if r.Gw == nil {
		r.Scope = netlink.SCOPE_LINK
	}
	if r.Dst == nil {
		length := max(net.IPv4len, len(r.Gw))
		r.Dst = &net.IPNet{IP: make(net.IP, length), Mask: net.CIDRMask(0, 8*length)}
	}
	for name, a := range map[string]net.IP{"gateway": r.Gw, "source": r.Src} {
		if a != nil && len(a) != len(r.Dst.IP) {
			return nil, fmt.Errorf("parameter %s of %s is %q: want an address of the same IP version as the destination", name, c.instance(), a)
		}
	}
	return r, nil
}

// onDevice fills in the interface.
func (c Call) onDevice(r *netlink.Route) error {
	name := c.parameter("device", "")
	if name == "" {
		return nil
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", name, err)
	}
	r.LinkIndex = link.Attrs().Index
	return nil
}

func validateRoute(c Call) (int, error) {
	if _, err := c.kernelRoute(); err != nil {
		return badConfigured, err
	}
	return success, nil
}

func startRoute(c Call) (int, error) {
	r, err := c.kernelRoute()
	if err != nil {
		return badConfigured, err
	}
	if err := c.onDevice(r); err != nil {
		return genericError, err
	}
	if err := netlink.RouteReplace(r); err != nil {
		return genericError, fmt.Errorf("add the route to %s: %w", c.parameter("destination", ""), err)
	}
	return success, nil
}

func stopRoute(c Call) (int, error) {
	r, err := c.kernelRoute()
	if err != nil {
		return success, nil // it cannot have been started
	}
	if err := c.onDevice(r); err != nil {
		return success, nil // its routes went with the interface
	}
	if err := netlink.RouteDel(r); err != nil && !errors.Is(err, syscall.ESRCH) {
		return genericError, fmt.Errorf("take the route to %s away: %w", c.parameter("destination", ""), err)
	}
	return success, nil
}

func monitorRoute(c Call) (int, error) {
	r, err := c.kernelRoute()
	if err != nil {
		return badConfigured, err
	}
	if err := c.onDevice(r); err != nil {
		return notRunning, nil
	}
	family, mask := netlink.FAMILY_V4, uint64(netlink.RT_FILTER_TABLE)
	if r.Dst != nil && len(r.Dst.IP) == net.IPv6len || len(r.Gw) == net.IPv6len {
		family = netlink.FAMILY_V6
	}
	all, err := netlink.RouteListFiltered(family, r, mask)
	if err != nil {
		return genericError, fmt.Errorf("list the host's routes: %w", err)
	}
	for _, one := range all {
		if sameRoute(*r, one) {
			return success, nil
		}
	}
	return notRunning, nil
}

// sameRoute tells whether a route that is there is the one that is wanted; what is not wanted in particular does not count.
func sameRoute(wanted, is netlink.Route) bool {
	network := func(r netlink.Route) string {
		if r.Dst == nil {
			return "default"
		}
		if ones, _ := r.Dst.Mask.Size(); ones == 0 {
			return "default"
		}
		return r.Dst.String()
	}
	return network(wanted) == network(is) && (wanted.LinkIndex == 0 || wanted.LinkIndex == is.LinkIndex) &&
		(wanted.Gw == nil || wanted.Gw.Equal(is.Gw)) && (wanted.Src == nil || wanted.Src.Equal(is.Src)) &&
		(wanted.Priority == 0 || wanted.Priority == is.Priority)
}
