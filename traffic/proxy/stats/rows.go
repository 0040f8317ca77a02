package stats

import (
	"cmp"
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
	Throttle    int // of slowstart, in percent
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

var modes = [...]string{"tcp", "http"}

func frontendRow(f *plane.Frontend, now time.Time, maxconn int64) Row {
	current, most := f.Rate(now)
	requests, mostRequests := f.RequestRate(now)
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
		Limit: int64(b.FullConn), MostQueued: b.MostQueued(), Paces: b.Paces()}
	since, downs, down := b.Availability(now)
	sum.Since, sum.Health.Downs, sum.Health.Downtime = now.Sub(since), downs, down
	sum.Rate = b.Arrivals.Rate(sum.Total.Connections, now)
	sum.MostRate = b.Arrivals.Most()
	if b.Cookie != nil {
		sum.Cookie = b.Cookie.Name
	}
	sum.Active, sum.Backups = b.Usable()
	sum.LastUse = lastUse(sum.Paces, now)
	for _, s := range b.Servers() {
		r := serverRow(s, now)
		r.ID = s.Number
		sum.Total.Picked += r.Total.Picked
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
	r := Row{Proxy: s.Backend.Name, Name: s.Server.Name, Kind: OfServer, ProxyID: s.Backend.ID, Mode: modes[s.Backend.Mode], Status: Status(s),
		Weight: s.Weight(), Backup: s.Backup, Queue: s.Queued.Load(), Current: s.Sessions.Load(), Limit: s.MaxConn(),
		Total: s.Counters.Total(), Health: h, Checked: s.Server.Check, Asked: s.Agent, Since: now.Sub(h.Change), Admin: s.Admin(), Cookie: s.Cookie(),
		Address: s.Address().String(), Tracked: s.Track, Rise: s.Rise, Fall: s.Fall,
		Most: s.MostSessions(), MostQueued: s.MostQueued(), Paces: pool.PacesOf(&s.Counters)}
	r.Rate = s.Arrivals.Rate(r.Total.Picked, now)
	r.MostRate = s.Arrivals.Most()
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

// Status is a server's state in HAProxy's words.
func Status(s *pool.Server) string {
	switch {
	case s.Admin() == pool.Maintenance:
		return "MAINT"
	case s.Unresolved():
		return "MAINT (resolution)"
	case !s.Server.Check && !s.Server.Agent && s.Track == "":
		if s.Admin() == pool.Drain {
			return "DRAIN"
		}
		return "no check"
	case !s.Up():
		return "DOWN"
	case s.Admin() == pool.Drain:
		return "DRAIN"
	case !s.Alive():
		return "DOWN (agent)"
	case !s.Usable():
		return "NOLB"
	}
	return "UP"
}
