package agents

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// prepared makes a network namespace with an interface for the agents to work on; what follows in the shell is the tester.
const prepared = `set -e
ip link set lo up
ip link add d0 type veth peer name d1
ip link set d0 up; ip link set d1 up
ip addr add 10.0.0.1/24 dev d0
ip -6 addr add 2001:db8::1/64 dev d0 nodad
exec "$@"`

// readable copies the program to where the tester's unprivileged user may run it.
func readable(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "holdfast")
	if err := os.WriteFile(copied, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return copied
}

// TestAgentsPassOCFTester runs resource-agents' own tester on each agent, in a network namespace.
func TestAgentsPassOCFTester(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"ocf-tester", "xmllint"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("a network namespace takes root")
	}
	dir, err := os.MkdirTemp("", "holdfast-agents") // t.TempDir lets nobody else in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self := readable(t, dir)
	conf := filepath.Join(dir, "director.cf")
	if err := os.WriteFile(conf, []byte("virtual=10.0.0.1:80\n real=10.0.0.2:80 masq\n checktype=on\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	balancing := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(balancing, []byte("defaults\n timeout client 5s\n timeout server 5s\n timeout connect 5s\nlisten web\n bind :8080\n server a 10.0.0.2:80\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct{ agent, parameters string }{
		{"ip", "ip=10.0.0.5"},
		{"ip", "ip=2001:db8::5 watch_link=false"},
		{"address", "ip=10.0.0.6"},
		{"route", "destination=192.0.2.0/24 gateway=10.0.0.9 device=d0"},
		{"route", "destination=default device=d0 table=77"},
		{"director", "configfile=" + conf + " logfile=" + filepath.Join(dir, "log") + " plane=nft"},
		{"proxy", "configfile=" + balancing},
	} {
		t.Run(fmt.Sprintf("%s %d", test.agent, i), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, fmt.Sprint(i), "resource.d/holdfast", test.agent)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(self, path); err != nil {
				t.Fatal(err)
			}
			args := []string{"-n", "sh", "-c", prepared, "sh", "ocf-tester", "-n", "tested"}
			for parameter := range strings.FieldsSeq(test.parameters) {
				args = append(args, "-o", parameter)
			}
			cmd := exec.Command("unshare", append(args, path)...)
			cmd.Env = append(os.Environ(), "HOLDFAST_ROOT="+t.TempDir(), "HA_RSCTMP="+t.TempDir())
			out, err := cmd.CombinedOutput()
			switch text := string(out); {
			case strings.Contains(text, "unshare failed") || strings.Contains(text, "no nftables"):
				t.Skip(text)
			case err != nil || !strings.Contains(text, "passed all tests"):
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}
