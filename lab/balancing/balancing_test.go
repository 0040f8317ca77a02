package balancing

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

func TestMain(m *testing.M) { os.Exit(fleet.Testing(m.Run)) }

// Clients reach the virtual address on the first network. Real servers answer by way of the director's address on the second one.
const (
	virtual = "10.77.0.99"
	inside  = "10.78.0.99"
)

// site is a cluster of three directors, and two real servers beside it.
type site struct {
	*fleettest.Fleet
	testing.TB
	plane string
}

// onEachPlane runs a test with each data plane that the kernel here may have.
func onEachPlane(t *testing.T, test func(t *testing.T, plane string)) {
	for _, plane := range []string{"nft", "ebpf"} {
		t.Run(plane, func(t *testing.T) {
			t.Parallel()
			test(t, plane)
		})
	}
}

// newSite starts servers of pages on ports 80 and 443 of s1 and s2. The directors get the configuration, and do not run yet.
func newSite(t testing.TB, plane, ldirectord string) site {
	t.Helper()
	fleettest.Root(t)
	s := site{TB: t, plane: plane, Fleet: fleettest.Begin(t, 4*time.Minute, fleet.Config{
		Hosts: lab.Names("d", 3), Remotes: lab.Names("s", 2), Binary: fleet.Program(),
		Links: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24"), netip.MustParsePrefix("10.78.0.0/24")},
		Files: []lab.File{{Path: "/etc/ha.d/ldirectord.cf", Data: []byte(ldirectord), Mode: 0o600}},
	})}
	s.Must(s.Ready(s.Ctx))
	if out, err := s.Try("d1", "", "sh", "-c", "HOLDFAST_PLANE="+plane+" ipvsadm -L"); err != nil {
		t.Skipf("this kernel cannot have the data plane %s: %v %s", plane, err, out)
	}
	for _, name := range lab.Names("d", 3) {
		s.Sh(name, "sysctl -qw net.ipv4.ip_forward=1 && mkdir -p /www && echo sorry > /www/index.html && busybox httpd -p 80 -h /www")
	}
	for _, name := range lab.Names("s", 2) {
		s.Sh(name, "ip route add 10.77.0.250/32 via "+inside+` onlink dev eth1
mkdir -p /www && hostname > /www/index.html && touch /www/alive && truncate -s `+fmt.Sprint(bigPage)+` /www/big && busybox httpd -p 80 -h /www
busybox httpd -p 443 -h /www`)
	}
	return s
}

// serve is what the cluster runs: a director on each host, and the addresses, which come at once, with one of them. Hosts that are lost are fenced, or not.
func (s site) serve(fenced bool) {
	s.Helper()
	primitive := func(id, kind, parameters string) string {
		return fmt.Sprintf(`<primitive id="%s" class="ocf" provider="holdfast" type="%s"><instance_attributes id="%s-p">%s</instance_attributes>
<operations><op id="%s-m" name="monitor" interval="10s"/></operations></primitive>`, id, kind, id, parameters, id)
	}
	pair := func(id, name, value string) string {
		return fmt.Sprintf(`<nvpair id="%s-%s" name="%s" value="%s"/>`, id, name, name, value)
	}
	s.Must(s.Load(s.Ctx, "d1", `<configuration><crm_config><cluster_property_set id="o">`+pair("o", "stonith-enabled", fmt.Sprint(fenced))+`</cluster_property_set></crm_config><nodes/>
<resources><primitive id="fence" class="stonith" type="fence_lab"/><clone id="directors">`+primitive("director", "director", pair("director", "configfile", "/etc/ha.d/ldirectord.cf")+pair("director", "plane", s.plane))+`</clone>
<group id="addresses"><meta_attributes id="a"><nvpair id="a-o" name="ordered" value="false"/></meta_attributes>`+primitive("gateway", "ip", pair("gateway", "ip", inside))+primitive("virtual", "ip", pair("virtual", "ip", virtual))+`</group></resources>
<constraints><rsc_colocation id="together" rsc="addresses" with-rsc="directors" score="INFINITY"/><rsc_order id="first" first="directors" then="addresses"/></constraints>
<rsc_defaults><meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="100"/></meta_attributes></rsc_defaults></configuration>`))
}

// polled asks the virtual address from the client until the test ends.
func (s site) polled(every time.Duration) *lab.Poller {
	s.Helper()
	poll, err := s.Lab.Client().Poll(virtual+":80", every)
	s.Must(err)
	s.Cleanup(poll.Stop)
	return poll
}

// answered waits for an answer that was asked for after a moment.
func (s site) answered(poll *lab.Poller, since lab.Moment, by string) lab.Answer {
	s.Helper()
	a, err := poll.Await(s.Ctx, since, lab.AnsweredBy(by))
	s.Must(err)
	return a
}

// knows waits until the director on a host says of a server that it is in, or out.
func (s site) knows(host, server, state string) {
	s.Helper()
	s.Says(host, "holdfast director status --name resource-director", fmt.Sprintf(`^  %s +%s:80 `, state, strings.ReplaceAll(server, ".", `\.`)))
}

const clustered = `checkinterval=1
checktimeout=1
quiescent=no
virtual=10.77.0.99:80
	real=10.78.0.14:80 masq
	real=10.78.0.15:80 masq
	service=http
	request="alive"
	scheduler=rr
`

// TestDirectorsStandInForEachOther: directors whose host dies, or whose interface loses its link, are replaced by one that knows already which servers are in.
func TestDirectorsStandInForEachOther(t *testing.T) {
	t.Parallel()
	onEachPlane(t, directorsStandIn)
}

func directorsStandIn(t *testing.T, plane string) {
	s := newSite(t, plane, clustered)
	s.serve(false)
	at := s.Runs("virtual")
	poll := s.polled(20 * time.Millisecond)
	s.answered(poll, 0, "s1")
	s.answered(poll, 0, "s2")

	s.Sh("s1", "rm /www/alive")
	for _, host := range lab.Names("d", 3) {
		s.knows(host, "10.78.0.14", "OUT")
		s.knows(host, "10.78.0.15", "in")
	}
	killed, err := s.Host(at).Kill()
	s.Must(err)
	s.answered(poll, killed, "s2")
	next := s.Runs("virtual", at)
	for _, a := range poll.Answers(killed) {
		if a.OK && a.Body == "s1" {
			t.Errorf("the director that took over asked s1, which it has to know as out")
		}
	}

	s.Sh("s1", "touch /www/alive")
	s.knows(next, "10.78.0.14", "in")
	cut, err := s.Host(next).Cut(0)
	s.Must(err)
	s.Runs("virtual", at, next)
	s.answered(poll, cut, "s1")
	s.answered(poll, cut, "s2")
	if out := s.Says(next, "holdfast events --since 1h; true"); strings.Contains(out, "fence-started") {
		t.Errorf("a host whose cluster talks still was fenced:\n%s", out)
	}
}

const alone = `checkinterval=1
checktimeout=1
fallback=127.0.0.1:80 gate
quiescent=yes
virtual=10.77.0.99:80
	real=10.78.0.14:80 masq
	real=10.78.0.15:80 masq
	service=http
	request="alive"
	scheduler=rr
virtual=10.77.0.99:443
	real=10.78.0.14:443 masq
	real=10.78.0.15:443 masq
	checktype=connect
	scheduler=rr
`

// TestServersAreTakenOut: each service is judged by itself; a server that drains finishes what it has, and nobody else is touched; the fallback
// serves when no server is left. Reloads apply what differs, a wrong file changes nothing, and downloads go on through all of it.
func TestServersAreTakenOut(t *testing.T) {
	t.Parallel()
	onEachPlane(t, serversAreTakenOut)
}

func serversAreTakenOut(t *testing.T, plane string) {
	s := newSite(t, plane, alone)
	s.Sh("d1", "ip addr add "+virtual+"/24 dev eth0 && ip addr add "+inside+"/24 dev eth1")
	_, err := s.Host("d1").Start(lab.Process{Command: lab.Command{Args: []string{"holdfast", "director", "-f", "/etc/ha.d/ldirectord.cf", "--plane", plane}, Detach: true}})
	s.Must(err)
	weighs := func(service string, weights ...string) {
		t.Helper()
		for i, weight := range weights {
			s.Says("d1", "HOLDFAST_PLANE="+plane+" ipvsadm -Ln | sed -n '/:"+service+" /,/^TCP/p'", fmt.Sprintf(`10\.78\.0\.1%d:%s +Masq +%s `, 4+i, service, weight))
		}
	}
	weighs("80", "1", "1")
	weighs("443", "1", "1")
	downloads := []download{s.begins(), s.begins()} // one of each server

	s.Sh("d1", `cd /etc/ha.d && cp ldirectord.cf before && printf 'virtual=10.77.0.99:8080\n\treal=10.78.0.14:8080 masq\n\tchecktype=on\n' >> ldirectord.cf && holdfast director reload`)
	weighs("8080", "1")
	said := s.Sh("d1", `cd /etc/ha.d && printf '\tscheduler=best\n' >> ldirectord.cf && ! holdfast director reload 2>&1`)
	if !strings.Contains(said, `ldirectord.cf:19: scheduler: "best": want one of rr`) {
		t.Errorf("a reload of a wrong file says %q", said)
	}
	weighs("8080", "1")
	s.Sh("d1", "mv /etc/ha.d/before /etc/ha.d/ldirectord.cf && holdfast director reload")
	weighs("80", "1", "1")

	s.Sh("s1", "pkill -f '[h]ttpd -p 443'")
	weighs("443", "0", "1")
	weighs("80", "1", "1")
	s.Sh("s1", "rm /www/alive")
	weighs("80", "0", "1")
	for _, d := range downloads {
		d.ends()
	}
	s.Sh("s2", "rm /www/alive")
	poll := s.polled(50 * time.Millisecond)
	s.answered(poll, 0, "sorry")
	weighs("443", "0", "1")
	s.Sh("s1", "touch /www/alive")
	s.answered(poll, lab.Now(), "s1")
	weighs("80", "1", "0")
}
