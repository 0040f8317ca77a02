package stats

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/traffic/proxy/plane"
)

// MetricsType is the media type of Metrics: Prometheus's text format, version 0.0.4.
const MetricsType = "text/plain; version=0.0.4"

// metric is a family of numbers under the name that HAProxy's exporter gives it, behind haproxy_frontend_,
// haproxy_backend_ or haproxy_server_.
type metric struct {
	name, kind, help string
	of               func(*Row) float64
	rows             []Kind
}

var (
	everywhere = []Kind{OfFrontend, OfBackend, OfServer}
	behind     = []Kind{OfBackend, OfServer}
)

func total(name, help string, of func(*Row) int64, rows ...Kind) metric {
	return metric{name + "_total", "counter", help, func(r *Row) float64 { return float64(of(r)) }, rows}
}

func gauge(name, help string, of func(*Row) int64, rows ...Kind) metric {
	return metric{name, "gauge", help, func(r *Row) float64 { return float64(of(r)) }, rows}
}

var metrics = []metric{
	gauge("current_sessions", "sessions at present", func(r *Row) int64 { return r.Current }, everywhere...),
	gauge("max_sessions", "most sessions at once", func(r *Row) int64 { return r.Most }, OfFrontend, OfBackend),
	gauge("limit_sessions", "limit of sessions; 0: none", func(r *Row) int64 { return r.Limit }, everywhere...),
	gauge("max_session_rate", "most new sessions in a second", func(r *Row) int64 { return r.MostRate }, OfFrontend),
	total("connections", "connections that were taken", func(r *Row) int64 { return r.Total.Connections }, OfFrontend),
	total("sessions", "sessions that were begun", func(r *Row) int64 { return max(r.Total.Sessions, r.Total.Connections) }, everywhere...),
	total("bytes_in", "bytes of requests", func(r *Row) int64 { return r.Total.BytesIn }, everywhere...),
	total("bytes_out", "bytes of answers", func(r *Row) int64 { return r.Total.BytesOut }, everywhere...),
	total("http_requests", "requests", func(r *Row) int64 { return r.Total.Requests }, OfFrontend, OfBackend),
	total("requests_denied", "requests that rules refused", func(r *Row) int64 { return r.Total.Denied }, OfFrontend, OfBackend),
	total("responses_denied", "answers that rules refused", func(r *Row) int64 { return r.Total.DeniedAnswers }, everywhere...),
	total("request_errors", "requests that were not HTTP", func(r *Row) int64 { return r.Total.BadRequests }, OfFrontend),
	total("connection_errors", "connections to servers that failed", func(r *Row) int64 { return r.Total.ConnectErrors }, behind...),
	total("response_errors", "answers that were broken", func(r *Row) int64 { return r.Total.AnswerErrors }, behind...),
	total("retry_warnings", "connections that were tried again", func(r *Row) int64 { return r.Total.Retries }, behind...),
	total("redispatch_warnings", "requests that went to another server", func(r *Row) int64 { return r.Total.Redispatches }, behind...),
	total("http_comp_bytes_in", "bytes of answers before they were compressed", func(r *Row) int64 { return r.Total.CodedIn }, OfFrontend, OfBackend),
	total("http_comp_bytes_out", "bytes of answers after they were compressed", func(r *Row) int64 { return r.Total.CodedOut }, OfFrontend, OfBackend),
	total("http_comp_responses", "answers that were compressed", func(r *Row) int64 { return r.Total.Compressed }, OfFrontend, OfBackend),
	total("http_cache_lookups", "requests that were looked for in a cache", func(r *Row) int64 { return r.Total.CacheLookups }, OfFrontend),
	total("http_cache_hits", "requests that a cache answered", func(r *Row) int64 { return r.Total.CacheHits }, OfFrontend),
	total("connection_attempts", "connections that were opened", func(r *Row) int64 { return r.Total.Opened }, OfServer),
	total("connection_reuses", "requests on connections that were open", func(r *Row) int64 { return r.Total.Reused }, OfServer),
	total("client_aborts", "transfers that clients broke off", func(r *Row) int64 { return r.Total.ClientAborts }, behind...),
	total("server_aborts", "transfers that servers broke off", func(r *Row) int64 { return r.Total.ServerAborts }, behind...),
	total("loadbalanced", "choices of the server", func(r *Row) int64 { return r.Total.Picked }, OfServer),
	gauge("current_queue", "requests that wait", func(r *Row) int64 { return r.Queue }, behind...),
	gauge("weight", "weight of the servers that take clients", func(r *Row) int64 { return int64(r.Weight) }, behind...),
	gauge("active_servers", "servers that take clients", func(r *Row) int64 { return int64(r.Active) }, OfBackend),
	gauge("backup_servers", "backup servers that take clients", func(r *Row) int64 { return int64(r.Backups) }, OfBackend),
	total("check_up_down", "times that the server went down", func(r *Row) int64 { return r.Health.Downs }, OfServer),
	gauge("check_last_change_seconds", "time in this state", func(r *Row) int64 { return int64(r.Since.Seconds()) }, OfServer),
	total("downtime_seconds", "time that the server was down", func(r *Row) int64 { return int64(r.Health.Downtime.Seconds()) }, OfServer),
	{"check_duration_seconds", "gauge", "time that the last check took", func(r *Row) float64 { return r.Health.Check.Took.Seconds() }, []Kind{OfServer}},
}

var kindNames = [...]string{OfFrontend: "frontend", OfBackend: "backend", OfServer: "server"}

// Metrics answers a request for Prometheus. The query may narrow it, as HAProxy's exporter is asked:
// scope=global|frontend|backend|server, any number of them, and no-maint, which leaves out servers in maintenance.
func (p *Pages) Metrics(from *plane.Plane, query string) plane.PageAnswer {
	asked, err := url.ParseQuery(query)
	scopes := asked["scope"]
	for _, s := range scopes {
		if !slices.Contains([]string{"*", "global", "frontend", "backend", "server"}, s) {
			err = fmt.Errorf("scope %q", s)
		}
	}
	if err != nil {
		return plane.PageAnswer{Status: 400, Type: "text/plain", Body: fmt.Appendf(nil, "%v: expected scope=global, frontend, backend or server\n", err)}
	}
	wants := func(scope string) bool {
		return len(scopes) == 0 || slices.Contains(scopes, scope) || slices.Contains(scopes, "*")
	}
	now := p.Now()
	var w exposition
	if wants("global") {
		w.process(p, from, now)
	}
	rows := Rows(from, now)
	if asked.Has("no-maint") {
		rows = slices.DeleteFunc(rows, func(r Row) bool { return r.Kind == OfServer && r.Status == "MAINT" })
	}
	for kind, name := range kindNames {
		if wants(name) {
			w.rows("haproxy_"+name+"_", Kind(kind), rows)
		}
	}
	return plane.PageAnswer{Status: 200, Type: MetricsType, Body: w.text}
}

// exposition is Prometheus's text in the making.
type exposition struct{ text []byte }

func (w *exposition) family(name, kind, help string) {
	w.text = fmt.Appendf(w.text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (w *exposition) value(name, labels string, value float64) {
	w.text = fmt.Appendf(w.text, "%s%s %v\n", name, labels, value)
}

func (w *exposition) process(p *Pages, from *plane.Plane, now time.Time) {
	for _, m := range []struct {
		name, help string
		value      float64
	}{
		{"haproxy_process_nbthread", "event loops", float64(from.Loops())},
		{"haproxy_process_pid", "process", float64(os.Getpid())},
		{"haproxy_process_uptime_seconds", "time since the process was started", now.Sub(p.Started).Truncate(time.Second).Seconds()},
		{"haproxy_process_max_connections", "limit of connections", float64(from.Snapshot().Config.Global.MaxConn)},
		{"haproxy_process_current_connections", "connections at present", float64(from.Sessions.Load())},
	} {
		w.family(m.name, "gauge", m.help)
		w.value(m.name, "", m.value)
	}
}

// rows writes every family of one kind of row: each proxy's or server's number stands below the others of its family.
func (w *exposition) rows(prefix string, kind Kind, rows []Row) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Kind != kind })
	w.family(prefix+"status", "gauge", "1 for the state it is in")
	for i := range rows {
		for _, state := range states[kind] {
			value := 0.0
			if rows[i].state() == state {
				value = 1
			}
			w.value(prefix+"status", rows[i].labels(`state="`+state+`"`), value)
		}
	}
	for _, m := range metrics {
		if !slices.Contains(m.rows, kind) {
			continue
		}
		w.family(prefix+m.name, m.kind, m.help)
		for i := range rows {
			w.value(prefix+m.name, rows[i].labels(""), m.of(&rows[i]))
		}
	}
	w.family(prefix+"http_responses_total", "counter", "answers, by class of status")
	for i := range rows {
		if rows[i].Mode != "http" {
			continue
		}
		for class, code := range []string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} {
			w.value(prefix+"http_responses_total", rows[i].labels(`code="`+code+`"`), float64(rows[i].Total.Status[class]))
		}
	}
}

// states are what a row's status label may say.
var states = [...][]string{
	OfFrontend: {"DOWN", "UP"}, OfBackend: {"DOWN", "UP"}, OfServer: {"DOWN", "UP", "MAINT", "DRAIN", "NOLB"},
}

// state is the row's status in the words of states.
func (r *Row) state() string {
	switch r.Status {
	case "OPEN", "no check":
		return "UP"
	case "STOP", "DOWN (agent)":
		return "DOWN"
	case "MAINT (resolution)":
		return "MAINT"
	}
	return r.Status
}

var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (r *Row) labels(more string) string {
	labels := `proxy="` + escaped.Replace(r.Proxy) + `"`
	if r.Kind == OfServer {
		labels += `,server="` + escaped.Replace(r.Name) + `"`
	}
	if more != "" {
		labels += "," + more
	}
	return "{" + labels + "}"
}
