package executor

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The distribution's own agents, unmodified. Addresses live in a network namespace of the test's.

// needAgents skips the test without root or the agents.
func needAgents(t *testing.T, agents ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: agents change the network and write below /run")
	}
	for _, agent := range agents {
		if _, err := os.Stat(filepath.Join("/usr/lib/ocf/resource.d", agent)); err != nil {
			t.Skipf("needs the package that brings the agent %s: %v", agent, err)
		}
	}
}

// inNamespace moves the test's goroutine and what it starts into a network namespace of its own,
// with a bridge named br0 that holds 192.0.2.1/24.
func inNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	for _, setup := range []func() error{
		func() error { return up("lo") },
		func() error {
			return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}})
		},
		func() error {
			link, err := netlink.LinkByName("br0")
			if err != nil {
				return err
			}
			return netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)}})
		},
		func() error { return up("br0") },
	} {
		if err := setup(); err != nil {
			t.Skipf("needs to set up a network namespace: %v", err)
		}
	}
}

func up(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// debian is an executor of the host's agents that keeps their state in a directory of the test's.
func debian(t *testing.T) *Executor {
	t.Helper()
	e := New(Config{Root: "/"})
	state := t.TempDir()
	for i, pair := range e.base {
		if strings.HasPrefix(pair, "HA_RSCTMP=") {
			e.base[i] = "HA_RSCTMP=" + state
		}
	}
	e.base = append(e.base, "HA_STATEROOT="+state)
	t.Cleanup(e.Close)
	return e
}

// expect runs operations of one resource and checks their exit codes.
func expect(t *testing.T, e *Executor, op Operation, calls ...any) {
	t.Helper()
	op.Timeout = time.Minute
	for i := 0; i < len(calls); i += 2 {
		op.Action = calls[i].(string)
		if got := e.Run(context.Background(), op); got.Code != calls[i+1].(int) || got.Status != Done {
			t.Fatalf("%s %s: code %d, status %d, reason %q; expected code %d\n%s", op.Agent, op.Action, got.Code, got.Status, got.Reason, calls[i+1], got.Output)
		}
	}
}

func TestDebianDummy(t *testing.T) {
	t.Parallel()
	needAgents(t, "heartbeat/Dummy", "pacemaker/Dummy")
	e := debian(t)
	for _, agent := range []Agent{{"ocf", "heartbeat", "Dummy"}, {"ocf", "pacemaker", "Dummy"}} {
		op := Operation{Resource: "dummy", Agent: agent, Params: map[string]string{"state": filepath.Join(t.TempDir(), "state")}}
		expect(t, e, op, "validate-all", 0, "monitor", 7, "start", 0, "monitor", 0, "stop", 0, "stop", 0, "monitor", 7, "bogus", 3)
		meta := e.Run(context.Background(), Operation{Resource: "dummy", Agent: agent, Action: "meta-data"})
		if meta.Code != 0 || !strings.Contains(meta.Output, `<resource-agent name="Dummy"`) {
			t.Errorf("%s meta-data: %+v", agent, meta)
		}
	}
}

// TestDebianStateful runs a promotable agent, which sets its promotion score with crm_attribute or
// crm_master; a stand-in on the PATH notes the call.
func TestDebianStateful(t *testing.T) {
	t.Parallel()
	needAgents(t, "pacemaker/Stateful")
	commands := t.TempDir()
	for _, name := range []string{"crm_attribute", "crm_master"} {
		if err := os.WriteFile(filepath.Join(commands, name), []byte("#!/bin/sh\necho \"${0##*/} $OCF_RESOURCE_INSTANCE $*\" >>"+commands+"/calls\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	e := New(Config{Root: "/", Commands: commands})
	t.Cleanup(e.Close)
	op := Operation{Resource: "db", Agent: Agent{"ocf", "pacemaker", "Stateful"}, Params: map[string]string{"state": filepath.Join(t.TempDir(), "state")}}
	expect(t, e, op, "monitor", 7, "start", 0, "monitor", 0, "promote", 0, "monitor", 8, "demote", 0, "monitor", 0, "stop", 0, "monitor", 7)
	calls, err := os.ReadFile(filepath.Join(commands, "calls"))
	if err != nil || !strings.Contains(string(calls), " db ") || !strings.Contains(string(calls), "-v") {
		t.Errorf("the agent's commands were called as %q, %v", calls, err)
	}
}

func TestDebianIPaddr2(t *testing.T) {
	t.Parallel()
	needAgents(t, "heartbeat/IPaddr2")
	inNamespace(t)
	op := Operation{Resource: "AppIP", Agent: Agent{"ocf", "heartbeat", "IPaddr2"}, Params: map[string]string{"ip": "192.0.2.77", "cidr_netmask": "24"}}
	e := debian(t)
	expect(t, e, op, "monitor", 7, "start", 0, "monitor", 0)
	link, err := netlink.LinkByName("br0")
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil || !strings.Contains(fmt.Sprint(addresses), "192.0.2.77") {
		t.Errorf("addresses %v, %v: no 192.0.2.77", addresses, err)
	}
	expect(t, e, op, "stop", 0, "monitor", 7)
	op.Params = map[string]string{"ip": "not-an-address"}
	if got := e.Run(context.Background(), Operation{Resource: "AppIP", Agent: op.Agent, Action: "start", Params: op.Params}); got.Code == 0 || got.Reason == "" {
		t.Errorf("wrong address: %+v", got)
	}
}

func TestDebianApache(t *testing.T) {
	t.Parallel()
	needAgents(t, "heartbeat/apache")
	httpd, err := exec.LookPath("apache2")
	if err != nil {
		t.Skip("needs the package apache2")
	}
	inNamespace(t)
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} { // the web server's user must get there
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "apache.conf")
	text := "ServerRoot /etc/apache2\nServerName localhost\nListen 127.0.0.1:8377\nPidFile " + dir + "/apache.pid\nErrorLog " + dir + "/error.log\n" +
		"LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\nLoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n" +
		"LoadModule status_module /usr/lib/apache2/modules/mod_status.so\n<Location /server-status>\nSetHandler server-status\n</Location>\nDocumentRoot " + dir + "\nMutex file:" + dir + " default\nUser www-data\nGroup www-data\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	op := Operation{Resource: "AppWebServer", Agent: Agent{"ocf", "heartbeat", "apache"}, Params: map[string]string{
		"configfile": config, "httpd": httpd, "statusurl": "http://127.0.0.1:8377/server-status",
	}}
	e := debian(t)
	t.Cleanup(func() { kill(filepath.Join(dir, "apache.pid")) })
	expect(t, e, op, "monitor", 7, "start", 0, "monitor", 0)
	expect(t, e, op, "stop", 0, "monitor", 7)
}

// kill ends the daemon of a pid file, if the test left one.
func kill(pidFile string) {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
