package stats

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"holdfast/traffic/proxy/pool"
)

// TestMetrics: Prometheus's own reader takes what is said, and a query narrows it.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := server(t)
	p := &Pages{Node: "n", Version: "v", Started: s.Started, Now: s.Now}
	a := p.Metrics(s.Plane, "")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(a.Body)))
	if err != nil || a.Status != 200 {
		t.Fatalf("status %d: %v\n%s", a.Status, err, a.Body)
	}
	for name, want := range map[string]string{
		"haproxy_process_uptime_seconds":        "gauge:{value:60}",
		"haproxy_frontend_sessions_total":       `label:{name:"proxy" value:"f"} counter:{value:0}`,
		"haproxy_backend_active_servers":        `label:{name:"proxy" value:"b"} gauge:{value:2}`,
		"haproxy_server_weight":                 `label:{name:"proxy" value:"b"} label:{name:"server" value:"one"} gauge:{value:10}`,
		"haproxy_backend_http_responses_total":  `label:{name:"proxy" value:"b"} label:{name:"code" value:"other"} counter:{value:0}`,
		"haproxy_server_check_duration_seconds": `label:{name:"proxy" value:"b"} label:{name:"server" value:"two"} gauge:{value:0}`,
	} {
		if f := families[name]; f == nil {
			t.Errorf("%s is missing", name)
		} else if got := strings.Join(strings.Fields(f.Metric[0].String()), " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	up := `haproxy_server_status{proxy="b",server="one",state="UP"} 1`
	for query, want := range map[string]bool{
		"": true, "scope=server": true, "scope=*": true, "scope=global&scope=server": true, "no-maint": true, "scope=frontend": false,
	} {
		if got := strings.Contains(string(p.Metrics(s.Plane, query).Body), up); got != want {
			t.Errorf("query %q: has the server's status: %v", query, got)
		}
	}
	if a := p.Metrics(s.Plane, "scope=nothing"); a.Status != 400 {
		t.Errorf("an unknown scope: status %d", a.Status)
	}
}

// elsewhere are metrics of HAProxy 2.6's exporter that have no counterpart: what this program does not count, or does not have.
var elsewhere = regexp.MustCompile(`_(failed_header_rewriting|internal_errors|denied_sessions)_total$|^haproxy_backend_http_cache_` +
	`|^haproxy_server_((safe_|unsafe_)?idle_connections_(current|limit)|need_connections_current|queue_limit)$` +
	`|^haproxy_process_.*zlib.*$`)

// TestMetricsAreNamedAsHAProxys: each of the installed haproxy's metrics is there, of the same kind and with the same labels, or stands in elsewhere.
func TestMetricsAreNamedAsHAProxys(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	text := `
defaults
 mode http
 timeout client 30s
 timeout server 30s
 timeout connect 5s
 fullconn 100
frontend f
 bind ` + address + `
 http-request use-service prometheus-exporter if { path /metrics }
 default_backend b
backend b
 option httpchk
 stick-table type ip size 10 expire 1m store gpc0
 server one 127.0.0.1:1 weight 10 maxconn 10
 server two 127.0.0.1:1 check
listen t
 mode tcp
 bind ` + strings.Replace(address, "127.0.0.1", "127.0.0.2", 1) + `
 server three 127.0.0.1:1
`
	file := filepath.Join(t.TempDir(), "cfg")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	program := exec.Command(real, "-db", "-f", file)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Process.Kill(); _ = program.Wait() }()
	theirs := scraped(t, "http://"+address+"/metrics")

	s := serverOf(t, text)
	s.Plane.Snapshot().Backends["b"].Find("two").Checked(false, pool.Result{Status: "L4CON", Code: -1}, s.Now())
	ours := families(string((&Pages{Started: s.Started, Now: s.Now}).Metrics(s.Plane, "").Body))
	for name, want := range theirs {
		switch got := ours[name]; {
		case len(got) == 0 && elsewhere.MatchString(name):
		case !slices.Equal(got, want) && name != "haproxy_process_build_info":
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// scraped asks until the program answers, and has checked its server.
func scraped(t *testing.T, url string) map[string][]string {
	t.Helper()
	for begun := time.Now(); ; {
		answer, err := http.Get(url)
		if err == nil {
			text, problem := io.ReadAll(answer.Body)
			answer.Body.Close()
			all := families(string(text))
			if err = problem; err == nil && len(all["haproxy_server_check_code"]) > 1 {
				return all
			}
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("haproxy does not tell of its check: %v", err)
		}
	}
}

// families are the kind and the sorted labels of each metric. Those without a number do not count.
func families(text string) map[string][]string {
	all := map[string][]string{}
	kinds := map[string]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "# TYPE "):
			kinds[words[2]] = words[3]
		case !strings.HasPrefix(line, "#") && len(words) == 2 && words[1] != "NaN":
			name, labels, _ := strings.Cut(words[0], "{")
			all[name] = append(all[name], labels)
		}
	}
	for name := range all {
		slices.Sort(all[name])
		all[name] = append(all[name], kinds[name])
	}
	return all
}
