package director

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"holdfast/traffic/director/check"
	"holdfast/traffic/director/config"
	"holdfast/traffic/director/pool"
	"holdfast/traffic/netio"
)

// asker is a check that runs.
type asker struct{ stop context.CancelFunc }

// identity names a check of a server by all that it asks and how: one that is the same after a reload goes on.
func identity(s *config.Service, server, check int) string {
	c := s.Servers[server].Checks[check]
	return fmt.Sprintf("%s %s #%d %s %s %d %d %s", s.Keys[0], s.Servers[server].Address, check, c.Interval, c.Retry, c.Fall, c.Rise, pool.Asks(c))
}

// jitter is the share of an interval by which checks are spread.
const jitter = 0.1

// start starts what the configuration asks for and ends what it does not. Checks that stay go on.
func (d *Daemon) start() {
	d.places = map[string][]place{}
	for _, p := range d.pools {
		for server := range p.Config.Servers {
			for n := range p.Config.Servers[server].Checks {
				id := identity(p.Config, server, n)
				d.places[id] = append(d.places[id], place{p, server, n})
				if d.asking[id] == nil {
					d.ask(id, p.Config, p.Config.Servers[server].Checks[n])
				}
			}
		}
	}
	for id, a := range d.asking {
		if d.places[id] == nil {
			a.stop()
			delete(d.asking, id)
			delete(d.verdicts, id)
		}
	}
	d.startTelling()
	d.startWatches()
}

func (d *Daemon) ask(id string, s *config.Service, c config.Check) {
	ctx, cancel := context.WithCancel(d.ctx)
	d.asking[id] = &asker{cancel}
	w := check.Watcher{
		Check: c.Check, Deeper: c.Deeper, Every: c.Every, Interval: c.Interval, Retry: c.Retry, Sparing: true, Jitter: jitter, Warmup: c.Warmup,
		Verdict: check.Verdict{Fall: max(1, c.Fall), Rise: max(1, c.Rise), In: c.Begins},
		Random:  rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
	if s.WhileHere && s.Keys[0].Mark == 0 {
		address := s.Keys[0].Address.Addr()
		w.Asleep = func() bool {
			held, err := netio.Find(address)
			return err == nil && len(held) == 0
		}
	}
	d.running.Go(func() {
		w.Watch(ctx, func(in bool, why error) {
			text, weight := "", pool.AsConfigured
			if weighed := (*check.Weighed)(nil); errors.As(why, &weighed) {
				weight = weighed.Weight
			} else if why != nil {
				text = why.Error()
			}
			d.post(func() { d.answered(id, verdict{in, weight, text, time.Now()}) })
		})
	})
}

// lookEvery is how often files of maintenance are looked at.
const lookEvery = time.Second

// watchMaintenance looks at the files that take servers out.
func (d *Daemon) watchMaintenance(ctx context.Context) {
	beat := time.NewTicker(lookEvery)
	defer beat.Stop()
	for {
		d.post(d.lookAtMaintenance)
		select {
		case <-beat.C:
		case <-ctx.Done():
			return
		}
	}
}

func (d *Daemon) lookAtMaintenance() {
	for _, p := range d.pools {
		for i, s := range p.Config.Servers {
			exists := slices.ContainsFunc(s.Maintenance, func(name string) bool { _, err := os.Stat(name); return err == nil })
			if len(s.Maintenance) > 0 {
				d.changed(p, p.Maintain(i, exists))
			}
		}
	}
}
