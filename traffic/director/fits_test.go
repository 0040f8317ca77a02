package director

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/traffic/director/plane/detect"
)

// service is a keepalived.conf with one service on its second line.
func service(at, of, server string) string {
	return fmt.Sprintf("\nvirtual_server %s {\n%s\nreal_server 10.1.0.1 80 {\n%s\n}\n}\n", at, of, server)
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestWhatAPlaneCannotDo: it is refused by file, line and name, or told in the same way where the plane does it otherwise.
func TestWhatAPlaneCannotDo(t *testing.T) {
	t.Parallel()
	const at = "10.0.0.1 80"
	kind := func(scheduler, kind, protocol string) string {
		return "lb_algo " + scheduler + "\nlb_kind " + kind + "\nprotocol " + protocol
	}
	nat := kind("rr", "NAT", "TCP")
	for _, c := range []struct {
		plane, text, differs, fails string
	}{
		{"nft", service(at, nat, ""), "", ""},
		{"nft", service(at, kind("wrr", "NAT", "UDP"), ""), "", ""},
		{"nft", service(at, kind("sh", "NAT", "SCTP"), ""), "", ""},
		{"nft", service(at, kind("dh", "NAT", "TCP")+"\npersistence_timeout 60", ""), "", ""},
		{"nft", service(at, kind("mh", "NAT", "TCP"), ""), "", ""},
		{"nft", service("fwmark 7", kind("fo", "NAT", "TCP"), ""), "", ""},
		{"nft", service(at, kind("lc", "NAT", "TCP"), ""), "draws servers at random for the scheduler lc", ""},
		{"nft", service(at, kind("wlc", "NAT", "TCP"), ""), "draws servers at random by weight for the scheduler wlc", ""},
		{"nft", service(at, kind("sed", "NAT", "TCP"), ""), "draws servers at random by weight for the scheduler sed", ""},
		{"nft", service(at, kind("nq", "NAT", "TCP"), ""), "draws servers at random by weight for the scheduler nq", ""},
		{"nft", service(at, kind("wrr", "NAT", "TCP"), "weight 2001\n}\nreal_server 10.1.0.2 80 {\nweight 2"), "rounds weights to a 1000th of their sum, which is 2003", ""},
		{"nft", service(at, kind("lblc", "NAT", "TCP"), ""), "", "scheduler lblc"},
		{"nft", service(at, kind("lblcr", "NAT", "TCP"), ""), "", "scheduler lblcr"},
		{"nft", service(at, kind("ovf", "NAT", "TCP"), ""), "", "scheduler ovf"},
		{"nft", service(at, kind("rr", "DR", "TCP"), ""), "", "forwarding by direct (server 10.1.0.1:80)"},
		{"nft", service(at, kind("rr", "TUN", "TCP"), ""), "", "forwarding by tunnel (server 10.1.0.1:80)"},
		{"nft", service(at, nat, "uthreshold 5"), "", "limits on connections (server 10.1.0.1:80)"},
		{"nft", service(at, kind("rr", "NAT", "UDP")+"\nops", ""), "", "one-packet scheduling"},
		{"nft", service(at, kind("rr", "NAT", "UDP")+"\npersistence_timeout 60\npersistence_engine sip", ""), "", "persistence engine sip"},
		{"ebpf", service(at, kind("wlc", "TUN", "TCP"), ""), "", ""},
		{"ebpf", service(at, kind("lblc", "DR", "TCP"), ""), "", ""},
		{"ebpf", service(at, kind("lblcr", "DR", "TCP"), ""), "", "scheduler lblcr"},
		{"ebpf", service("10.0.0.1 81", kind("rr", "NAT", "SCTP"), ""), "", "another port for SCTP (server 10.1.0.1:80)"},
		{"ebpf", service("fwmark 7", nat, ""), "sees no mark that rules of nftables or iptables set", ""},
		{"ebpf-tc", service("fwmark 7", nat, ""), "sees no mark that rules of nftables or iptables set", ""},
		{"ipvs", service(at, kind("lblcr", "TUN", "TCP"), "uthreshold 5"), "", ""},
	} {
		conf, err := ReadFile(t.Context(), written(t, c.text), "keepalived", "")
		if err != nil {
			t.Fatalf("%s\n%s", err, c.text)
		}
		conf.Services[0].At = filepath.Base(conf.Services[0].At)
		can, err := detect.Abilities(c.plane)
		if err != nil {
			t.Fatal(err)
		}
		differs, err := fits(can, conf)
		for _, one := range []struct{ want, before, got string }{
			{c.differs, "k.conf:2: data plane " + can.Name() + " ", strings.Join(differs, "\n")},
			{c.fails, "k.conf:2: data plane " + can.Name() + " cannot do ", fmt.Sprint(err)},
		} {
			if one.want == "" && one.got != "" && one.got != "<nil>" || one.want != "" && !strings.HasPrefix(one.got, one.before+one.want) {
				t.Errorf("on %s, %q; want %q, of\n%s", c.plane, one.got, one.want, c.text)
			}
		}
	}
}

// TestCheckOfAPlane: --check with a plane's name tells what it lacks without touching it.
func TestCheckOfAPlane(t *testing.T) {
	t.Parallel()
	for scheduler, want := range map[string]string{
		"wlc":  "warning: k.conf:2: data plane nft draws servers at random by weight for the scheduler wlc",
		"lblc": "k.conf:2: data plane nft cannot do scheduler lblc",
	} {
		file := written(t, service("10.0.0.1 80", "lb_algo "+scheduler+"\nlb_kind NAT\nprotocol TCP", ""))
		cmd := command()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs([]string{"--check", "--plane", "nft", "-f", file})
		err := cmd.Execute()
		if said := strings.ReplaceAll(fmt.Sprint(out.String(), err), filepath.Dir(file)+"/", ""); !strings.Contains(said, want) {
			t.Errorf("%s: %s; want %q", scheduler, said, want)
		}
	}
}
