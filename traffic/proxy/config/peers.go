package config

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Peers is a peers section: processes that exchange stick-tables.
type Peers struct {
	Name     string
	Peers    []*Peer
	Tables   []*Table // that belong to no proxy
	Local    *Peer    // this process; nil: the section does not name it, and nothing is exchanged
	Listen   *Bind    // where the local peer listens
	Disabled bool
	Logs     []LogTarget
	peers    bool // a `peer` line was there, beside which no bind may stand

	bind   Bind   // default-bind
	server Server // default-server
}

// Peer is one of the processes.
type Peer struct {
	Name    string
	Line    int
	Address netip.AddrPort
	Server  *Server // how it is reached: TLS, source
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func beginPeers(p *parser, l Line) *Problem {
	p.peers = &Peers{server: defaultServer()}
	p.config.Compiler.Proxy("")
	return enter(l, p.config.Peers, p.peers, &p.peers.Name)
}

var peersDirectives map[string]directive

func init() {
	peersDirectives = map[string]directive{
		"peer":   peerLine,
		"server": peerLine,
		"table":  peersTable,
		"bind": func(p *parser, l Line) *Problem {
			if problem := l.wants(1, -1); problem != nil {
				return problem
			}
			if p.peers.peers {
				return l.problem("peers: bind goes with `server`, not with `peer`, whose line says where the local peer listens")
			}
			b := p.peers.bind
			if b.TLS != nil {
				own := *b.TLS
				b.TLS = &own
			}
			if problem := p.bindOptions(l, l.take(2), &b); problem != nil {
				return problem
			}
			return p.peersListen(l, l.Words[1], b)
		},
		"default-bind":   func(p *parser, l Line) *Problem { return p.bindOptions(l, l.take(1), &p.peers.bind) },
		"default-server": func(p *parser, l Line) *Problem { return p.serverOptions(l, l.take(1), &p.peers.server) },
		"log": func(p *parser, l Line) *Problem {
			if len(l.Words) == 2 && l.Words[1] == "global" {
				p.peers.Logs = append(p.peers.Logs, p.config.Global.Logs...)
				return nil
			}
			t, problem := p.logTarget(l)
			p.peers.Logs = append(p.peers.Logs, t)
			return problem
		},
		"disabled": func(p *parser, l Line) *Problem { p.peers.Disabled = true; return l.wants(0, 0) },
		"enabled":  func(p *parser, l Line) *Problem { p.peers.Disabled = false; return l.wants(0, 0) },
	}
}

func peersLine(p *parser, l Line) *Problem {
	d, ok := peersDirectives[l.Words[0]]
	if !ok {
		return l.unknown("directive of a peers section", l.Words[0], slices.Collect(maps.Keys(peersDirectives)), words("shards"))
	}
	return d(p, l)
}

// peersListen notes where the local peer listens.
func (p *parser) peersListen(l Line, address string, b Bind) *Problem {
	if p.peers.Listen != nil {
		return l.problem("peers: the local peer listens in line %d already", p.peers.Listen.Line)
	}
	a, err := p.place(address)
	if err != nil {
		return l.problem("peers: %v", err)
	}
	if a.network != "tcp" || a.first == 0 || a.first != a.last || a.relative {
		return l.problem("peers: an address with one port is expected, not %q", address)
	}
	b.Network, b.Line, b.Address = "tcp", l.Number, netip.AddrPortFrom(a.addr, uint16(a.first))
	p.peers.Listen = &b
	return nil
}

// peerLine reads peer NAME ADDRESS:PORT [options], or server NAME [ADDRESS:PORT] [options].
func peerLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	x := p.peers
	if problem := l.checkName(l.Words[1]); problem != nil {
		return problem
	}
	if x.peers = x.peers || l.Words[0] == "peer"; x.peers && x.Listen != nil && x.Local == nil {
		return l.problem("peers: `peer` does not go with bind; write `server %s`", l.Words[1])
	}
	peer := &Peer{Name: l.Words[1], Line: l.Number}
	if slices.ContainsFunc(x.Peers, func(other *Peer) bool { return other.Name == peer.Name }) {
		return l.problem("there is a peer %q already", peer.Name)
	}
	local := peer.Name == p.localPeer()
	s := x.server
	if s.TLS != nil {
		own := *s.TLS
		s.TLS = &own
	}
	s.Name, s.File, s.Line = peer.Name, l.File, l.Number
	peer.Server = &s
	x.Peers = append(x.Peers, peer)
	if local {
		x.Local = peer
	}
	if len(l.Words) == 2 || len(l.Words) > 2 && !strings.Contains(l.Words[2], ":") {
		if !local {
			return l.problem("peer %s: an address with a port is expected: only the local peer, which is %q here, may be without", peer.Name, p.localPeer())
		}
		return p.serverOptions(l, l.take(2), &s)
	}
	if local && l.Words[0] == "server" {
		return l.problem("server %s: this is the local peer, whose address is its bind's, or that of a `peer` line", peer.Name)
	}
	if problem := p.serverOptions(l, l.take(3), &s); problem != nil {
		return problem
	}
	a, err := p.place(l.Words[2])
	if err != nil {
		return l.problem("peer %s: %v", peer.Name, err)
	}
	if a.network != "tcp" || a.first == 0 || a.first != a.last || a.relative {
		return l.problem("peer %s: an address with one port is expected, not %q", peer.Name, l.Words[2])
	}
	peer.Address = netip.AddrPortFrom(a.addr, uint16(a.first))
	s.Host, s.Address = a.host, peer.Address
	if !local || x.Listen != nil {
		return nil
	}
	return p.peersListen(l, l.Words[2], x.bind)
}

func peersTable(p *parser, l Line) *Problem {
	if problem := l.wants(5, -1); problem != nil {
		return problem
	}
	x := p.peers
	for i, w := range l.Words {
		if w == "peers" || w == "len" && l.Words[i-1] == "integer" {
			return l.problem("table: %q is not expected", w)
		}
	}
	t := &Table{Name: x.Name + "/" + l.Words[1], Shared: "/" + l.Words[1]} // as HAProxy 2.6 names it to peers
	if problem := p.table(l, l.take(2), t); problem != nil {
		return problem
	}
	if p.config.Table(t.Name) != nil {
		return l.problem("there is a table %q already", t.Name)
	}
	t.Peers = x.Name
	x.Tables = append(x.Tables, t)
	return nil
}

// localPeer is the name of this process among its peers: of -L, of localpeer, or the host's.
func (p *parser) localPeer() string {
	if name, ok := p.env("HAPROXY_LOCALPEER"); ok && name != "" {
		return name
	}
	if p.config.Global.LocalPeer != "" {
		return p.config.Global.LocalPeer
	}
	name, _ := p.env("HOSTNAME")
	return name
}

// checkPeers checks what only whole sections can show.
func (p *parser) checkPeers() {
	for _, name := range sortedNames(p.config.Peers) {
		x := p.config.Peers[name]
		switch {
		case x.Disabled:
		case x.Local == nil:
			p.config.Warnings = append(p.config.Warnings, "peers "+name+": none of the peers is "+p.localPeer()+
				", the name of this process (-L, localpeer); its tables are not exchanged")
		case x.Listen == nil:
			p.report(&Problem{x.Local.Server.File, x.Local.Line, "peers " + name + ": the local peer has no address to listen on; give it one, or a bind"})
		case !x.Local.Address.IsValid():
			x.Local.Address = x.Listen.Address
		}
	}
}
