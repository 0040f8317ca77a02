package stats

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/plane"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"bytes": func(n int64) template.HTML { return faint(n, size(n)) }, "number": func(n int64) template.HTML { return faint(n, strconv.FormatInt(n, 10)) }, "span": span,
}).Parse(pageText))

// Pages answers for the statistics page.
type Pages struct {
	Node    string
	Version string
	Started time.Time
	Now     func() time.Time
	Socket  *Server // what `show info` tells is metrics, too
}

// view is what the page's template is given.
type view struct {
	Title, Node, Version, Description string
	Now                               string
	Uptime                            time.Duration
	Refresh                           int
	Admin                             bool
	URI                               string
	Message                           string
	Groups                            []group
	Sessions, MaxConn                 int64
	Refusals                          map[string]int64
}

// group is a proxy with its servers.
type group struct {
	Name    string
	Rows    []line
	Servers int
	Counts  string // of servers by what they do; "": there are none
	Trouble string // of those that do not take clients
}

// line is a row of the page.
type line struct{ Row }

// Well tells whether all is well with a server.
func (l line) Well() bool { return strings.HasPrefix(l.Status, "UP") || l.Status == "no check" }

// Errors are a server's or a backend's, of any kind.
func (l line) Errors() int64 { return l.Total.ConnectErrors + l.Total.AnswerErrors }

// faint marks what is nothing, so that the eye finds what is something.
func faint(n int64, text string) template.HTML {
	if n == 0 {
		return "<i>" + template.HTML(text) + "</i>"
	}
	return template.HTML(text)
}

// groups are the rows by proxy, those of all servers before those of single ones.
func groups(rows []Row) []group {
	var all []group
	for _, row := range rows {
		if n := len(all); n == 0 || all[n-1].Name != row.Proxy {
			all = append(all, group{Name: row.Proxy})
		}
		g := &all[len(all)-1]
		g.Rows = append(g.Rows, line{row})
	}
	for i := range all {
		slices.SortStableFunc(all[i].Rows, func(a, b line) int { return cmp.Compare(a.Kind, b.Kind) })
		all[i].count()
	}
	return all
}

// count says how many servers are in which state.
func (g *group) count() {
	of := map[string]int{}
	for _, l := range g.Rows {
		if l.Kind != OfServer {
			continue
		}
		g.Servers++
		state := strings.ToLower(strings.Fields(l.Status + " -")[0])
		if l.Well() {
			state = "up"
		}
		of[state]++
	}
	if g.Servers == 0 {
		return
	}
	var well, ill []string
	for _, state := range slices.Sorted(maps.Keys(of)) {
		text := fmt.Sprintf("%d %s", of[state], state)
		if state == "up" {
			well = append(well, text)
		} else {
			ill = append(ill, text)
		}
	}
	g.Counts, g.Trouble = strings.Join(append(well, ill...), ", "), strings.Join(ill, ", ")
}

// Page answers a request for the statistics page.
func (p *Pages) Page(r plane.PageRequest) plane.PageAnswer {
	s := &r.Proxy.Stats
	if r.Post {
		message := "DENY"
		if r.Admin {
			message = p.change(r)
		}
		return plane.PageAnswer{Status: 303, Location: s.URI + ";st=" + message}
	}
	now := p.Now()
	rows := scoped(Rows(r.Plane, now), s.Scopes, r.Proxy.Name)
	switch options := strings.Split(strings.TrimLeft(r.Path, ";?/"), ";"); {
	case slices.Contains(options, "csv"):
		return plane.PageAnswer{Status: 200, Type: "text/plain", Body: CSV(rows)}
	case slices.Contains(options, "json"):
		return plane.PageAnswer{Status: 200, Type: "application/json", Body: JSON(rows)}
	default:
		return p.html(r, rows, now, options)
	}
}

// scoped are the rows of the proxies that stats scope names; "." is the page's own.
func scoped(rows []Row, scopes []string, own string) []Row {
	if len(scopes) == 0 {
		return rows
	}
	return slices.DeleteFunc(rows, func(r Row) bool {
		return !slices.Contains(scopes, r.Proxy) && !(r.Proxy == own && slices.Contains(scopes, "."))
	})
}

func (p *Pages) html(r plane.PageRequest, rows []Row, now time.Time, options []string) plane.PageAnswer {
	s := &r.Proxy.Stats
	v := view{Title: "Load balancer", Now: now.Format(time.DateTime), Uptime: now.Sub(p.Started).Truncate(time.Second), Admin: r.Admin, URI: s.URI,
		Description: s.Description, Sessions: r.Plane.Sessions.Load(), MaxConn: int64(r.Plane.Snapshot().Config.Global.MaxConn),
		Refusals: r.Plane.Refusals(), Groups: groups(rows)}
	if !s.HideVersion {
		v.Version = p.Version
	}
	if s.ShowNode {
		if v.Node = s.Node; v.Node == "" {
			v.Node = p.Node
		}
	}
	if !slices.Contains(options, "norefresh") {
		v.Refresh = int(s.Refresh.Seconds())
	}
	for _, o := range options {
		if code, ok := strings.CutPrefix(o, "st="); ok {
			v.Message = messages[code]
		}
	}
	var b strings.Builder
	if err := pageTemplate.Execute(&b, v); err != nil {
		return plane.PageAnswer{Status: 500, Type: "text/plain", Body: []byte(err.Error() + "\n")}
	}
	return plane.PageAnswer{Status: 200, Type: "text/html; charset=utf-8", Body: []byte(b.String())}
}

// messages say what became of a change, by the code in the address.
var messages = map[string]string{
	"DONE": "Done.", "NONE": "Nothing was changed.", "ERRP": "Not all could be changed.", "DENY": "You may not change anything here.",
	"UNKN": "The form was not understood.",
}

// actions of the page's form, by HAProxy's names for them
var formActions = map[string]func(p *plane.Plane, server string, now time.Time) error{
	"ready": stateAction("ready"), "drain": stateAction("drain"), "maint": stateAction("maint"),
	"enable": stateAction("ready"), "disable": stateAction("maint"),
	"hrunn": healthAction("up"), "hnolb": healthAction("stopping"), "hdown": healthAction("down"),
}

func stateAction(state string) func(*plane.Plane, string, time.Time) error {
	return func(p *plane.Plane, name string, now time.Time) error {
		s, err := find(p, name)
		if err != nil {
			return err
		}
		return setState(s, state, now)
	}
}

func healthAction(state string) func(*plane.Plane, string, time.Time) error {
	return func(p *plane.Plane, name string, now time.Time) error {
		s, err := find(p, name)
		if err != nil {
			return err
		}
		return setHealth(s, state, now)
	}
}

// change does what a form asks: b is the backend, each s a server, action what to do. The answer is a code of messages.
func (p *Pages) change(r plane.PageRequest) string {
	form, err := url.ParseQuery(r.Form)
	if err != nil {
		return "UNKN"
	}
	act, ok := formActions[form.Get("action")]
	if !ok || form.Get("b") == "" {
		return "UNKN"
	}
	done, failed := 0, 0
	for _, server := range form["s"] {
		if act(r.Plane, form.Get("b")+"/"+server, p.Now()) != nil {
			failed++
		} else {
			done++
		}
	}
	switch {
	case failed > 0:
		return "ERRP"
	case done == 0:
		return "NONE"
	}
	return "DONE"
}

func size(n int64) string {
	units := []string{"", "k", "M", "G", "T", "P"}
	f := float64(n)
	for i, u := range units {
		if f < 1000 || i == len(units)-1 {
			if i == 0 {
				return fmt.Sprintf("%d", n)
			}
			return fmt.Sprintf("%.1f %s", f, u)
		}
		f /= 1024
	}
	return ""
}

func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}
