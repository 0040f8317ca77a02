package director

import (
	"maps"
	"net/netip"
	"slices"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/pool"
	"holdfast/traffic/director/table"
)

// leaving are the servers, by service, that a configuration no longer has, while they have connections: they stay in the table without weight, so that
// these finish. Of a persistent service there are none, as a server without weight would get its clients for ever.
type leaving map[table.Key][]table.Server

// leave lists the servers of what is applied that a configuration does not have.
func leave(applied table.Table, c *config.Config) leaving {
	all := leaving{}
	for _, s := range c.Services {
		configured := s.All()
		for _, k := range s.Keys {
			was := applied[k]
			if was.Persist > 0 {
				continue
			}
			for _, one := range was.Servers {
				if slices.ContainsFunc(configured, func(c table.Server) bool { return c.Address == one.Address }) {
					continue
				}
				one.Weight = 0
				all[k] = append(all[k], one)
			}
		}
	}
	return all
}

// lookAfter lets servers go that have no connection left; it tells whether some did.
func (d *Daemon) lookAfter() bool {
	if len(d.leaving) == 0 {
		return false
	}
	all, err := d.plane.Status(slices.SortedFunc(maps.Keys(d.leaving), table.Key.Compare)...)
	if err != nil {
		d.log.Warn("whether servers that leave have connections still is not known", "error", err)
		return false
	}
	busy := map[table.Key]map[netip.AddrPort]bool{}
	for _, s := range all {
		busy[s.Key] = map[netip.AddrPort]bool{}
		for _, one := range s.Servers {
			busy[s.Key][one.Address] = one.Active+one.Inactive > 0
		}
	}
	some := false
	for k, servers := range d.leaving {
		left := slices.DeleteFunc(slices.Clone(servers), func(one table.Server) bool { return !busy[k][one.Address] })
		some = some || len(left) < len(servers)
		if d.leaving[k] = left; len(left) == 0 {
			delete(d.leaving, k)
		}
	}
	return some
}

// wanted is what a pool wants, with the servers that leave.
func (d *Daemon) wanted(p *pool.Pool) []table.Service {
	all := p.Wanted()
	for i, s := range all {
		for _, one := range d.leaving[s.Key] {
			if s.Find(one.Address) < 0 {
				all[i].Servers = append(slices.Clip(all[i].Servers), one)
			}
		}
	}
	return all
}
