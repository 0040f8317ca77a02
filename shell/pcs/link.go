package pcs

import (
	"maps"
	"net"
	"slices"
	"strings"
)

func linkCommands() []command {
	const files = "corosync_conf force request-timeout"
	return []command{
		{path: "cluster link add", syntax: "HOST=ADDRESS... [options OPTION=VALUE...]", options: files, run: addLink,
			help: "Adds a link: one address for each host. Without linknumber=N it gets the lowest number that is free.\nExample: pcs cluster link add alpha=10.0.2.1 beta=10.0.2.2 options link_priority=5"},
		{path: "cluster link delete", syntax: "NUMBER...", help: "Removes links.", options: files, run: removeLinks},
		{path: "cluster link remove", syntax: "NUMBER...", help: "Removes links.", options: files, run: removeLinks},
		{path: "cluster link update", syntax: "NUMBER [HOST=ADDRESS...] [options OPTION=VALUE...]", options: files, run: updateLink,
			help: "Changes addresses and options of a link; an empty value takes an option away."},
	}
}

// transportOf is the transport that conf has; knet unless it says otherwise.
func (c *confSection) transportOf() string {
	if t := c.setting("totem", "transport"); t != "" {
		return t
	}
	return "knet"
}

// linkWords splits a call into addresses of hosts and options of the link.
func linkWords(words []string) (addrs, options pairs, err error) {
	parts := sections(words, "options")
	given, _ := gather(parts, "options")
	if addrs, err = parsePairs(parts[0].words); err != nil {
		return nil, nil, err
	}
	options, err = parsePairs(given)
	return addrs, options, err
}

// checkAddrs reports addresses that cannot be a link's: of hosts that are not there, or used already.
func (r *reports) checkAddrs(conf *confSection, addrs pairs, link string) {
	names := conf.hostNames()
	used := map[string]string{}
	for i, n := range conf.confNodes() {
		for number, addr := range layoutOf(n).byNumber() {
			if _, changed := addrs.get(names[i]); !changed || number != link {
				used[addr] = names[i]
			}
		}
	}
	for _, a := range addrs {
		switch {
		case !slices.Contains(names, a.name):
			r.fail("host '%s' is not in the cluster; its hosts are %s", a.name, quoted(names))
		case a.value == "":
			r.fail("the address of host '%s' is empty", a.name)
		case used[a.value] != "":
			r.fail("address '%s' of host '%s' is used by host '%s' already", a.value, a.name, used[a.value])
		default:
			if _, err := net.LookupHost(a.value); err != nil {
				r.check("address '%s' of host '%s' does not resolve", a.value, a.name)
			}
		}
		used[a.value] = a.name
	}
}

// byNumber are a host's addresses by the number of their link.
func (h hostLayout) byNumber() map[string]string {
	out := map[string]string{}
	for i, number := range h.links {
		out[number] = h.addrs[i]
	}
	return out
}

// linksInUse are the numbers of the links that hosts have addresses on, in order.
func (c *confSection) linksInUse() []string {
	numbers := map[string]bool{}
	for _, n := range c.confNodes() {
		for number := range layoutOf(n).byNumber() {
			numbers[number] = true
		}
	}
	return slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return atoi(a) - atoi(b) })
}

const mostLinks = 8

func addLink(s *session) error {
	addrs, options, err := linkWords(s.args)
	if err != nil {
		return err
	}
	if len(addrs) == 0 {
		return errUsage
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	r := s.reports()
	used := conf.linksInUse()
	if t := conf.transportOf(); t != "knet" {
		r.fail("transport %s has one link only; knet can have more", t)
	}
	if len(used) >= mostLinks {
		r.fail("the cluster has %d links; more are not possible", len(used))
	}
	r.applyRules("link", options, knetLinkRules, false)
	number := options.value("linknumber")
	if number == "" {
		for number = "0"; slices.Contains(used, number); {
			number = itoa(atoi(number) + 1)
		}
	} else if slices.Contains(used, number) {
		r.fail("link %s exists already; 'pcs cluster link update %s' changes it", number, number)
	}
	r.checkAddrs(conf, addrs, number)
	for _, name := range conf.hostNames() {
		if !addrs.has(name) {
			r.fail("host '%s' has no address on the new link: %s=ADDRESS was expected", name, name)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	for i, name := range conf.hostNames() {
		conf.confNodes()[i].setAddr(number, addrs.value(name))
	}
	if options = options.without("linknumber"); len(options) > 0 {
		conf.setLinkOptions(number, options)
	}
	return s.storeConf(conf)
}

// setAddr gives a host its address on a link, behind those it has.
func (c *confSection) setAddr(link, addr string) {
	name := "ring" + link + "_addr"
	if addr == "" || c.options.has(name) {
		c.set(name, addr)
		return
	}
	at := 0
	for i, o := range c.options {
		if strings.HasPrefix(o.name, "ring") && strings.HasSuffix(o.name, "_addr") {
			at = i + 1
		}
	}
	c.options = slices.Insert(c.options, at, pair{name, addr})
}

// setLinkOptions changes the options of a link; one that has none left has no section.
func (c *confSection) setLinkOptions(number string, changes pairs) {
	knet := c.transportOf() == "knet"
	totem := c.ensure("totem")
	var link *confSection
	for i, inner := range totem.all("interface") {
		if is := inner.options.value("linknumber"); is == number || is == "" && itoa(i) == number {
			link = inner
		}
	}
	if link == nil {
		link = totem.add(&confSection{name: "interface", options: pairs{{"linknumber", number}}})
	}
	for _, o := range changes {
		name, value := o.name, o.value
		if knet {
			name = knetName(name)
		} else if name == "broadcast" {
			value = map[string]string{"1": "yes", "0": "no"}[value]
		}
		link.set(name, value)
	}
	link.options = link.options.sorted()
	totem.drop(func(inner *confSection) bool { return inner == link && len(inner.options.without("linknumber")) == 0 })
}

func removeLinks(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	r := s.reports()
	used := conf.linksInUse()
	if t := conf.transportOf(); t != "knet" {
		r.fail("transport %s has one link, which cannot be removed", t)
	}
	left := slices.Clone(used)
	for i, number := range s.args {
		switch {
		case slices.Contains(s.args[:i], number):
			r.fail("link %s is named twice", number)
		case !slices.Contains(used, number):
			r.fail("link '%s' does not exist; links are %s", number, quoted(used))
		}
		left = slices.DeleteFunc(left, func(l string) bool { return l == number })
	}
	if len(left) == 0 {
		r.fail("a cluster needs a link; all of them cannot be removed")
	}
	if err := r.err(); err != nil {
		return err
	}
	for _, number := range s.args {
		for _, n := range conf.confNodes() {
			n.setAddr(number, "")
		}
		for _, totem := range conf.all("totem") {
			totem.drop(func(inner *confSection) bool {
				return inner.name == "interface" && inner.options.value("linknumber") == number
			})
		}
	}
	return s.storeConf(conf)
}

func updateLink(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	number := s.args[0]
	addrs, options, err := linkWords(s.args[1:])
	if err != nil {
		return err
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	r := s.reports()
	if used := conf.linksInUse(); !slices.Contains(used, number) {
		r.fail("link '%s' does not exist; links are %s", number, quoted(used))
		return r.err()
	}
	rules := maps.Clone(knetLinkRules)
	if conf.transportOf() != "knet" {
		rules = maps.Clone(udpLinkRules)
	}
	delete(rules, "linknumber")
	r.applyRules("link", options, rules, true)
	r.checkAddrs(conf, addrs, number)
	if err := r.err(); err != nil {
		return err
	}
	for i, name := range conf.hostNames() {
		if addr, ok := addrs.get(name); ok {
			conf.confNodes()[i].setAddr(number, addr)
		}
	}
	if len(options) > 0 {
		conf.setLinkOptions(number, options)
	}
	return s.storeConf(conf)
}
