package fleet

import (
	"strings"
	"testing"

	"holdfast/cluster/cib"
)

// Commands of a listing are typed one after another on a cluster that has nothing yet, in any
// order: the first resource comes before any fence device, and before fencing is switched off.
func TestFirstResourceComesBeforeFencingIsSettled(t *testing.T) {
	ctx, f := startFleet(t)
	out := mustRun(t, f, "web2", "", "sh", "-c", "crm configure primitive d ocf:pacemaker:Dummy op monitor interval=10s 2>&1")
	if !strings.Contains(out, "no fence device is configured") || !strings.Contains(out, "stonith-enabled=false") {
		t.Errorf("crm did not say why nothing starts and what to do: %s", out)
	}
	shown(t, ctx, f, "web1", []string{"d", "Stopped"}, "crm_mon", "-1r")
	shown(t, ctx, f, "web1", []string{"crm configure primitive d ocf:pacemaker:Dummy op monitor interval=10s"}, "holdfast", "history", "list")
	if out, err := f.Host("web1").Exec(ctx, "crm", "configure", "primitive", "x", "ocf:pacemaker:Dumy"); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("a resource of an agent that does not exist: %v\n%s", err, out)
	}
	mustRun(t, f, "web1", "", "pcs", "resource", "create", "e", "ocf:pacemaker:Dummy")
	mustRun(t, f, "web3", "", "crm", "configure", "property", "stonith-enabled=false")
	for _, resource := range []string{"d", "e"} {
		if at := settled(t, ctx, f, resource); at == "" {
			t.Errorf("%s does not run", resource)
		}
	}
}

func TestOperationsInFlightAreShown(t *testing.T) {
	ctx, f := startFleet(t)
	must(t, f.Load(ctx, "web1", configuration(false, `<primitive id="slow" class="ocf" provider="pacemaker" type="Dummy">
<instance_attributes id="s-i"><nvpair id="s-o" name="op_sleep" value="2"/></instance_attributes><operations>
<op id="s-p" name="monitor" interval="20s" timeout="20s"/></operations></primitive>`)))
	for _, words := range [][]string{{"slow", "Starting"}, {"slow", "Started", "Monitoring"}} {
		shown(t, ctx, f, "web2", words, "crm_mon", "-1")
	}
	settled(t, ctx, f, "slow")
	if out := mustRun(t, f, "web3", "", "crm_mon", "-1"); strings.Contains(out, "Monitoring") {
		t.Errorf("nothing is in flight any more, but:\n%s", out)
	}
}

func TestAttributesAreDampenedAndKeptPrivate(t *testing.T) {
	ctx, f := startFleet(t)
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	for _, h := range f.Hosts() { // set when the hosts joined
		shown(t, ctx, f, h.Name(), []string{"web1 (1): online, feature set " + cib.FeatureSet, "web3 (3): online, feature set " + cib.FeatureSet}, "crm_mon", "-1", "--show-detail")
	}
	mustRun(t, f, "web1", "", "attrd_updater", "-n", "secret", "-U", "5", "-p")
	shown(t, ctx, f, "web2", []string{`name="secret"`, `host="web1"`, `value="5"`}, "attrd_updater", "-n", "secret", "-Q", "-A")
	mustRun(t, f, "web1", "", "attrd_updater", "-n", "flutter", "-U", "1", "-d", "1s")
	mustRun(t, f, "web1", "", "attrd_updater", "-n", "flutter", "-U", "2", "-d", "1s")
	document := mustRun(t, f, "web3", "", "cibadmin", "-Q")
	if strings.Contains(document, "flutter") || strings.Contains(document, "secret") {
		t.Errorf("the document shows an attribute at once, or one that is private:\n%s", document)
	}
	shown(t, ctx, f, "web3", []string{`name="flutter" value="2"`}, "cibadmin", "-Q")
	if document = mustRun(t, f, "web3", "", "cibadmin", "-Q"); strings.Contains(document, "secret") {
		t.Errorf("the document shows a private attribute:\n%s", document)
	}
}
