package stats

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

type nothing struct{}

func (nothing) ReadFile(string) ([]byte, error)   { return []byte("key value\n"), nil }
func (nothing) Environment(string) (string, bool) { return "", false }
func (nothing) Resolve(host string) (netip.Addr, error) {
	return netip.Addr{}, fmt.Errorf("no %s", host)
}

func server(t *testing.T) *Server {
	t.Helper()
	return serverOf(t, `
defaults
 mode http
frontend f
 bind 127.0.0.1:1
 http-request set-header X %[path,map(/map)]
 default_backend b
backend b
 stick-table type ip size 10 expire 1m store gpc0
 server one 127.0.0.1:1 weight 10
 server two 127.0.0.1:2 check
`)
}

func serverOf(t *testing.T, text string) *Server {
	t.Helper()
	c, err := config.Load([]config.File{{Name: "f", Text: []byte(text)}}, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plane.New(1, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := p.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	p.Install(snapshot)
	p.Run()
	t.Cleanup(p.Stop)
	return &Server{Plane: p, Version: "v", Node: "n", Started: time.Unix(1e9, 0), Now: func() time.Time { return time.Unix(1e9+60, 0) }}
}

func (s *Server) say(line string, level Level) string {
	var b strings.Builder
	s.Execute(&b, line, level)
	return b.String()
}

func TestCommands(t *testing.T) {
	t.Parallel()
	s := server(t)
	for _, c := range []struct{ line, want string }{
		{"get weight b/one", "10 (initial 10)\n"},
		{"set weight b/one 50%", ""},
		{"get weight b/one", "5 (initial 10)\n"},
		{"set weight b/one 300", "Weight takes a number from 0 to 256, or a percentage, not \"300\".\n"},
		{"disable server b/two", ""},
		{"set server b/two state ready", ""},
		{"set server b/two state asleep", "State takes ready, drain or maint, not \"asleep\".\n"},
		{"set server b/nobody state ready", "No such server: backend b has no \"nobody\".\n"},
		{"set server b/one addr 127.0.0.9 port 99", "IP changed from '127.0.0.1' to '127.0.0.9', port changed from '1' to '99' by 'stats socket command'\n"},
		{"get map /map key", "type=str, case=sensitive, found=yes, idx=tree, key=\"key\", value=\"value\", type=\"str\"\n"},
		{"set map /map key other", ""},
		{"get map /map key", "type=str, case=sensitive, found=yes, idx=tree, key=\"key\", value=\"other\", type=\"str\"\n"},
		{"set table b key 192.0.2.1 data.gpc0 7", ""},
		{"show table b", "# table: b, type: ip, size:10, used:1\n0x1: key=192.0.2.1 use=0 exp=60000 gpc0=7\n"},
		{"show backend", "# name\nb\n"},
		{"nonsense", "Unknown command: 'nonsense'; 'help' lists what there is.\n"},
		{"show infos", "Unknown command: 'show infos', but maybe one of the following ones is a better match:\n"},
	} {
		if got := s.say(c.line, Administrator); got != c.want && !(strings.HasPrefix(c.want, "Unknown") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: got %q, want %q", c.line, got, c.want)
		}
	}
	if got := s.say("disable server b/two", Operator); !strings.HasPrefix(got, "Permission denied") {
		t.Errorf("an operator may: %q", got)
	}
}

func TestStatisticsAreCSVAndJSON(t *testing.T) {
	t.Parallel()
	s := server(t)
	s.say("disable server b/two", Administrator)
	lines, err := csv.NewReader(strings.NewReader(s.say("show stat", User))).ReadAll()
	if err != nil || len(lines) != 5 || lines[0][0] != "# pxname" || lines[0][17] != "status" {
		t.Fatalf("%v, %v", lines, err)
	}
	var got []string
	for _, l := range lines[1:] {
		got = append(got, l[0]+"/"+l[1]+" "+l[17])
	}
	if want := "f/FRONTEND OPEN, b/one no check, b/two MAINT, b/BACKEND UP"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	var objects [][]struct {
		Field struct{ Name string }
		Value struct{ Value any }
	}
	if err := json.Unmarshal([]byte(s.say("show stat json", User)), &objects); err != nil || len(objects) != 4 {
		t.Fatalf("%v, %v", objects, err)
	}
	for _, o := range objects[2] {
		if o.Field.Name == "status" && o.Value.Value != "MAINT" {
			t.Errorf("%v", o)
		}
	}
}

func TestPageChangesServers(t *testing.T) {
	t.Parallel()
	s := server(t)
	pages := &Pages{Node: "n", Version: "secret-version", Started: s.Started, Now: s.Now}
	x := s.Plane.Snapshot().Config.Proxies[0]
	x.Stats = config.Stats{On: true, URI: "/stats", HideVersion: true, ShowNode: true, Refresh: 10 * time.Second}
	r := plane.PageRequest{Proxy: x, Plane: s.Plane}
	html := string(pages.Page(r).Body)
	for _, want := range []string{"<h2 id=\"b\">b <small>2 up</small></h2>", "content=\"10\"", "on n</h1>", "no check"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(html, "secret-version") || strings.Contains(html, "name=\"s\"") {
		t.Error("the page shows what it should not")
	}
	r.Post, r.Form = true, "b=b&s=one&action=drain"
	if a := pages.Page(r); a.Location != "/stats;st=DENY" || Status(s.Plane.Snapshot().Backends["b"].Servers()[0], time.Now()) != "no check" {
		t.Errorf("without admin: %+v", a)
	}
	r.Admin = true
	if a := pages.Page(r); a.Location != "/stats;st=DONE" || Status(s.Plane.Snapshot().Backends["b"].Servers()[0], time.Now()) != "DRAIN" {
		t.Errorf("with admin: %+v", a)
	}
	r.Post, r.Form = false, ""
	html = string(pages.Page(r).Body)
	for _, want := range []string{"<h2 id=\"b\">b <small>1 up, 1 drain</small></h2>", "href=\"#b\" class=\"bad\">b <small>1 drain</small>", "name=\"s\" value=\"one\""} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

// TestDumpsShowBytes: where each line begins, what goes on with the line before, and nothing that a terminal would act on.
func TestDumpsShowBytes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	writeDump(&b, []byte("GET / HTTP/1.1\r\nX\x00\x1b: "+strings.Repeat("y", 70)+"\r\n"))
	want := "  00000  GET / HTTP/1.1\\r\\n\n  00016  X\\x00\\x1b: " + strings.Repeat("y", 59) + "\n  00080+ " + strings.Repeat("y", 11) + "\\r\\n\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
