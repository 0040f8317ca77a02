package stats

import (
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
	Since       time.Duration // in this state
	Admin       pool.Admin
	Tracked     string
	Rise, Fall  int
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
			rows = append(rows, frontendRow(fronts[x.Name], now))
		}
		if x.Back {
			rows = append(rows, backendRows(snapshot.Backends[x.Name], now)...)
		}
	}
	return rows
}

var modes = [...]string{"tcp", "http"}

func frontendRow(f *plane.Frontend, now time.Time) Row {
	current, most := f.Rate(now)
	r := Row{Proxy: f.Name, Name: "FRONTEND", Kind: OfFrontend, ProxyID: f.ID, Mode: modes[f.Mode], Status: "OPEN",
		Current: f.Sessions.Load(), Most: f.MaxSeen.Load(), Limit: f.Limit(), Rate: current, MostRate: most, Total: f.Counters.Total()}
	if f.Disabled.Load() {
		r.Status = "STOP"
	}
	return r
}

func backendRows(b *pool.Backend, now time.Time) []Row {
	var rows []Row
	sum := Row{Proxy: b.Name, Name: "BACKEND", Kind: OfBackend, ProxyID: b.ID, Mode: modes[b.Mode], Status: "UP",
		Current: b.Sessions.Load(), Most: b.MaxSeen.Load(), Queue: b.Queued(), Total: b.Counters.Total(), Algorithm: b.Balance.Algorithm,
		Limit: int64(b.FullConn)}
	sum.Active, sum.Backups = b.Usable()
	for _, s := range b.Servers() {
		r := serverRow(s, now)
		r.ID = s.Number
		if s.Usable() {
			sum.Weight += s.Weight()
		}
		rows = append(rows, r)
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
		Total: s.Counters.Total(), Health: h, Checked: s.Server.Check, Since: now.Sub(h.Change), Admin: s.Admin(), Cookie: s.Cookie(),
		Address: s.Address().String(), Tracked: s.Track, Rise: s.Rise, Fall: s.Fall}
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
