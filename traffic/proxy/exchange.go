package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/peers"
	"holdfast/traffic/proxy/plane"
)

// openPeers makes the groups that exchange tables, and opens their sockets.
func (p *Process) openPeers(s *plane.Snapshot) error {
	for _, x := range p.Config.Peers {
		if x.Disabled || x.Local == nil {
			continue
		}
		g := &peers.Group{Config: x, Secure: peers.Security{Clients: map[string]*tls.Config{}}, Tell: func(text string) {
			p.log.Log(slices.Concat(x.Logs, p.Config.Global.Logs), logWarning, p.Config.Global.LogTag, []byte(text))
		}}
		for _, t := range p.Config.Tables() {
			if t.Peers == x.Name {
				g.Tables = append(g.Tables, s.Tables[t.Name])
			}
		}
		if err := securePeers(s, x, &g.Secure); err != nil {
			return err
		}
		if err := g.Listen(plane.Listen); err != nil {
			return err
		}
		p.groups = append(p.groups, g)
	}
	return nil
}

func securePeers(snapshot *plane.Snapshot, x *config.Peers, s *peers.Security) (err error) {
	if s.Server, err = snapshot.BindTLS(x.Listen); err != nil {
		return fmt.Errorf("peers %s: bind: %w", x.Name, err)
	}
	s.Certified = s.Server != nil && x.Listen.TLS.Verify == "required" && x.Listen.TLS.CRTIgnore == nil && x.Listen.TLS.CAIgnore == nil
	for _, peer := range x.Peers {
		t, err := snapshot.ServerTLS(peer.Server)
		if err != nil {
			return fmt.Errorf("peers %s: peer %s: %w", x.Name, peer.Name, err)
		}
		if t != nil {
			s.Clients[peer.Name] = t
		}
	}
	return nil
}

// handOver teaches the process that follows what this one's tables have; closed is when that has been tried.
func (p *Process) handOver(ctx context.Context) (done <-chan struct{}) {
	over := make(chan struct{})
	var all sync.WaitGroup
	for _, g := range p.groups {
		all.Go(func() {
			if err := g.HandOver(ctx); err != nil && !errors.Is(err, syscall.ECONNREFUSED) { // refused: nobody follows
				p.log.Log(p.Config.Global.Logs, logWarning, p.Config.Global.LogTag, []byte(err.Error()))
			}
		})
	}
	p.wait.Go(func() {
		all.Wait()
		close(over)
	})
	return over
}
