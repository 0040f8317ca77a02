package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ownInformation are fields of show info whose values are each process's own: HAProxy counts the run-time socket's clients and those of peers, and its memory,
// tasks and descriptors are others.
var ownInformation = strings.Fields(` Version Release_date Pid Uptime Uptime_sec PoolAlloc_MB PoolUsed_MB Ulimit-n Maxsock CumConns CumReq ConnRate MaxConnRate SessRate MaxSessRate
	Tasks Run_queue Idle_pct CurrConns Jobs TotalBytesOut BytesOutRate PoolAlloc_bytes PoolUsed_bytes Start_time_sec CompressBpsIn CompressBpsOut SslRate SslFrontendKeyRate SslBackendKeyRate
	SslFrontendSessionReuse_pct CurrSslConns `)

// atLeastOne are those of them that must not be 0 after what was served.
var atLeastOne = strings.Fields(` CumConns CumReq ConnRate MaxConnRate SessRate MaxSessRate SslRate SslFrontendKeyRate SslBackendKeyRate TotalBytesOut BytesOutRate Jobs
	CompressBpsIn CompressBpsOut SslFrontendSessionReuse_pct Listeners`)

// TestInformationIsHAProxys has both serve the same clients, with and without TLS, resumed and not, compressed and not, and compares show info field by field.
func TestInformationIsHAProxys(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	p := newPeering(t, plainPeers)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, strings.Repeat("hello ", 1000))
	}))
	t.Cleanup(server.Close)
	host := informed(t, p, real, server.Listener.Addr().String())
	answers := map[string]string{}
	for i, name := range []string{"a", "b"} {
		resumes := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(9)}
		for range 3 {
			for _, url := range []string{fmt.Sprintf("https://%s:%d/", host, 10001+i), fmt.Sprintf("http://%s:%d/", host, 10011+i)} {
				get(t, &http.Client{Transport: &http.Transport{TLSClientConfig: resumes, DisableKeepAlives: true}, Timeout: patience}, url)
			}
		}
		answers[name] = p.ask(name, "show info")
	}
	own := fields(answers["a"])
	own["Build info"] = fields(answers["b"])["Build info"]
	for field, theirs := range fields(answers["b"]) {
		ours, known := own[field]
		switch {
		case !known:
			t.Errorf("%s is missing", field)
		case !strings.Contains(strings.Join(ownInformation, " ")+" ", field+" ") && ours != theirs:
			t.Errorf("%s is %q, HAProxy's %q", field, ours, theirs)
		}
	}
	for _, field := range atLeastOne {
		if own[field] == "0" {
			t.Errorf("%s is 0, HAProxy's %q", field, fields(answers["b"])[field])
		}
	}
	if at, err := time.Parse("2006/01/02", own["Release_date"]); err != nil || at.Year() < 2000 {
		t.Errorf("the date of release is %q", own["Release_date"])
	}
}

// informed runs both with every limit and kind of connection that show info tells of, and returns where they listen.
func informed(t *testing.T, p *peering, real, shop string) (host string) {
	t.Helper()
	host, _, _ = net.SplitHostPort(newSite(t).address)
	pem := filepath.Join(p.dir, "front.pem")
	if err := os.WriteFile(pem, peerCertificate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b"} {
		port := 10001 + i
		text := fmt.Sprintf(`global
	stats socket %s mode 600 level admin
	nbthread 1
	maxconn 200
	maxsessrate 700
	maxsslrate 600
	maxcomprate 4000
	node here
	description what it is
defaults
	mode http
	timeout client 30s
	timeout connect 30s
	timeout server 30s
	compression algo gzip
	compression type text/plain
peers group
	peer a %[2]s:%[3]d
	peer b %[2]s:%[4]d
frontend secured
	bind %[2]s:%[5]d ssl crt %[6]s
	default_backend shop
backend shop
	stick-table type ip size 10k peers group
	http-reuse never
	server one %[7]s
frontend plain
	bind %[2]s:%[8]d
	default_backend again
backend again
	http-reuse never
	server secured %[2]s:%[5]d ssl verify none
`, p.socket(name), host, 10041, 10042, port, pem, shop, port+10)
		if err := os.WriteFile(p.config[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start(t, "a", os.Args[0])
	p.start(t, "b", real)
	for _, name := range []string{"a", "b"} {
		p.waits(t, name, "show info", "ConnectedPeers: 1\n")
	}
	return host
}

// get reads an answer to its end.
func get(t *testing.T, client *http.Client, url string) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
}

func fields(answer string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(answer) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			all[name] = strings.TrimSpace(value)
		}
	}
	return all
}
