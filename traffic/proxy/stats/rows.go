package stats

import (
	"cmp"
	"fmt"
	"time"

	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/pool"
)

// Kind is what a row is of, in HAProxy's numbers.
type Kind int

// The kinds.
const (
	OfFrontend Kind = iota
	OfBackend
	OfServer
)

// Row is a line of the statistics.
type Row struct {
	Proxy, Name string
	Kind        Kind
	ProxyID, ID int
	Mode        string
	Status      string
	Weight      int
	Backup      bool
	Active      int
	Backups     int
	Queue       int64
	Current     int64
	Most        int64
	Limit       int64
	Rate        int64
	MostRate    int64
	Address     string
	Cookie      string
	Algorithm   string
	Total       pool.Total
	Health      pool.Health
	Checked     bool
	Asked       bool          // its agent
	Since       time.Duration // in this state
	Admin       pool.Admin
	Tracked     string
	Rise, Fall  int
	MostQueued  int64
	Requests    [2]int64 // in a second: now, and the most
	Paces       pool.Paces
	LastUse     int64 // seconds since the last exchange; -1: there was none
	RateLimit   int64
	Throttle    int   // of slowstart, in percent
	QueueLimit  int   // of requests that wait for a server; 0: none
	Idle        int64 // connections; withIdle knows
	IdleLimit   int   // of them; below 0: none
	Agreed      bool  // its agent does not hold it for down
	Members     int   // of a backend: servers
}

// Rows lists all proxies and servers, in the configuration's order.
func Rows(p *plane.Plane, now time.Time) []Row {
	var rows []Row
	snapshot := p.Snapshot()
	fronts := map[string]*plane.Frontend{}
	for _, f := range snapshot.Frontends {
		fronts[f.Name] = f
	}
	for _, x := range snapshot.Config.Proxies {
		if x.Front {
			rows = append(rows, frontendRow(fronts[x.Name], now, p.MaxConn()))
		}
		if x.Back {
			rows = append(rows, backendRows(snapshot.Backends[x.Name], now)...)
		}
	}
	return rows
}

// withIdle fills in how many idle connections servers have. It asks all event loops, and must not run on one.
func withIdle(rows []Row, p *plane.Plane) {
	idle := map[[2]string]int64{}
	for s, each := range p.IdleConnections() {
		for _, n := range each {
			idle[[2]string{s.Backend.Name, s.Server.Name}] += int64(n)
		}
	}
	for i := range rows {
		if rows[i].Kind == OfServer {
			rows[i].Idle = idle[[2]string{rows[i].Proxy, rows[i].Name}]
		}
	}
}

var modes = [...]string{"tcp", "http"}

func frontendRow(f *plane.Frontend, now time.Time, maxconn int64) Row {
	current, most := f.Counters.Frequency(pool.Arrival, now)
	requests, mostRequests := f.Counters.Frequency(pool.RequestArrival, now)
	r := Row{Proxy: f.Name, Name: "FRONTEND", Kind: OfFrontend, ProxyID: f.ID, Mode: modes[f.Mode], Status: "OPEN",
		Current: f.Sessions.Load(), Most: f.MaxSeen.Load(), Limit: cmp.Or(f.Limit(), maxconn), Rate: current, MostRate: most, Total: f.Counters.Total(),
		Requests: [2]int64{requests, mostRequests}, RateLimit: int64(f.RateLimit)}
	if f.Disabled.Load() {
		r.Status = "STOP"
	}
	return r
}

func backendRows(b *pool.Backend, now time.Time) []Row {
	var rows []Row
	backupWeight := 0
	sum := Row{Proxy: b.Name, Name: "BACKEND", Kind: OfBackend, ProxyID: b.ID, Mode: modes[b.Mode], Status: "UP",
		Current: b.Sessions.Load(), Most: b.MaxSeen.Load(), Queue: b.Queued(), Total: b.Counters.Total(), Algorithm: b.Balance.Algorithm,
		Limit: int64(max(1, b.FullConn)), Members: len(b.Servers()), MostQueued: b.MostQueued(), Paces: b.Paces()}
	since, downs, down := b.Availability(now)
	sum.Since, sum.Health.Downs, sum.Health.Downtime = now.Sub(since), downs, down
	sum.Rate, sum.MostRate = b.Counters.Frequency(pool.Arrival, now)
	if b.Cookie != nil {
		sum.Cookie = b.Cookie.Name
	}
	sum.Active, sum.Backups = b.Usable()
	sum.LastUse = lastUse(sum.Paces, now)
	for _, s := range b.Servers() {
		r := serverRow(s, now)
		r.ID = s.Number
		sum.Total.Picked, sum.Total.Balanced = sum.Total.Picked+r.Total.Picked, sum.Total.Balanced+r.Total.Balanced
		sum.Total.Opened, sum.Total.Reused = sum.Total.Opened+r.Total.Opened, sum.Total.Reused+r.Total.Reused
		switch {
		case s.Usable() && s.Backup:
			backupWeight += s.Weight()
		case s.Usable():
			sum.Weight += s.Weight()
		}
		rows = append(rows, r)
	}
	if sum.Active == 0 {
		sum.Weight = backupWeight
	}
	if sum.Active+sum.Backups == 0 && len(b.Servers()) > 0 {
		sum.Status = "DOWN"
	}
	return append(rows, sum)
}

func serverRow(s *pool.Server, now time.Time) Row {
	h := s.Health(now)
	r := Row{Proxy: s.Backend.Name, Name: s.Server.Name, Kind: OfServer, ProxyID: s.Backend.ID, Mode: modes[s.Backend.Mode], Status: Status(s, now),
		Weight: s.Weight(), Backup: s.Backup, Queue: s.Queued.Load(), Current: s.Sessions.Load(), Limit: s.MaxConn(),
		Total: s.Counters.Total(), Health: h, Checked: s.Server.Check, Asked: s.Agent, Since: now.Sub(h.Change), Admin: s.Admin(), Cookie: s.Cookie(),
		Address: s.Address().String(), Tracked: s.Track, Rise: s.Rise, Fall: s.Fall,
		Most: s.MostSessions(), MostQueued: s.MostQueued(), Paces: pool.PacesOf(&s.Counters), QueueLimit: s.MaxQueue, IdleLimit: s.PoolMax,
		Agreed: s.AgentAdmin() != pool.Maintenance}
	r.Rate, r.MostRate = s.Counters.Frequency(pool.Arrival, now)
	r.LastUse, r.Throttle = lastUse(r.Paces, now), s.Throttle(now)
	switch {
	case s.Path != "":
		r.Address = s.Path
	case s.Unresolved():
		r.Address = ""
	}
	if s.Usable() {
		if r.Active = 1; s.Backup {
			r.Active, r.Backups = 0, 1
		}
	}
	return r
}

func lastUse(p pool.Paces, now time.Time) int64 {
	if p.Last == 0 {
		return -1
	}
	return max(0, now.Unix()-p.Last)
}

// Status is a server's state in HAProxy's words: with numbers, how far it is on its way to the next.
func Status(s *pool.Server, now time.Time) string {
	via := s.Leader()
	level, best, rise, fall := via.Health(now).Level, via.Best(), max(1, via.Rise), max(1, via.Fall)
	asked := via.Server.Check && !via.ChecksRest()
	partly := func(state string) string {
		if !asked || level >= best || level < rise {
			return state
		}
		return fmt.Sprintf("%s %d/%d", state, level-rise+1, fall)
	}
	switch {
	case via != s && via.Admin() == pool.Maintenance:
		return fmt.Sprintf("MAINT (via %s/%s)", via.Backend.Name, via.Server.Name)
	case s.Unresolved():
		return "MAINT (resolution)"
	case s.Admin() == pool.Maintenance:
		return "MAINT"
	case s.Up() && via.AgentAdmin() == pool.Maintenance:
		return "DOWN (agent)"
	case !s.Up() && level > 0 && level < rise:
		return fmt.Sprintf("DOWN %d/%d", level, rise)
	case !s.Up():
		return "DOWN"
	case via.Stopping():
		return partly("NOLB")
	case s.Admin() == pool.Drain && via.Agent:
		return "DRAIN (agent)"
	case s.Admin() == pool.Drain:
		return partly("DRAIN")
	case !asked:
		return "no check"
	}
	return partly("UP")
}
