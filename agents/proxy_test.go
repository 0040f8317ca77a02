package agents

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestProxyIsReloadedByTheCluster: a changed configuration is served after reload, one that is wrong changes nothing.
func TestProxyIsReloadedByTheCluster(t *testing.T) {
	t.Parallel()
	a := newTestAgent(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page := func(status int) string {
		return fmt.Sprintf("defaults\n mode http\n timeout client 5s\nfrontend f\n bind %s\n http-request return status %d\n", address, status)
	}
	path := filepath.Join(filepath.Dir(a.path), "proxy")
	if err := os.Rename(a.path, path); err != nil {
		t.Fatal(err)
	}
	a.path, a.env = path, append(a.env, "OCF_RESKEY_configfile="+config)
	t.Cleanup(func() { a.call("stop") })
	want := func(action string, status int) {
		t.Helper()
		if got, _, said := a.call(action); got != status {
			t.Fatalf("%s: status %d, want %d: %s", action, got, status, said)
		}
	}
	served := func(status int) {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		got := 0
		for begun := time.Now(); time.Since(begun) < 30*time.Second && got != status; {
			if answer, err := client.Get("http://" + address + "/"); err == nil {
				answer.Body.Close()
				got = answer.StatusCode
			}
		}
		if got != status {
			t.Fatalf("the proxy answers %d, want %d", got, status)
		}
	}
	want("start", notInstalled)
	write("frontend f\n bend *:80\n")
	want("start", badConfigured)
	want("reload", notRunning)
	write(page(200))
	want("start", success)
	want("start", success)
	want("monitor", success)
	served(200)
	write("frontend f\n bend *:80\n")
	want("reload", badConfigured)
	served(200)
	write(page(403))
	want("reload", success)
	served(403)
	want("stop", success)
	want("stop", success)
	want("monitor", notRunning)
}
