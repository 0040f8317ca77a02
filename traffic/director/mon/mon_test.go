package mon

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/golden"
	"holdfast/traffic/director/config"
)

func everything(string) bool { return true }

// TestGolden reads each testdata/*.txt: the operator's text, a line of dashes, the model as JSON.
func TestGolden(t *testing.T) {
	t.Parallel()
	golden.Models(t, func(text string) (any, error) { return Read("mon.cf", []byte(text), everything) })
}

func TestThePublishedExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../shared/listings/heartbeat-lvs/mon.cf")
	if err != nil {
		t.Skip("the published example is not at hand: ", err)
	}
	c, err := Read("mon.cf", text, everything)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Watches) != 6 {
		t.Fatalf("%d watches, want 6", len(c.Watches))
	}
	w := c.Watches[1]
	want := config.Watch{
		At: "mon.cf:61", Group: "litstat2", Service: "http", Hosts: []string{"192.168.71.150"}, Interval: 6 * time.Second, Empty: true, Start: time.Minute,
		Program: []string{"/usr/lib64/mon/mon.d/http.monitor", "-p", "80", "-u", "/index.html"}, Note: "http check servers",
	}
	p := w.Periods[0]
	w.Periods = nil
	if diff := cmp.Diff(want, w); diff != "" {
		t.Error(diff)
	}
	if p.Every != 10*time.Minute || p.After != 1 || len(p.Alerts) != 1 || p.UpAlerts[0].Program[0] != "/usr/lib64/mon/alert.d/dowem.up.alert" {
		t.Errorf("%+v", p)
	}
}

// TestWrongLines puts one wrong line into a small file; the error names file, line and word.
func TestWrongLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"intervall 6s":           `mon.cf:6: "intervall" is not known in a service; did you mean "interval"?`,
		"interval soon":          `mon.cf:6: interval: "soon": want a time as 30s, 5m, 1.5h or 1d`,
		"alert mail.alert":       `mon.cf:6: alert: it belongs to a period; write period WHEN before it`,
		"period wd {Mon-Xyz}":    `mon.cf:6: period: period "wd {Mon-Xyz}": "xyz" in wd {…}: want 1 to 7 or a name`,
		"depend a b":             `mon.cf:6: depend: "a b": want GROUP:SERVICE`,
		"depend no:such":         `it depends on no:such, which is not watched`,
		"service http":           `mon.cf:6: service: watch web has a service http at mon.cf:3 already`,
		"service":                `mon.cf:6: service: want one name`,
		"monitor 'a":             `a quote is not closed`,
		"dep_behavior x":         `mon.cf:6: dep_behavior: "x": want a, m or hm`,
		"period\nalertafter x":   `mon.cf:7: alertafter: "x": want a number of failures, a time, or both`,
		"period\nnumalerts 0":    `mon.cf:7: numalerts: "0": want a number, at least 1`,
		"period\nalert":          `mon.cf:7: alert: want the path of a program`,
		"period\nalertevery 5 x": `mon.cf:7: alertevery: "x": want strict or observe_detail`,
		"watch":                  `mon.cf:6: watch: want the name of one hostgroup`,
		"hostgroup a/b x":        `mon.cf:6: hostgroup: want a name of letters`,
		"\nmondirr = /x":         `variable "mondirr" is not known`,
	} {
		text := "hostgroup web 10.0.0.1\nwatch web\nservice http\ninterval 5s\nmonitor m\n" + line + "\n"
		if strings.HasPrefix(line, "\n") {
			text = line + "\n" + text
		}
		if _, err := Read("mon.cf", []byte(text), everything); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", line, err, want)
		}
	}
}

// TestAlerts plays answers of a monitor, one a minute: "0" well, "2 text" fails with status 2; what follows each is what is run.
func TestAlerts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		period string
		steps  []string
	}{
		"at each failure":   {"alert a\nupalert u", []string{"0 => ", "1 => a", "1 => a", "0 => u", "0 => "}},
		"alertevery":        {"alert a\nupalert u\nalertevery 3m", []string{"1 => a", "1 => ", "1 => ", "1 => a", "1 other => a", "0 => u"}},
		"strict":            {"alert a\nalertevery 3m strict", []string{"1 => a", "1 other => ", "1 => ", "1 => a"}},
		"alertafter":        {"alert a\nupalert u\nalertafter 3", []string{"1 => ", "1 => ", "0 => ", "1 => ", "1 => ", "1 => a", "0 => u"}},
		"alertafter within": {"alert a\nalertafter 2 3m", []string{"1 => ", "0 => ", "1 => a", "0 => ", "0 => ", "0 => ", "1 => "}},
		"alertafter time":   {"alert a\nalertafter 2m", []string{"1 => ", "1 => ", "1 => a"}},
		"numalerts":         {"alert a\nnumalerts 2", []string{"1 => a", "1 => a", "1 => ", "0 => ", "1 => a"}},
		"no_comp_alerts":    {"alert a\nupalert u\nalertafter 3\nno_comp_alerts", []string{"1 => ", "0 => u"}},
		"upalertafter":      {"alert a\nupalert u\nupalertafter 2m", []string{"1 => a", "0 => ", "1 => a", "1 => a", "0 => u"}},
		"exit status":       {"alert exit=2-3 a\nalert exit=1 b", []string{"1 => b", "2 => a", "4 => "}},
		"startupalert":      {"startupalert s\nalert a", []string{"1 => s a", "1 => a"}},
		"another period":    {"alert a\nperiod hr {5am}\nalert b", []string{"1 => a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf, err := Read("mon.cf", []byte("watch h\nservice s\nmonitor m\nperiod\n"+c.period+"\n"), everything)
			if err != nil {
				t.Fatal(err)
			}
			j := New(&conf.Watches[0])
			now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
			for i, step := range c.steps {
				answer, want, _ := strings.Cut(step, " => ")
				code, text, _ := strings.Cut(answer, " ")
				status, _ := strconv.Atoi(code)
				var got []string
				for _, call := range j.Answer(now, status, text, func(config.Need) bool { return true }) {
					got = append(got, filepath.Base(call.Program[0]))
				}
				if strings.Join(got, " ") != want {
					t.Fatalf("step %d (%s): %v, want %s", i+1, step, got, want)
				}
				now = now.Add(time.Minute)
			}
		})
	}
}

func TestDependenciesKeepAlertsBack(t *testing.T) {
	t.Parallel()
	text := "watch router\nservice ping\nmonitor m\nwatch web\nservice http\nmonitor m\ndepend router:ping\n%s\nperiod\nalert a\n"
	for behaviour, asks := range map[string]bool{"dep_behavior a": true, "dep_behavior m": false} {
		conf, err := Read("mon.cf", fmt.Appendf(nil, text, behaviour), everything)
		if err != nil {
			t.Fatal(err)
		}
		j := New(&conf.Watches[1])
		down := func(n config.Need) bool { return n.Group != "router" }
		now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		if got := j.MayAsk(now, down); got != asks {
			t.Errorf("%s: asks %t while the router is down", behaviour, got)
		}
		if calls := j.Answer(now, 1, "", down); len(calls) != 0 {
			t.Errorf("%s: %v while the router is down", behaviour, calls)
		}
		if calls := j.Answer(now, 1, "", func(config.Need) bool { return true }); len(calls) != 1 {
			t.Errorf("%s: %v when the router is back", behaviour, calls)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("mondir = /x\nhostgroup web a b \\\n c\nwatch web\n service http\n  interval 1.5h\n  monitor m -p 80 ;;\n  period wd {Mon-Sun}\n   alert exit=1-2 a\n   alertafter 3 5m\n")
	f.Add("watch a\nservice b\nmonitor x\ndepend SELF:b && a:b\nFOO=1\nexclude_hosts a\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Read("mon.cf", []byte(text), everything)
		if err != nil {
			return
		}
		for _, w := range c.Watches {
			if len(w.Program) == 0 || w.Interval <= 0 {
				t.Errorf("%q gave %+v", text, w)
			}
		}
	})
}

// TestEveryKeyword holds testdata/keywords.cf, which has each keyword of mon(8), to what is done here.
func TestEveryKeyword(t *testing.T) {
	t.Parallel()
	marked := golden.ReadMarked(t, "testdata/keywords.cf")
	golden.Say(t, "../../../docs/director.md", "mon.cf: "+marked.Hold(t, "mon.cf", func(text string) ([]string, error) {
		c, err := Read("mon.cf", regexp.MustCompile(` # (refused|no effect)\n`).ReplaceAll([]byte(text), []byte("\n")), everything)
		if err != nil {
			return nil, err
		}
		return c.Warnings, nil
	}))
}

// TestKeywordsAreThoseOfTheManual: testdata/keywords.cf has each variable and keyword of the installed manual.
func TestKeywordsAreThoseOfTheManual(t *testing.T) {
	t.Parallel()
	manual := golden.Manual(t, "mon.8")
	_, manual, _ = strings.Cut(manual, "Global Variables")
	manual, _, _ = strings.Cut(manual, "AUTHENTICATION CONFIGURATION FILE")
	golden.ReadMarked(t, "testdata/keywords.cf").HasWords(t, manual, `(?m)^\.(?:BI|B|IP|RI) "?([a-z_]+)(?: =|"|\b)`, 50,
		"password", "timenoticed", "group", "firstfail", "summary", "reset", "not", "startupalerts") // what they speak of besides
}

// TestHostsThatFailElsewhereAreLeftOut: of dep_behavior hm, a host that the summary of a failing watch names is not asked about.
func TestHostsThatFailElsewhereAreLeftOut(t *testing.T) {
	t.Parallel()
	ping, web := config.Need{Group: "web", Service: "ping"}, config.Need{Group: "web", Service: "http"}
	judges := map[config.Need]*Judge{
		ping: New(&config.Watch{Hosts: []string{"a", "b"}}),
		web:  New(&config.Watch{Hosts: []string{"a", "b"}, Program: []string{"http"}, Needs: config.Needs{Hosts: []config.Need{ping}}}),
	}
	hosts := func() []string { return judges[web].Hosts(func(n config.Need) *Judge { return judges[n] }) }
	well := func(config.Need) bool { return true }
	now := time.Unix(1000, 0)
	for _, step := range []struct {
		status  int
		summary string
		want    []string
	}{{0, "", []string{"a", "b"}}, {1, "b is dead", []string{"a"}}, {1, "a b", nil}, {0, "", []string{"a", "b"}}} {
		judges[ping].Answer(now, step.status, step.summary, well)
		if diff := cmp.Diff(step.want, hosts(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("ping says %d %q: %s", step.status, step.summary, diff)
		}
	}
	if !judges[web].MayAsk(now, func(config.Need) bool { return false }) {
		t.Error("a need for hosts keeps the monitor from running")
	}
}

// TestFailuresAreRemembered: with dep_memory, what is needed counts as failing for a while after it is well again.
func TestFailuresAreRemembered(t *testing.T) {
	t.Parallel()
	j := New(&config.Watch{})
	well := func(config.Need) bool { return true }
	at := func(seconds int64) time.Time { return time.Unix(1000+seconds, 0) }
	if !j.Counts(at(0), time.Minute) {
		t.Error("a watch that never failed counts as failing")
	}
	j.Answer(at(0), 1, "", well)
	j.Answer(at(10), 0, "", well)
	if j.Counts(at(69), time.Minute) || !j.Counts(at(70), time.Minute) || !j.Counts(at(10), 0) {
		t.Error("failures are not remembered for a minute")
	}
}
