package agents

import (
	"bytes"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"holdfast/traffic/director"
	"holdfast/traffic/proxy"
)

func TestMain(m *testing.M) {
	if Called(os.Args[0]) {
		os.Exit(Run(os.Args[0], os.Args[1:], os.Stdout, os.Stderr))
	}
	if os.Args[0] == "haproxy" { // as the agent proxy calls it
		os.Exit(proxy.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if os.Args[0] == "holdfast" { // as the agent director calls it
		command := director.Commands[0]()
		command.SetArgs(os.Args[2:])
		if command.Execute() != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// testAgent is the web agent with a directory and a port of its own.
type testAgent struct {
	t    *testing.T
	path string
	env  []string
	port string
}

func newTestAgent(t *testing.T) *testAgent {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "resource.d/holdfast")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "web")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	a := &testAgent{t: t, path: path, port: port, env: []string{
		"OCF_RESKEY_port=" + port, "OCF_RESKEY_ip=127.0.0.1", "OCF_RESOURCE_INSTANCE=site:0", "HA_RSCTMP=" + t.TempDir(),
	}}
	t.Cleanup(func() { a.call("stop") })
	return a
}

func (a *testAgent) call(action string, env ...string) (status int, stdout, stderr string) {
	a.t.Helper()
	command := exec.Command(a.path, action)
	command.Env = append(a.env[:len(a.env):len(a.env)], env...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil && command.ProcessState == nil {
		a.t.Fatalf("%s: %v", action, err)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

func (a *testAgent) want(action string, status int) {
	a.t.Helper()
	if got, _, stderr := a.call(action); got != status {
		a.t.Fatalf("%s: exit status %d, want %d; it said %q", action, got, status, stderr)
	}
}

func TestWebLivesAndDies(t *testing.T) {
	t.Parallel()
	a := newTestAgent(t)
	a.want("monitor", notRunning)
	a.want("stop", success)
	a.want("start", success)
	a.want("start", success)
	a.want("monitor", success)
	response, err := http.Get("http://127.0.0.1:" + a.port + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	name, _ := os.Hostname()
	if page, _ := io.ReadAll(response.Body); !strings.HasPrefix(string(page), name+"\n") {
		t.Errorf("the page is %q, want the host's name %s first", page, name)
	}
	a.want("stop", success)
	a.want("monitor", notRunning)
}

func TestWebThatWasKilled(t *testing.T) {
	t.Parallel()
	a := newTestAgent(t)
	a.want("start", success)
	c := Call{Getenv: func(name string) string {
		for _, entry := range a.env {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}}
	running, err := c.webPID().find()
	if err != nil || running == nil {
		t.Fatalf("find the server: %v, %v", running, err)
	}
	defer running.close()
	if err := syscall.Kill(running.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !running.wait(stopPatience) {
		t.Fatal("a killed process goes on")
	}
	a.want("monitor", notRunning)
	a.want("start", success)
	a.want("monitor", success)
}

func TestWebSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	a := newTestAgent(t)
	for _, test := range []struct {
		action, env string
		status      int
		says        string
	}{
		{"start", "OCF_RESKEY_port=eighty", badConfigured, "ocf-exit-reason:parameter port"},
		{"validate-all", "OCF_RESKEY_ip=here", badConfigured, "ocf-exit-reason:parameter ip"},
		{"start", "OCF_RESKEY_ip=192.0.2.1", genericError, "192.0.2.1"},
		{"dance", "", unimplemented, "dance"},
	} {
		status, _, stderr := a.call(test.action, test.env)
		if status != test.status || !strings.Contains(stderr, test.says) {
			t.Errorf("%s with %s: exit status %d, %q; want %d and %q", test.action, test.env, status, stderr, test.status, test.says)
		}
	}
}

func TestMetadataIsXML(t *testing.T) {
	t.Parallel()
	a := newTestAgent(t)
	_, stdout, _ := a.call("meta-data")
	var parsed struct {
		Name    string `xml:"name,attr"`
		Version string `xml:"version"`
		Actions []struct {
			Name string `xml:"name,attr"`
		} `xml:"actions>action"`
	}
	if err := xml.Unmarshal([]byte(stdout), &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.Name != "web" || parsed.Version != "1.1" || len(parsed.Actions) < 5 {
		t.Errorf("meta-data is %+v", parsed)
	}
}

func TestAddressSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ ip, mask, says string }{
		{"", "", "parameter ip"},
		{"fe80::1%eth0", "", "want an IPv4 or IPv6 address"},
		{"192.0.2.1", "33", "parameter cidr_netmask"},
	} {
		var errs bytes.Buffer
		c := Call{Path: "/resource.d/holdfast/address", Action: "start", Stderr: &errs, Getenv: func(name string) string {
			return map[string]string{"OCF_RESKEY_ip": test.ip, "OCF_RESKEY_cidr_netmask": test.mask}[name]
		}}
		if status := address.run(c); status != badConfigured || !strings.Contains(errs.String(), test.says) {
			t.Errorf("ip %q, mask %q: exit status %d, %q; want %d and %q", test.ip, test.mask, status, errs.String(), badConfigured, test.says)
		}
	}
}
