package stats

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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
		Current: f.Sessions.Load(), Most: f.MaxSeen.Load(), Limit: int64(f.MaxConn), Rate: current, MostRate: most, Total: f.Counters.Total()}
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
	for _, s := range b.Servers {
		r := serverRow(s, now)
		r.ID = s.Number
		if s.Usable() {
			sum.Weight += s.Weight()
		}
		rows = append(rows, r)
	}
	if sum.Active+sum.Backups == 0 && len(b.Servers) > 0 {
		sum.Status = "DOWN"
	}
	return append(rows, sum)
}

func serverRow(s *pool.Server, now time.Time) Row {
	h := s.Health(now)
	r := Row{Proxy: s.Backend.Name, Name: s.Server.Name, Kind: OfServer, ProxyID: s.Backend.ID, Mode: modes[s.Backend.Mode], Status: Status(s),
		Weight: s.Weight(), Backup: s.Backup, Queue: s.Queued.Load(), Current: s.Sessions.Load(), Limit: s.MaxConn(),
		Total: s.Counters.Total(), Health: h, Checked: s.Server.Check, Since: now.Sub(h.Change), Admin: s.Admin(), Cookie: s.Server.Cookie,
		Address: s.Address().String(), Tracked: s.Track}
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

// column is one of the statistics' columns, under HAProxy's name for it.
type column struct {
	name string
	of   func(r *Row) string
}

func number(of func(*Row) int64) func(*Row) string {
	return func(r *Row) string { return strconv.FormatInt(of(r), 10) }
}

// only gives a column to rows of these kinds.
func only(of func(*Row) string, kinds ...Kind) func(*Row) string {
	return func(r *Row) string {
		for _, k := range kinds {
			if r.Kind == k {
				return of(r)
			}
		}
		return ""
	}
}

func empty(*Row) string { return "" }

var columns = []column{
	{"pxname", func(r *Row) string { return r.Proxy }},
	{"svname", func(r *Row) string { return r.Name }},
	{"qcur", only(number(func(r *Row) int64 { return r.Queue }), OfBackend, OfServer)},
	{"qmax", empty},
	{"scur", number(func(r *Row) int64 { return r.Current })},
	{"smax", number(func(r *Row) int64 { return r.Most })},
	{"slim", func(r *Row) string {
		if r.Limit == 0 {
			return ""
		}
		return strconv.FormatInt(r.Limit, 10)
	}},
	{"stot", number(func(r *Row) int64 {
		if r.Kind == OfServer {
			return r.Total.Sessions
		}
		return r.Total.Connections
	})},
	{"bin", number(func(r *Row) int64 { return r.Total.BytesIn })},
	{"bout", number(func(r *Row) int64 { return r.Total.BytesOut })},
	{"dreq", only(number(func(r *Row) int64 { return r.Total.Denied }), OfFrontend, OfBackend)},
	{"dresp", number(func(r *Row) int64 { return r.Total.DeniedAnswers })},
	{"ereq", only(number(func(r *Row) int64 { return r.Total.BadRequests }), OfFrontend)},
	{"econ", only(number(func(r *Row) int64 { return r.Total.ConnectErrors }), OfBackend, OfServer)},
	{"eresp", only(number(func(r *Row) int64 { return r.Total.AnswerErrors }), OfBackend, OfServer)},
	{"wretr", only(number(func(r *Row) int64 { return r.Total.Retries }), OfBackend, OfServer)},
	{"wredis", only(number(func(r *Row) int64 { return r.Total.Redispatches }), OfBackend, OfServer)},
	{"status", func(r *Row) string { return r.Status }},
	{"weight", only(number(func(r *Row) int64 { return int64(r.Weight) }), OfBackend, OfServer)},
	{"act", only(number(func(r *Row) int64 { return int64(r.Active) }), OfBackend, OfServer)},
	{"bck", only(number(func(r *Row) int64 { return int64(r.Backups) }), OfBackend, OfServer)},
	{"chkfail", empty},
	{"chkdown", only(number(func(r *Row) int64 { return r.Health.Downs }), OfServer)},
	{"lastchg", only(number(func(r *Row) int64 { return int64(r.Since.Seconds()) }), OfServer)},
	{"downtime", only(number(func(r *Row) int64 { return int64(r.Health.Downtime.Seconds()) }), OfServer)},
	{"qlimit", empty},
	{"pid", func(*Row) string { return "1" }},
	{"iid", number(func(r *Row) int64 { return int64(r.ProxyID) })},
	{"sid", number(func(r *Row) int64 { return int64(r.ID) })},
	{"throttle", empty},
	{"lbtot", only(number(func(r *Row) int64 { return r.Total.Picked }), OfServer)},
	{"tracked", func(r *Row) string { return r.Tracked }},
	{"type", number(func(r *Row) int64 { return int64(r.Kind) })},
	{"rate", only(number(func(r *Row) int64 { return r.Rate }), OfFrontend)},
	{"rate_lim", empty},
	{"rate_max", only(number(func(r *Row) int64 { return r.MostRate }), OfFrontend)},
	{"check_status", only(func(r *Row) string { return r.Health.Status }, OfServer)},
	{"check_code", empty},
	{"check_duration", only(number(func(r *Row) int64 { return r.Health.Took.Milliseconds() }), OfServer)},
	{"hrsp_1xx", status(1)}, {"hrsp_2xx", status(2)}, {"hrsp_3xx", status(3)}, {"hrsp_4xx", status(4)}, {"hrsp_5xx", status(5)},
	{"hrsp_other", status(0)},
	{"hanafail", empty},
	{"req_rate", empty}, {"req_rate_max", empty},
	{"req_tot", number(func(r *Row) int64 { return r.Total.Requests })},
	{"cli_abrt", number(func(r *Row) int64 { return r.Total.ClientAborts })},
	{"srv_abrt", number(func(r *Row) int64 { return r.Total.ServerAborts })},
	{"mode", func(r *Row) string { return r.Mode }},
	{"algo", func(r *Row) string { return r.Algorithm }},
	{"addr", func(r *Row) string { return r.Address }},
	{"cookie", func(r *Row) string { return r.Cookie }},
	{"last_chk", func(r *Row) string { return r.Health.Why }},
	{"connect", only(number(func(r *Row) int64 { return r.Total.Opened }), OfServer)},
	{"reuse", only(number(func(r *Row) int64 { return r.Total.Reused }), OfServer)},
}

func status(class int) func(*Row) string {
	return func(r *Row) string {
		if r.Mode != "http" {
			return ""
		}
		return strconv.FormatInt(r.Total.Status[class], 10)
	}
}

// CSV is the statistics as HAProxy's `show stat` prints them.
func CSV(rows []Row) []byte {
	var b strings.Builder
	b.WriteString("# ")
	for _, c := range columns {
		b.WriteString(c.name + ",")
	}
	b.WriteByte('\n')
	for i := range rows {
		for _, c := range columns {
			value := c.of(&rows[i])
			if strings.ContainsAny(value, ",\"\n") {
				value = `"` + strings.ReplaceAll(strings.ReplaceAll(value, "\n", " "), `"`, `""`) + `"`
			}
			b.WriteString(value + ",")
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// JSON is the statistics as a list of objects, with CSV's names; numbers are numbers.
func JSON(rows []Row) []byte {
	var b strings.Builder
	b.WriteByte('[')
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		first := true
		for _, c := range columns {
			value := c.of(&rows[i])
			if value == "" {
				continue
			}
			if !first {
				b.WriteByte(',')
			}
			first = false
			if _, err := strconv.ParseInt(value, 10, 64); err != nil {
				quoted, _ := json.Marshal(value) // of a string: it cannot fail
				value = string(quoted)
			}
			fmt.Fprintf(&b, "%q:%s", c.name, value)
		}
		b.WriteByte('}')
	}
	b.WriteString("]\n")
	return []byte(b.String())
}
