package config

import (
	"errors"
	"net/netip"
)

// noSource has neither files nor names: what comes at run time is written out.
type noSource struct{}

func (noSource) ReadFile(name string) ([]byte, error) {
	return nil, errors.New("files are not read at run time: " + name)
}
func (noSource) Environment(string) (string, bool) { return "", false }

func (noSource) Resolve(host string) (netip.Addr, error) {
	return netip.Addr{}, errors.New("a server that comes at run time wants an address, not the name " + host)
}

// NewServer reads a server that comes at run time: its address and its options, in a backend. It begins in maintenance, and default-server does not count.
func NewServer(c *Config, x *Proxy, name string, words []string) (*Server, error) {
	p := &parser{source: noSource{}, config: c, proxy: &Proxy{Settings: Settings{Server: defaultServer()}, Name: "run time", Back: true}}
	l := Line{File: "add server", Number: 1, Words: append([]string{"server", name}, words...)}
	if problem := serverLine(p, l); problem != nil {
		return nil, errors.New(problem.Message)
	}
	s := p.proxy.Servers[0]
	if s.Resolvers != "" {
		return nil, errors.New("resolvers are for servers of the configuration")
	}
	if s.Track != "" && (s.Check || s.Agent) {
		return nil, errors.New("a server is checked itself or tracks another, not both")
	}
	s.secureChecks(&x.Check)
	s.Disabled = true
	return s, nil
}
