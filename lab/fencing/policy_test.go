package fencing

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// wholeTable tells that every policy is tried on every size of cluster, which takes a few minutes.
var wholeTable = flag.Bool("all-sizes", false, "try no-quorum-policy on 2, 3 and 5 hosts")

// roleAgent keeps its role in a file that anybody can look at, started and promoted.
const roleAgent = `f=/run/role-${OCF_RESOURCE_INSTANCE%%:*}
case $1 in
start|demote) echo Started >$f;; promote) echo Promoted >$f;; stop) rm -f $f;;
monitor) [ -e $f ] || exit 7; [ $(cat $f) = Started ] || exit 8; crm_attribute --promotion -v 10 >/dev/null 2>&1; exit 0;;
meta-data) echo '<resource-agent name="role"><parameters/><actions><action name="start" timeout="20s"/><action name="stop" timeout="20s"/><action name="promote" timeout="20s"/><action name="demote" timeout="20s"/><action name="monitor" timeout="20s" interval="10s" role="Promoted"/><action name="meta-data" timeout="5s"/></actions></resource-agent>';;
esac`

// policies say what becomes, on the side that loses quorum, of a plain resource and of a promoted one.
var policies = []struct {
	policy, plain, promoted string
	reboots                 bool
}{
	{policy: "freeze", plain: "Started", promoted: "Promoted"},
	{policy: "demote", promoted: "Started"},
	{policy: "stop"},
	{policy: "ignore", plain: "Started", promoted: "Promoted"},
	{policy: "suicide", reboots: true},
	{policy: "fence", reboots: true},
}

// TestNoQuorumPolicy splits a cluster so that the host with the resources has no quorum, and lets
// no fence device work, so that the policy alone decides.
func TestNoQuorumPolicy(t *testing.T) {
	t.Parallel()
	sizes := []int{3}
	if *wholeTable {
		sizes = []int{2, 3, 5}
	}
	for _, size := range sizes {
		t.Run(fmt.Sprint(size, " hosts"), func(t *testing.T) {
			t.Parallel()
			f := fleettest.Start(t, fleet.Config{Hosts: lab.Names("web", size), Binary: fleet.Program()})
			f.Program("/usr/lib/ocf/resource.d/test/role", roleAgent)
			for _, h := range f.Hosts() {
				f.Must(h.FenceFault(lab.FenceFails))
			}
			for _, c := range policies {
				f.Renew()
				roles := lose(f, size, c.policy, c.reboots)
				if !c.reboots && !slices.Equal(roles, []string{c.plain, c.promoted}) {
					t.Errorf("%s on %d hosts: without quorum the plain resource is %q and the promoted one %q; want %q and %q", c.policy, size, roles[0], roles[1], c.plain, c.promoted)
				}
			}
		})
	}
}

// lose makes the host with the resources lose quorum and returns the roles that they have there then.
func lose(f *fleettest.Fleet, size int, policy string, reboots bool) []string {
	text := configuration("stonith-enabled=true stonith-max-attempts=1 no-quorum-policy="+policy, device("power", "fence_lab", ""), dummy("plain", "test:role"),
		`<clone id="pair"><meta_attributes id="pair-m"><nvpair id="pair-p" name="promotable" value="true"/></meta_attributes>`+dummy("role", "test:role")+`</clone>`)
	f.Must(f.Load(f.Ctx, "web1", strings.Replace(text, "<constraints/>", `<constraints><rsc_colocation id="c" rsc="plain" with-rsc="pair" with-rsc-role="Promoted" score="5000"/></constraints>`, 1)))
	f.Must(f.Client("web1").Wait(f.Ctx, fleettest.Patience))
	at := f.Runs("plain")
	f.Until(func() error { return unless(roleOf(f, at, "role") == "Promoted", "role is not promoted on "+at) })
	boots := bootsOf(f, at)
	minority := append([]string{at}, f.Others(at)[:(size-1)/4]...) // 1 of 2, 1 of 3, 2 of 5
	f.Must(f.Partition(minority, f.Others(minority...)))
	switch {
	case reboots:
		f.Until(func() error { return unless(bootsOf(f, at) > boots, at+" did not end itself") })
	case policy == "ignore":
		f.Until(func() error {
			status, err := f.Client(at).Status(f.Ctx)
			return errors.Join(err, unless(err == nil && len(status.View.Lost) > 0, at+" has not noticed anything"))
		})
	case policy == "stop":
		f.Until(func() error {
			return unless(roleOf(f, at, "plain")+roleOf(f, at, "role") == "", "resources run on "+at)
		})
	case policy == "demote":
		f.Until(func() error {
			return unless(roleOf(f, at, "role") != "Promoted" && roleOf(f, at, "plain") == "", "resources run as before on "+at)
		})
	default:
		f.Shows(at, []string{"this host applies no-quorum-policy by itself"}, "cat", "/var/log/boot.log")
	}
	roles := []string{roleOf(f, at, "plain"), roleOf(f, at, "role")}
	f.Must(f.Partition())
	f.Must(f.Ready(f.Ctx))
	return roles
}

func unless(ok bool, why string) error {
	if ok {
		return nil
	}
	return errors.New(why)
}

// roleOf is what a resource of roleAgent is on a host, "" when it is stopped.
func roleOf(f *fleettest.Fleet, host, resource string) string {
	out, err := f.Try(host, "", "cat", "/run/role-"+resource)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// leaderOf waits until there is a leader.
func leaderOf(f *fleettest.Fleet) (leader string) {
	f.Until(func() error {
		leader = f.Leader(f.Ctx)
		return unless(leader != "", "nobody leads")
	})
	return leader
}
