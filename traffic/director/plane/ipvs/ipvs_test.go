package ipvs

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/lab/guest"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// tool builds a program of testdata; it skips the test where there can be no guest to run it in.
func tool(t *testing.T, name string) string {
	t.Helper()
	if _, _, err := guest.Kernel(); err != nil {
		t.Skip(err)
	}
	binary := filepath.Join(t.TempDir(), name)
	build := exec.Command("go", "build", "-o", binary, "./testdata/"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the guest's %s: %v: %s", name, err, out)
	}
	return binary
}

// TestBesideIpvsadm runs the installed ipvsadm and ours side by side on Debian's kernel: the same words have the same effect, and
// both list the same. Every change is compared when FULL is set (make director-peer); it takes minutes on an emulated processor.
func TestBesideIpvsadm(t *testing.T) {
	t.Parallel()
	peer, err := exec.LookPath("ipvsadm")
	if err != nil {
		t.Skip("ipvsadm is not installed")
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash, which the alert scripts want, is not installed")
	}
	published, err := filepath.Abs("../../../../../shared/listings/heartbeat-lvs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(published); err != nil {
		t.Skip("the published example is not at hand: ", err)
	}
	binary := tool(t, "tool")
	script, err := os.ReadFile("testdata/compare.sh")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("FULL") == "" {
		script = append([]byte("short=1\n"), script...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	got, err := guest.Guest{
		Script: string(script), Memory: 768,
		Files: map[string]string{
			"/usr/theirs": peer, "/bin/ours": binary, "/sbin/ipvsadm": binary, "/bin/bash": bash,
			"/etc/services": "/etc/services", "/etc/protocols": "/etc/protocols", "/HA_CONFIG.sh": published + "/HA_CONFIG.sh",
			"/dowem.down.alert": published + "/dowem.down.alert", "/dowem.up.alert": published + "/dowem.up.alert",
		},
		Modules: []string{"ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_lc", "ip_vs_wlc", "ip_vs_sh", "ip_vs_mh", "ip_vs_sed", "ip_vs_nq", "ip_vs_pe_sip", "dummy"},
	}.Run(ctx)
	if err != nil || !strings.HasSuffix(got, "all the same\n") {
		t.Errorf("%v\n%s", err, got)
	}
}

// TestConnectionsOutliveTheirDirector: of downloads through a director, which its sync daemon tells another of, all go on when it is gone. They are 12, or a hundred
// when FULL is set (make director-peer).
func TestConnectionsOutliveTheirDirector(t *testing.T) {
	t.Parallel()
	binary := tool(t, "tool")
	n := 12
	if os.Getenv("FULL") != "" {
		n = 100
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	got, err := guest.Guest{
		Script: fmt.Sprintf("n=%d\n%s", n, scripts(t, "hosts.sh", "takeover.sh")), Memory: 512,
		Files:   map[string]string{"/bin/ours": binary},
		Modules: []string{"ip_vs", "ip_vs_rr", "veth", "bridge"},
	}.Run(ctx)
	if want := fmt.Sprintf("%d of %[1]d\n", n); err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}

// scripts reads some of testdata, as one.
func scripts(t *testing.T, names ...string) string {
	t.Helper()
	var all []byte
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return string(all)
}

// TestReload: while downloads pass, a director reads a configuration without one of their servers. What differs changes and nothing else, the server that is gone
// gets no new connection, and all downloads finish. A wrong line changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	ours, director := tool(t, "tool"), tool(t, "director")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	got, err := guest.Guest{
		Script: scripts(t, "hosts.sh", "reload.sh"), Memory: 512,
		Files:   map[string]string{"/bin/ours": ours, "/bin/director": director},
		Modules: []string{"ip_vs", "ip_vs_rr", "veth", "bridge"},
	}.Run(ctx)
	const inForce = `-A -t 10.0.0.99:80 -s rr
-A -t 10.0.0.99:81 -s rr
-a -t 10.0.0.99:80 -r 10.1.0.21:80 -m -w 2
-a -t 10.0.0.99:80 -r 10.1.0.22:80 -m -w 0
-a -t 10.0.0.99:80 -r 10.1.0.23:80 -m -w 1
-a -t 10.0.0.99:81 -r 10.1.0.21:80 -m -w 1
`
	const want = "- a reload\n" + inForce + "- a wrong line\n" + inForce + `- more connections
10.1.0.21:80 4
10.1.0.22:80 2
10.1.0.23:80 2
10.1.0.21:80 1
4 of 4
`
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestConnectionsOfTheKernelAreRead(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddrPort
	for line, want := range map[string]plane.Connection{
		"TCP AC1F0001 C350 0A000001 0050 0A010001 1F90 ESTABLISHED     899": {
			Protocol: table.TCP, Client: at("172.31.0.1:50000"), Virtual: at("10.0.0.1:80"), Server: at("10.1.0.1:8080"), State: "ESTABLISHED", Expires: 899 * time.Second,
		},
		"UDP 2001:0db8:0000:0000:0000:0000:0000:0001 0035 2001:0db8:0000:0000:0000:0000:0000:0002 0035 2001:0db8:0000:0000:0000:0000:0000:0003 0035 UDP             12": {
			Protocol: table.UDP, Client: at("[2001:db8::1]:53"), Virtual: at("[2001:db8::2]:53"), Server: at("[2001:db8::3]:53"), State: "UDP", Expires: 12 * time.Second,
		},
		"IP  0A000009 0000 00000005 0000 0A010001 0000 NONE            30 sip call@example.org": {
			Client: at("10.0.0.9:0"), Virtual: at("0.0.0.5:0"), Server: at("10.1.0.1:0"), State: "NONE", Expires: 30 * time.Second, Engine: "sip", Data: "call@example.org",
		},
	} {
		got, err := connection(line)
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", line, err, diff)
		}
	}
}

func FuzzConnection(f *testing.F) {
	f.Add("TCP AC1F0001 C350 0A000001 0050 0A010001 1F90 ESTABLISHED     899")
	f.Add("UDP 2001:0db8::1 0035 :: 0035 ::1 0035 UDP 12")
	f.Fuzz(func(t *testing.T, line string) {
		c, err := connection(line)
		if err == nil && (!c.Client.IsValid() || !c.Server.IsValid()) {
			t.Errorf("%q gave %+v", line, c)
		}
	})
}

func FuzzAttributes(f *testing.F) {
	f.Add([]byte{6, 0, 1, 0, 2, 0, 0, 0, 8, 0, 3, 0, 10, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		a := parse(b)
		a.service()
		a.server(table.Key{})
	})
}
