package vrrp

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"holdfast/traffic/director"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
	"holdfast/traffic/vrrp/router"
)

// OpenPlane opens the data plane whose connections are exchanged, anew for each change of roles: a director may have begun on another one meanwhile.
type OpenPlane func(context.Context) (plane.Plane, error)

// planeInUse opens the one that ipvsadm would work on.
func planeInUse(ctx context.Context) (plane.Plane, error) {
	return director.OpenPlane(ctx, os.Getenv("HOLDFAST_PLANE"), os.Getenv("HOLDFAST_ROOT"))
}

// exchange is what this host's director is to do in the exchange of connections; of role 0: nothing.
type exchange = plane.Sync

// exchanges are as many as can wait while the data plane is being changed.
const exchanges = 64

// exchangeAs has the exchange of connections follow an instance: who is active tells, all others listen (keepalived.conf(5), lvs_sync_daemon).
func (d *Daemon) exchangeAs(name string, s router.State) {
	c := d.config.Exchange
	if c == nil || c.Instance != name {
		return
	}
	wanted := c.Sync
	switch s {
	case router.Active:
		wanted.Role = plane.Master
	case router.Initialize: // the end
		wanted = exchange{}
	default:
		wanted.Role = plane.Backup
	}
	d.wantExchange(wanted)
}

func (d *Daemon) wantExchange(wanted exchange) {
	select {
	case d.exchanged <- wanted:
	default:
		d.log.Error("the exchange of connections does not follow: the data plane does not answer", "role", wanted.Role.String())
	}
}

// beginExchange follows a configuration, the first or the next.
func (d *Daemon) beginExchange() {
	c := d.config.Exchange
	switch {
	case c != nil && d.set.State(c.Instance) == router.Active:
		d.exchangeAs(c.Instance, router.Active)
	case c != nil:
		d.exchangeAs(c.Instance, router.Backup)
	default:
		d.wantExchange(exchange{})
	}
}

// runExchange brings the data plane to what is wanted, one after the other, until nothing more will be.
func runExchange(ctx context.Context, all <-chan exchange, open OpenPlane, log *slog.Logger) {
	was := exchange{}
	for wanted := range all {
		if wanted == was {
			continue
		}
		if err := change(ctx, was, wanted, open); err != nil {
			log.Error("connections are not exchanged", "error", err)
			continue
		}
		log.Info("the exchange of connections follows", "role", wanted.Role.String())
		was = wanted
	}
}

// change stops what was and what others have left, and starts what is wanted.
func change(ctx context.Context, was, wanted exchange, open OpenPlane) error {
	p, err := open(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	s, ok := p.(plane.Synchronized)
	if !ok {
		return &plane.Unsupported{Plane: p.Name(), Feature: "an exchange of connections with a peer", Instead: "with the scheduler mh connections outlive their director without one"}
	}
	for _, role := range []plane.Role{plane.Master, plane.Backup} {
		if role != wanted.Role && role != was.Role && was.Role != 0 {
			continue
		}
		if err := s.StopSync(role); err != nil && !errors.Is(err, table.ErrNotFound) {
			return err
		}
	}
	if wanted.Role == 0 {
		return nil
	}
	return s.StartSync(wanted)
}
