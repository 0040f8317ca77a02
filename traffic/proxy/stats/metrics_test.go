package stats

import (
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
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
		"haproxy_server_check_duration_seconds": `label:{name:"proxy" value:"b"} label:{name:"server" value:"one"} gauge:{value:0}`,
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
