package stats

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/stick"
)

// MetricsType is the media type of Metrics: Prometheus's text format, version 0.0.4.
const MetricsType = "text/plain; version=0.0.4"

var kindNames = [...]string{OfFrontend: "frontend", OfBackend: "backend", OfServer: "server"}

// Metrics answers a request for Prometheus. The query may narrow it, as HAProxy's exporter is asked:
// scope=global|frontend|backend|server|sticktable, any number of them, and no-maint, which leaves out servers in maintenance.
func (p *Pages) Metrics(from *plane.Plane, query string) plane.PageAnswer {
	asked, err := url.ParseQuery(query)
	scopes := asked["scope"]
	for _, s := range scopes {
		if !slices.Contains([]string{"*", "global", "frontend", "backend", "server", "sticktable"}, s) {
			err = fmt.Errorf("scope %q", s)
		}
	}
	if err != nil {
		return plane.PageAnswer{Status: 400, Type: "text/plain", Body: fmt.Appendf(nil, "%v: expected scope=global, frontend, backend, server or sticktable\n", err)}
	}
	wants := func(scope string) bool {
		return len(scopes) == 0 || slices.Contains(scopes, scope) || slices.Contains(scopes, "*")
	}
	now := p.Now()
	var w exposition
	if wants("global") {
		s := p.Socket
		if s == nil {
			s = &Server{Plane: from, Started: p.Started, Now: p.Now, Version: p.Version}
		}
		w.process(s)
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
	if wants("backend") {
		w.sums(rows)
	}
	if wants("sticktable") {
		w.tables(from.Snapshot().Tables)
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

func (w *exposition) process(s *Server) {
	information := s.information()
	for _, m := range processMetrics {
		for _, field := range information {
			if field.name == m.field {
				value, _ := strconv.ParseFloat(field.value, 64)
				w.family("haproxy_process_"+m.name, m.kind, field.meaning)
				w.value("haproxy_process_"+m.name, "", value*m.scale)
			}
		}
	}
	w.family("haproxy_process_start_time_seconds", gauge, "when the process was started")
	w.value("haproxy_process_start_time_seconds", "", float64(s.Started.Unix()))
	w.family("haproxy_process_build_info", gauge, "version of the program")
	w.value("haproxy_process_build_info", `{version="`+escaped.Replace(s.Version)+`"}`, 1)
}

// rows writes every family of one kind of row: each proxy's or server's number stands below the others of its family.
func (w *exposition) rows(prefix string, kind Kind, rows []Row) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Kind != kind })
	w.words(prefix+"status", "1 for the state it is in", states[kind], rows, (*Row).state)
	for _, m := range metrics {
		if slices.Contains(m.rows, kind) {
			w.column(prefix+m.name, &m, rows)
		}
	}
	if kind == OfServer {
		checked := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !r.Checked })
		w.words(prefix+"check_status", "1 for what the last check came to", checkResults(), checked, func(r *Row) string { return r.Health.Check.Status })
	}
	w.family(prefix+"http_responses_total", counter, "answers, by class of status")
	for i := range rows {
		if rows[i].Mode != "http" {
			continue
		}
		for class, code := range []string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} {
			w.value(prefix+"http_responses_total", rows[i].labels(`code="`+code+`"`), float64(rows[i].Total.Status[class]))
		}
	}
}

// column writes a metric's family. What does not concern a row is left out; times are in milliseconds in columns, and in seconds here.
func (w *exposition) column(name string, m *metric, rows []Row) {
	at := slices.IndexFunc(columns, func(c column) bool { return c.name == m.column })
	scale := 1.0
	if strings.Contains(m.column, "time") && m.column != "downtime" || m.column == "check_duration" {
		scale = 1000
	}
	w.family(name, m.kind, m.help)
	for i := range rows {
		if httpOnly[m.column] && rows[i].Mode != "http" {
			continue
		}
		text := columns[at].of(&rows[i])
		if text == "" && m.column == "check_code" && rows[i].Health.Check.Status != "" {
			text = "0"
		}
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			w.value(name, rows[i].labels(""), value/scale)
		}
	}
}

// words writes a family that has a number for each of some words, 1 for the one that a row is described by.
func (w *exposition) words(name, help string, words []string, rows []Row, of func(*Row) string) {
	w.family(name, gauge, help)
	for i := range rows {
		for _, word := range words {
			value := 0.0
			if of(&rows[i]) == word {
				value = 1
			}
			w.value(name, rows[i].labels(`state="`+word+`"`), value)
		}
	}
}

// sums writes how many of each backend's servers are in each state, and what their checks came to. HAProxy has the first under two names.
func (w *exposition) sums(rows []Row) {
	for _, f := range []struct {
		name, help string
		words      []string
		of         func(*Row) string
	}{
		{"haproxy_backend_agg_server_status", "servers in this state", states[OfServer], (*Row).state},
		{"haproxy_backend_agg_server_check_status", "the same", states[OfServer], (*Row).state},
		{"haproxy_backend_agg_check_status", "servers whose last check came to this", checkResults(), func(r *Row) string { return r.Health.Check.Status }},
	} {
		counts := map[[2]string]int{}
		for i := range rows {
			if rows[i].Kind == OfServer {
				counts[[2]string{rows[i].Proxy, f.of(&rows[i])}]++
			}
		}
		w.family(f.name, gauge, f.help)
		for i := range rows {
			for _, word := range f.words {
				if rows[i].Kind == OfBackend {
					w.value(f.name, rows[i].labels(`state="`+word+`"`), float64(counts[[2]string{rows[i].Proxy, word}]))
				}
			}
		}
	}
}

// checkResults are the words that a check may come to.
func checkResults() []string {
	return slices.DeleteFunc(slices.Clone(checkStatuses), func(word string) bool { return word == "" })
}

// tables writes the sizes of stick-tables.
func (w *exposition) tables(tables map[string]*stick.Table) {
	names := slices.Sorted(maps.Keys(tables))
	for _, f := range []struct {
		name, help string
		of         func(*stick.Table) int
	}{
		{"haproxy_sticktable_size", "entries that a stick-table has room for", func(t *stick.Table) int { return t.Size }},
		{"haproxy_sticktable_used", "entries that a stick-table has", func(t *stick.Table) int { return t.Used() }},
	} {
		w.family(f.name, gauge, f.help)
		for _, name := range names {
			w.value(f.name, fmt.Sprintf(`{name="%s",type="%s"}`, escaped.Replace(name), tables[name].Type), float64(f.of(tables[name])))
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
