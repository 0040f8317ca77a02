package fleet

import (
	"strings"
	"testing"
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
	mustRun(t, f, "web1", "", "pcs", "resource", "create", "e", "ocf:pacemaker:Dummy")
	mustRun(t, f, "web3", "", "crm", "configure", "property", "stonith-enabled=false")
	for _, resource := range []string{"d", "e"} {
		if at := settled(t, ctx, f, resource); at == "" {
			t.Errorf("%s does not run", resource)
		}
	}
}
