package readiness_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/fencing"
	"holdfast/cluster/fencing/readiness"
	"holdfast/cluster/fencing/sbd"
)

// facts of hosts web1, web2, … with cluster properties as "name=value …" and the XML of resources.
func facts(t *testing.T, hosts int, properties, resources string) readiness.Facts {
	t.Helper()
	var b strings.Builder
	for pair := range strings.FieldsSeq(properties) {
		name, value, _ := strings.Cut(pair, "=")
		fmt.Fprintf(&b, `<nvpair id="o-%s" name="%[1]s" value="%s"/>`, name, value)
	}
	doc, err := cib.Parse("test", []byte(`<cib><configuration><crm_config><cluster_property_set id="o">`+b.String()+
		`</cluster_property_set></crm_config><nodes/><resources>`+resources+`</resources><constraints/></configuration></cib>`))
	if err != nil {
		t.Fatal(err)
	}
	f := readiness.Facts{Document: doc, Token: time.Second}
	f.Devices = fencing.Devices(doc, func(string) *metadata.Agent {
		return &metadata.Agent{Actions: []metadata.Action{{Name: "reboot"}, {Name: "off"}, {Name: "status"}, {Name: "list"}}}
	})
	for i := range hosts {
		f.Hosts = append(f.Hosts, readiness.Host{Name: fmt.Sprint("web", i+1), Online: true})
	}
	return f
}

// ipmi writes a device for hosts.
func ipmi(id, hosts, more string) string {
	return fmt.Sprintf(`<primitive id="%s" class="stonith" type="fence_ipmilan"><instance_attributes id="%[1]s-i"><nvpair id="%[1]s-h" name="pcmk_host_list" value="%s"/>%s</instance_attributes></primitive>`, id, hosts, more)
}

const service = `<group id="g"><primitive id="a" class="ocf" provider="x" type="y"><operations><op id="a-s" name="start" interval="0" timeout="30s"/><op id="a-t" name="stop" interval="0" timeout="90s"/></operations></primitive>
<primitive id="b" class="ocf" provider="x" type="y"/></group>`

const quick = `<primitive id="q" class="ocf" provider="x" type="y"><operations><op id="q-t" name="stop" interval="0" timeout="4s"/></operations></primitive>`

// situation is a cluster and what is wrong with it.
type situation struct {
	name, properties, resources string
	hosts                       int
	change                      func(*readiness.Facts)
	want                        []string // "level subject: part of the problem"
}

func situations() []situation {
	all := ipmi("d", "web1 web2 web3", "")
	disk := func(f *readiness.Facts, watchdog time.Duration, times sbd.Timeouts) {
		for i := range f.Hosts {
			f.Hosts[i].Watchdog = watchdog
			f.Hosts[i].Disks = []readiness.Disk{{Path: "/dev/sdx", Timeouts: times}}
		}
	}
	return []situation{
		{"all is well", "", all, 3, nil, nil},
		{"fencing is off", "stonith-enabled=false", all, 3, nil, []string{"error stonith-enabled: started elsewhere while it may still run"}},
		{"a host without a device", "", ipmi("d", "web1 web2", ""), 3, nil, []string{"error web3: no device fences it"}},
		{"two hosts and no delay", "", ipmi("d", "web1 web2", ""), 2, nil, []string{"warning d: both may die"}},
		{"two hosts and a delay", "priority-fencing-delay=5s", ipmi("d", "web1 web2", ""), 2, nil, nil},
		{"a device that one host does not reach", "", all, 3, func(f *readiness.Facts) {
			f.Probes = []readiness.Probe{{Target: "web1", Device: "d", From: "web2", Detail: "no route"}, {Target: "web1", Device: "d", From: "web3", OK: true}}
		}, []string{"warning d: asked from web2, it does not see web1"}},
		{"a device that nobody reaches", "", all, 3, func(f *readiness.Facts) {
			f.Probes = []readiness.Probe{{Target: "web1", Device: "d", From: "web2", Detail: "no route"}}
		}, []string{"error d: no route"}},
		{"a device whose agent is missing", "", all, 3, func(f *readiness.Facts) {
			for _, from := range []string{"web3", "web1"} {
				f.Probes = append(f.Probes, readiness.Probe{Target: "web2", Device: "d", From: from, Action: "status", Detail: "not installed"})
			}
			f.Probes = append(f.Probes, readiness.Probe{Target: "web1", Device: "d", From: "web2", Action: "status", Detail: "not installed"})
		}, []string{"error d: asked from web1, web2, web3, it does not see web2, web1 (status): not installed"}},
		{"watchdogs alone", "stonith-watchdog-timeout=10s", "", 3, func(f *readiness.Facts) { disk(f, 5*time.Second, sbd.DefaultTimeouts) }, nil},
		{"watchdogs that are too slow", "stonith-watchdog-timeout=5s", "", 3, func(f *readiness.Facts) { disk(f, 5*time.Second, sbd.DefaultTimeouts) },
			[]string{"error web1: not longer than its watchdog", "error web2: not longer", "error web3: not longer"}},
		{"watchdogs without margin", "stonith-watchdog-timeout=6s", "", 1, func(f *readiness.Facts) { disk(f, 5*time.Second, sbd.DefaultTimeouts) }, []string{"warning stonith-watchdog-timeout: is waited all the same"}},
		{"watchdogs with little margin", "stonith-watchdog-timeout=19s", "", 1, func(f *readiness.Facts) {
			disk(f, 10*time.Second, sbd.Timeouts{Watchdog: 10 * time.Second, Loop: time.Second, MsgWait: 20 * time.Second})
		},
			[]string{"warning stonith-watchdog-timeout: less than twice"}},
		{"no watchdog", "stonith-watchdog-timeout=10s", "", 1, nil, []string{"error web1: it had no watchdog"}},
		{"two sides with quorum", "stonith-watchdog-timeout=-1", "", 2, func(f *readiness.Facts) {
			disk(f, 5*time.Second, sbd.DefaultTimeouts)
			f.BothSides = true
		}, []string{"error stonith-watchdog-timeout: its watchdog proves nothing"}},
		{"two hosts that may hope for a quorum device's vote", "stonith-watchdog-timeout=10s", "", 2, func(f *readiness.Facts) {
			disk(f, 5*time.Second, sbd.DefaultTimeouts)
			f.Unaware = 6 * time.Second
		}, []string{"warning stonith-watchdog-timeout: 12.7s is waited all the same until web1, web2 is taken for dead"}},
		{"two hosts that may hope, and whatever that takes", "stonith-watchdog-timeout=-1", "", 2, func(f *readiness.Facts) {
			disk(f, 5*time.Second, sbd.DefaultTimeouts)
			f.Unaware = 6 * time.Second
		}, nil},
		{"stops that are quick enough", "stonith-watchdog-timeout=10s", quick, 1, func(f *readiness.Facts) { disk(f, 5*time.Second, sbd.DefaultTimeouts) }, nil},
		{"two disks", "", all, 1, func(f *readiness.Facts) {
			disk(f, 5*time.Second, sbd.DefaultTimeouts)
			f.Hosts[0].Disks = append(f.Hosts[0].Disks, readiness.Disk{Path: "/dev/sdy", Timeouts: sbd.DefaultTimeouts})
		}, []string{"warning web1: two sbd disks"}},
		{"a watchdog that is slower than the disk says", "", all, 1, func(f *readiness.Facts) { disk(f, 15*time.Second, sbd.DefaultTimeouts) }, []string{"error web1: its watchdog takes 15s"}},
		{"a disk and a watchdog that fit", "", all, 1, func(f *readiness.Facts) { disk(f, 5*time.Second, sbd.DefaultTimeouts) }, nil},
		{"a disk that fits stonith-timeout", "stonith-timeout=24s", all, 3, func(f *readiness.Facts) {
			disk(f, 10*time.Second, sbd.Timeouts{Watchdog: 10 * time.Second, Loop: time.Second, MsgWait: 20 * time.Second})
		}, nil},
		{"quorum ignored", "stonith-watchdog-timeout=10s no-quorum-policy=ignore", "", 1, func(f *readiness.Facts) { disk(f, 5*time.Second, sbd.DefaultTimeouts) }, []string{"error no-quorum-policy: start what others run"}},
		{"slow stops", "stonith-watchdog-timeout=10s", service, 1, func(f *readiness.Facts) { disk(f, 5*time.Second, sbd.DefaultTimeouts) }, []string{"warning a, b: longer to stop than the 5s"}},
		{"a disk with bad times", "", all, 3, func(f *readiness.Facts) {
			disk(f, 5*time.Second, sbd.Timeouts{Watchdog: 5 * time.Second, Loop: time.Second, MsgWait: 5 * time.Second})
		}, []string{"error /dev/sdx: counts as dead before it is"}},
		{"a disk that is slower than stonith-timeout", "stonith-timeout=20s", all, 3, func(f *readiness.Facts) {
			disk(f, 10*time.Second, sbd.Timeouts{Watchdog: 10 * time.Second, Loop: time.Second, MsgWait: 20 * time.Second})
		}, []string{"error stonith-timeout: less than msgwait"}},
		{"a disk without a watchdog", "", all, 1, func(f *readiness.Facts) { disk(f, 0, sbd.DefaultTimeouts) }, []string{"error web1: without a watchdog"}},
		{"a disk that is gone", "", all, 1, func(f *readiness.Facts) { f.Hosts[0].Disks = []readiness.Disk{{Path: "/dev/sdx", Problem: "gone"}} }, []string{"error /dev/sdx: web1 cannot use it: gone"}},
		{"a host that does not tell", "", all, 1, func(f *readiness.Facts) { f.Hosts[0].Problem = "no answer" }, []string{"warning web1: no answer"}},
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for _, c := range situations() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := facts(t, c.hosts, c.properties, c.resources)
			if c.change != nil {
				c.change(&f)
			}
			report := readiness.Judge(f)
			got, ready := report.Findings, true
			for i, f := range got {
				line := fmt.Sprintf("%s %s: %s", f.Level, f.Subject, f.Problem)
				ready = ready && f.Level != readiness.Error
				if f.Fix == "" {
					t.Errorf("%s: nothing is said to do", line)
				}
				if i >= len(c.want) {
					t.Errorf("found %s", line)
					continue
				}
				prefix, part, _ := strings.Cut(c.want[i], ": ")
				if !strings.HasPrefix(line, prefix+": ") || !strings.Contains(line, part) {
					t.Errorf("found %s; want %s", line, c.want[i])
				}
			}
			for _, missing := range c.want[min(len(got), len(c.want)):] {
				t.Errorf("did not find %s", missing)
			}
			if report.Ready() != ready {
				t.Errorf("ready %t with %+v", report.Ready(), got)
			}
		})
	}
}

func TestLongestFailover(t *testing.T) {
	t.Parallel()
	delays := `<nvpair id="d-b" name="pcmk_delay_max" value="4s"/><nvpair id="d-r" name="pcmk_reboot_timeout" value="10s"/><nvpair id="d-n" name="pcmk_reboot_retries" value="1"/>`
	for _, c := range []struct {
		name, properties, resources string
		want                        time.Duration
	}{
		{"without fencing", "stonith-enabled=false", service, time.Second + 50*time.Second},
		{"one device", "", ipmi("d", "web1 web2 web3", delays) + service, time.Second + 14*time.Second + 50*time.Second},
		{"a second device after the first", "priority-fencing-delay=5s", ipmi("d", "web1 web2 web3", delays) + ipmi("e", "web2", "") + service, time.Second + (14+2*60+5)*time.Second + 50*time.Second},
		{"watchdogs", "stonith-watchdog-timeout=10s", service, time.Second + 10*time.Second + 50*time.Second},
	} {
		f := facts(t, 3, c.properties, c.resources)
		for i := range f.Hosts {
			f.Hosts[i].Watchdog = 5 * time.Second
		}
		if report := readiness.Judge(f); report.Worst != c.want {
			t.Errorf("%s: %s, want %s: %+v", c.name, report.Worst, c.want, report.Failover)
		}
	}
}
