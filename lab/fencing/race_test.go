package fencing

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"holdfast/cluster/node/client"
	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// make fence-races runs 20.
var races = flag.Int("races", 1, "how often two hosts that do not hear each other fence each other")

// TestTheSideWithTheMoreImportantResourcesSurvives: two hosts that cannot hear each other each try to fence the other.
// priority-fencing-delay holds up the one that runs what matters less.
func TestTheSideWithTheMoreImportantResourcesSurvives(t *testing.T) {
	t.Parallel()
	f := fleettest.Start(t, fleet.Config{Hosts: lab.Names("web", 2), Binary: fleet.Program(), Quorum: "\ttwo_node: 1\n"})
	// So long a delay that a busy machine does not use it up.
	load(f, "stonith-enabled=true priority-fencing-delay=40s", device("power", "fence_lab", ""),
		prior("important", 10), prior("dear", 1), prior("cheap", 1), `<clone id="all">`+dummy("everywhere")+`</clone>`)
	for run := range *races {
		winner := lab.Names("web", 2)[run%2]
		loser := f.Others(winner)[0]
		for resource, host := range map[string]string{"important": winner, "dear": loser, "cheap": loser} {
			_, _ = f.Try("web1", "", "crm_resource", "--move", "-r", resource, "-N", host) // refused when it is there already
			f.Runs(resource, f.Others(host)[0])
		}
		f.Must(f.Client("web1").Wait(f.Ctx, fleettest.Patience))
		won, lost := bootsOf(f, winner), bootsOf(f, loser)
		since, err := f.Host(loser).Cut(lab.AllLinks)
		f.Must(err)
		fenced(f, since, loser)
		f.Runs("dear", loser)
		f.Must(f.Host(loser).Heal(lab.AllLinks))
		f.Must(f.Ready(f.Ctx))
		if bootsOf(f, winner) != won || bootsOf(f, loser) == lost {
			t.Errorf("run %d: %s runs what matters more, and was fenced %d times; the other %d times", run+1, winner, bootsOf(f, winner)-won, bootsOf(f, loser)-lost)
		}
		for _, resource := range []string{"important", "dear", "cheap"} {
			f.Run("web1", "", "crm_resource", "--clear", "-r", resource)
		}
	}
}

// prior is a resource that has a priority.
func prior(id string, priority int) string {
	return fmt.Sprintf(`<primitive id="%s" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="%[1]s-p"><nvpair id="%[1]s-pp" name="priority" value="%d"/></meta_attributes></primitive>`, id, priority)
}

// TestFencingOneAtATime: with concurrent-fencing=false the second host is fenced when the first has been.
func TestFencingOneAtATime(t *testing.T) {
	t.Parallel()
	f := start(t, 5)
	load(f, "stonith-enabled=true concurrent-fencing=false", device("power", "fence_lab", "pcmk_delay_base=1s"), dummy("d"))
	leader := leaderOf(f)
	victims := f.Others(leader)[:2]
	since := lab.Now()
	for _, host := range victims {
		_, err := f.Host(host).Kill()
		f.Must(err)
	}
	for _, host := range victims {
		fenced(f, since, host)
	}
	var order []client.Event
	for _, e := range f.Events().Since(since) {
		if e.Host == leader && (e.Kind == client.FenceStarted || e.Kind == client.Fenced) {
			order = append(order, e)
		}
	}
	slices.SortStableFunc(order, func(a, b client.Event) int { return int(a.Boottime - b.Boottime) })
	running := ""
	for _, e := range order {
		if e.Kind == client.Fenced {
			running = ""
			continue
		}
		if running != "" && running != e.Subject {
			t.Errorf("%s is begun to be fenced while %s is", e.Subject, running)
		}
		running = e.Subject
	}
	f.Must(f.Ready(f.Ctx))
}
