package vrrp

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/vrrp/config"
)

// How the kernel counts times of routes (rtnetlink(7)): in eighths and quarters of milliseconds.
const (
	rttUnits    = 8
	rttvarUnits = 4
)

func (h holdings) route(r config.Route, do func(*netlink.Route) error, verb string) error {
	route := &netlink.Route{
		Dst: network(r.To), Gw: r.Via.AsSlice(), Src: r.Source.AsSlice(),
		Table: r.Table, Priority: r.Metric, Scope: netlink.Scope(r.Scope), Protocol: netlink.RouteProtocol(cmp.Or(r.Protocol, unix.RTPROT_KEEPALIVED)),
		Type: r.Type, Tos: r.TOS, Realm: r.Realm,
	}
	if r.OnLink {
		route.Flags |= int(netlink.FLAG_ONLINK)
	}
	setMetrics(route, r)
	err := h.ways(route, r)
	if err == nil {
		err = do(route)
	}
	if err != nil && !(verb == "remove" && errors.Is(err, syscall.ESRCH)) && !(verb == "append" && errors.Is(err, syscall.EEXIST)) {
		return fmt.Errorf("%s route to %s: %w", verb, r.To, err)
	}
	return nil
}

// addRoute puts a route in the place of one to the same destination, or behind it.
func (h holdings) addRoute(r config.Route) error {
	if r.Append {
		return h.route(r, netlink.RouteAppend, "append")
	}
	return h.route(r, netlink.RouteReplace, "add")
}

// ways finds the interfaces that a route leaves by.
func (h holdings) ways(route *netlink.Route, r config.Route) error {
	index := func(name string) (int, error) {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return 0, fmt.Errorf("find interface %s: %w", name, err)
		}
		return link.Attrs().Index, nil
	}
	for _, hop := range r.Hops {
		way := &netlink.NexthopInfo{Gw: hop.Via.AsSlice(), Hops: hop.Weight - 1}
		if hop.OnLink {
			way.Flags |= int(netlink.FLAG_ONLINK)
		}
		if hop.Interface != "" {
			at, err := index(hop.Interface)
			if err != nil {
				return err
			}
			way.LinkIndex = at
		}
		route.MultiPath = append(route.MultiPath, way)
	}
	if r.Type != 0 || len(r.Hops) > 0 || r.Via.IsValid() && r.Interface == "" {
		return nil
	}
	at, err := index(cmp.Or(r.Interface, h.Interface))
	route.LinkIndex = at
	return err
}

func setMetrics(route *netlink.Route, r config.Route) {
	m := r.Metrics
	route.MTU, route.Hoplimit, route.AdvMSS, route.Rtt, route.RttVar = m["mtu"], m["hoplimit"], m["advmss"], m["rtt"]*rttUnits, m["rttvar"]*rttvarUnits
	route.Reordering, route.Window, route.Cwnd, route.Ssthresh, route.RtoMin = m["reordering"], m["window"], m["cwnd"], m["ssthresh"], m["rto_min"]
	route.InitCwnd, route.InitRwnd, route.QuickACK, route.FastOpenNoCookie, route.Features = m["initcwnd"], m["initrwnd"], m["quickack"], m["fastopen_no_cookie"], m["features"]
	route.MTULock, route.RtoMinLock = slices.Contains(r.Locked, "mtu"), slices.Contains(r.Locked, "rto_min")
}

func (h holdings) rule(r config.Rule, do func(*netlink.Rule) error, verb string, fine error) error {
	rule := netlink.NewRule()
	rule.Table, rule.Protocol, rule.Priority = r.Table, uint8(cmp.Or(r.Protocol, unix.RTPROT_KEEPALIVED)), r.Priority
	rule.IifName, rule.OifName, rule.Mark, rule.Invert, rule.Tos, rule.Flow = r.Inside, r.Outside, r.Mark, r.Not, uint(r.TOS), r.Realms
	rule.Type, rule.IPProto = uint8(r.Type), r.Transport
	if r.Mask != 0 {
		rule.Mask = &r.Mask
	}
	if r.Goto != 0 {
		rule.Goto = r.Goto
	}
	if r.IPv6 {
		rule.Family = netlink.FAMILY_V6
	}
	if r.From.IsValid() {
		rule.Src = network(r.From)
	}
	if r.To.IsValid() {
		rule.Dst = network(r.To)
	}
	if u := r.Users; u != nil {
		rule.UIDRange = netlink.NewRuleUIDRange(u[0], u[1])
	}
	if p := r.Sources; p != nil {
		rule.Sport = netlink.NewRulePortRange(p[0], p[1])
	}
	if p := r.Destinations; p != nil {
		rule.Dport = netlink.NewRulePortRange(p[0], p[1])
	}
	if r.SuppressPrefix != nil {
		rule.SuppressPrefixlen = *r.SuppressPrefix
	}
	if err := do(rule); err != nil && !errors.Is(err, fine) {
		return fmt.Errorf("%s rule %d for table %d: %w", verb, r.Priority, r.Table, err)
	}
	return nil
}
