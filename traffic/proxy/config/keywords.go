package config

import (
	"maps"
	"slices"
	"strings"
)

// Keywords lists what a configuration may say, by section: directives, options, the actions of each set of rules, the words of `bind` and `server`.
func Keywords() []string {
	proxies, global, options := Directives()
	var all []string
	add := func(title string, names []string) {
		all = append(all, title)
		for _, n := range names {
			all = append(all, "\t"+strings.TrimSuffix(n, "("))
		}
	}
	add("global", global)
	add("all", proxies)
	add("option", options)
	for _, set := range []struct {
		name string
		of   actions
	}{
		{"http-request", requestRules}, {"http-response", responseRules}, {"http-after-response", afterRules}, {"tcp-request connection", connectionRules},
		{"tcp-request session", connectionRules}, {"tcp-request content", contentRules}, {"tcp-response content", tcpResponseRules},
	} {
		add(set.name, slices.Sorted(maps.Keys(set.of)))
	}
	add("bind", slices.Sorted(maps.Keys(bindOptions)))
	add("server", slices.Sorted(maps.Keys(serverOptions)))
	return all
}

// Listens tells whether anybody can reach a proxy, or a peer this process.
func (c *Config) Listens() bool {
	return len(c.Peers) > 0 || slices.ContainsFunc(c.Proxies, func(x *Proxy) bool { return !x.Disabled && len(x.Binds) > 0 })
}

// TrustServers has no server's certificate verified.
func (c *Config) TrustServers() {
	for _, x := range c.Proxies {
		for _, s := range x.Servers {
			if s.TLS != nil {
				s.TLS.Verify = "none"
			}
		}
	}
}
