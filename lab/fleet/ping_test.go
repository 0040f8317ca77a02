package fleet

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"holdfast/lab"
)

// TestPingMovesAResource: ocf:pacemaker:ping writes how many targets a host reaches, dampened, and a rule
// moves what needs them away from a host that reaches none.
func TestPingMovesAResource(t *testing.T) {
	if _, err := os.Stat("/usr/lib/ocf/resource.d/pacemaker/ping"); err != nil {
		t.Skip("the agent ocf:pacemaker:ping is not installed")
	}
	ctx, f := pairOfHosts(t, "")
	target := lab.ClientAddr(f.links[0]).String()
	must(t, f.Load(ctx, "web1", fmt.Sprintf(`<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes/><resources>%s<clone id="router"><primitive id="ping" class="ocf" provider="pacemaker" type="ping"><instance_attributes id="ping-p">
<nvpair id="ping-h" name="host_list" value="%s"/><nvpair id="ping-d" name="dampen" value="1s"/><nvpair id="ping-m" name="multiplier" value="100"/>
<nvpair id="ping-a" name="attempts" value="1"/><nvpair id="ping-t" name="timeout" value="1"/></instance_attributes>
<operations><op id="ping-o" name="monitor" interval="1s" timeout="20s"/></operations></primitive></clone></resources>
<constraints><rsc_location id="near" rsc="d" node="web1" score="50"/><rsc_location id="reached" rsc="d">
<rule id="reached-r" score="-INFINITY" boolean-op="or"><expression id="reached-l" attribute="pingd" operation="lt" value="1" type="number"/>
<expression id="reached-n" attribute="pingd" operation="not_defined"/></rule></rsc_location></constraints></configuration>`,
		primitive("d", "pacemaker", "Dummy"), target)))
	runsOn := func(host string) {
		t.Helper()
		must(t, until(ctx, func() error {
			at, err := f.Active(ctx, "d")
			if err == nil && at != host {
				err = errors.New("d runs on " + at)
			}
			return err
		}))
	}
	runsOn("web1")
	shown(t, ctx, f, "web1", []string{`name="pingd" host="web1" value="100"`, `host="web2" value="100"`}, "attrd_updater", "--query", "--all", "--name", "pingd")
	must(t, f.Block([2]string{"web1", lab.ClientName}))
	runsOn("web2")
	shown(t, ctx, f, "web2", []string{`name="pingd" host="web1" value="0"`}, "attrd_updater", "--query", "--all", "--name", "pingd")
	must(t, f.Block())
	runsOn("web1")

	// Dampening: a value that is held back is not seen, until --refresh or a shorter delay writes it.
	for _, release := range [][]string{{"--refresh"}, {"--name", "held", "--update-delay", "--delay", "1ms"}} {
		mustRun(t, f, "web1", "", "attrd_updater", "--name", "held", "--update-both", release[0], "--delay", "600s")
		if out := mustRun(t, f, "web1", "", "cibadmin", "--query", "--scope", "status"); strings.Contains(out, `name="held" value="`+release[0]) {
			t.Errorf("a value that is held back is in the document:\n%s", out)
		}
		mustRun(t, f, "web1", "", append([]string{"attrd_updater"}, release...)...)
		shown(t, ctx, f, "web1", []string{`name="held" value="` + release[0]}, "cibadmin", "--query", "--scope", "status")
	}
}
