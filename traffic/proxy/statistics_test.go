package proxy

import (
	"encoding/csv"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// ownColumns are those whose values are each process's own: times, rates, bytes of heads, and what is counted here of nothing.
var ownColumns = strings.Fields(` bin bout lastchg lastsess qtime ctime rtime ttime qtime_max ctime_max rtime_max ttime_max rate req_rate conn_rate
	check_duration last_chk wrew eint dses srv_icur idle_conn_cur safe_conn_cur need_conn_est cache_lookups cache_hits chkfail agg_server_status agg_server_check_status
	agg_check_status downtime scur used_conn_cur reuse connect smax`)

// statisticsOf asks a process for its statistics: by proxy and name, column and value.
func (p *peering) statisticsOf(t *testing.T, name string) map[string]map[string]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(strings.TrimSpace(p.ask(name, "show stat")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[strings.TrimPrefix(column, "# ")] = line[i]
		}
		all[line[0]+"/"+line[1]] = row
	}
	return all
}

// TestStatisticsAreHAProxys has both serve the same requests, the page and the metrics among them, and compares the columns that do not depend on time.
func TestStatisticsAreHAProxys(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(server.Close)
	p := newPeering(t, plainPeers)
	host, _, _ := net.SplitHostPort(newSite(t).address)
	for i, name := range []string{"a", "b"} {
		text := fmt.Sprintf(`global
	stats socket %s mode 600 level admin
	maxconn 200
	nbthread 2
defaults
	mode http
	timeout client 30s
	timeout connect 30s
	timeout server 30s
frontend front
	bind %s:%d
	rate-limit sessions 1000
	http-request use-service prometheus-exporter if { path /metrics }
	http-request return status 200 content-type text/plain string hi if { path /hi }
	http-request deny if { path /no }
	stats uri /stats
	default_backend shop
backend shop
	cookie SRV insert
	balance roundrobin
	server one %s cookie one weight 5
	server two 127.0.0.1:2 backup id 7
	server off 127.0.0.1:3 disabled
`, p.socket(name), host, 10001+i, server.Listener.Addr())
		if err := os.WriteFile(p.config[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start(t, "a", os.Args[0])
	p.start(t, "b", real)
	own := ownColumns
	for i := range 2 {
		begun := time.Now()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		for _, path := range []string{"/", "/", "/hi", "/no", "/metrics", "/stats", "/stats;csv", "/statsalike"} {
			get(t, client, fmt.Sprintf("http://%s:%d%s", host, 10001+i, path))
		}
		if time.Since(begun) > 900*time.Millisecond { // they were not of one second
			own = append(slices.Clone(own), "rate_max", "req_rate_max", "conn_rate_max")
		}
	}
	for _, name := range []string{"a", "b"} { // the last has been counted
		p.waits(t, name, "show stat", "front,FRONTEND,,,0,")
	}
	ours, theirs := p.statisticsOf(t, "a"), p.statisticsOf(t, "b")
	for row, columns := range theirs {
		if !strings.HasPrefix(row, "front/") && !strings.HasPrefix(row, "shop/") {
			continue
		}
		for column, want := range columns {
			if got, ok := ours[row][column]; ok && got != want && !slices.Contains(own, column) {
				t.Errorf("%s %s is %q, HAProxy's %q", row, column, got, want)
			}
		}
	}
}
