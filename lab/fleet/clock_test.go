package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

const year = 365 * 24 * time.Hour

// datedConfiguration has two resources on web2. The failures of one are forgotten after an hour.
func datedConfiguration() string {
	return fmt.Sprintf(`<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes/><resources>%s<primitive id="ip" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="ip-m"><nvpair id="ip-f" name="failure-timeout" value="1h"/></meta_attributes>
<operations><op id="ip-o" name="monitor" interval="1s"/></operations></primitive></resources><constraints>
<rsc_location id="l-r" rsc="r" node="web2" score="100"/><rsc_location id="l-ip" rsc="ip" node="web2" score="100"/></constraints></configuration>`, primitive("r", "pacemaker", "Dummy"))
}

// A host whose wall clock is a year off joins, and one whose clock jumps by a year while it runs stays: certificates are good, nothing is
// started or stopped for it, what was confirmed is there, and all know which clock is wrong.
func TestHostWhoseClockIsAYearOff(t *testing.T) {
	ctx, f := startPatient(t)
	leader := f.Leader(ctx)
	wrong := clockOf(t, f, leader) // while there is nothing to lose
	must(t, f.Load(ctx, "web2", datedConfiguration()))
	must(t, f.Client("web2").Wait(ctx, ctxLeft(ctx)))
	mustRun(t, f, "web2", "", "crm_resource", "--fail", "-r", "ip", "-N", active(t, ctx, f, "ip"))
	shown(t, ctx, f, "web2", []string{"fail-count=1"}, "crm_mon", "-1", "--failcounts")
	must(t, f.Client("web2").Wait(ctx, ctxLeft(ctx)))
	begun := []string{"ip start", "ip start", "ip stop", "r start"} // ip failed once
	must(t, until(ctx, func() error {
		if got := starts(f); !slices.Equal(got, begun) {
			return fmt.Errorf("begun: %v", got)
		}
		return nil
	}))
	told := func(words ...string) {
		t.Helper()
		must(t, until(ctx, func() error {
			for _, e := range f.Events().Since(0) {
				if e.Kind == client.Problem && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(e.Detail, w) }) {
					return nil
				}
			}
			return fmt.Errorf("nobody tells of a problem: %q", words)
		}))
	}
	load := startWriting(ctx, f)
	goesOn := func(what string) {
		t.Helper()
		had := load.count()
		must(t, until(ctx, func() error {
			if now := load.count(); now < had+10 {
				return fmt.Errorf("%d changes were confirmed after %s", now-had, what)
			}
			return nil
		}))
		must(t, f.Ready(ctx))
	}
	for _, jump := range []struct {
		to   time.Duration
		told string
	}{{year, "8760h0m0s ahead"}, {-year, "17520h0m0s behind"}, {0, "8760h0m0s ahead"}} {
		wrong.set(t, jump.to)
		told("the wall clock of " + leader + " was set " + jump.told)
		goesOn("a clock jumped to " + jump.to.String())
	}

	joins := "web1" // or another that runs nothing
	if joins == leader {
		joins = "web3"
	}
	beginsLate(ctx, t, f, joins)
	must(t, f.Ready(ctx))
	goesOn("a host with a late clock joined")
	told("the wall clocks of", joins, "differ")

	load.endsKept(ctx, t, f)
	if got := starts(f); !slices.Equal(got, begun) {
		t.Errorf("begun by the end: %v, want %v", got, begun)
	}
}

// starts are the starts and stops of resources so far, sorted.
func starts(f *Fleet) (all []string) {
	for _, e := range f.Events().Since(0) {
		if e.Kind == client.ActionFinished && (e.Action == "start" || e.Action == "stop") {
			all = append(all, e.Subject+" "+e.Action)
		}
	}
	slices.Sort(all)
	return all
}

// startPatient starts hosts none of which is taken for lost on a busy machine, which would restart something: their token is long.
func startPatient(t *testing.T) (context.Context, *Fleet) {
	t.Helper()
	return startAs(t, 3*time.Minute, Config{Hosts: lab.Names("web", 3), Totem: "\ttoken: 30000\n"})
}

// beginsLate has the daemon of a host begin anew, alone, with a clock that is a year behind, and joins it to the others.
func beginsLate(ctx context.Context, t *testing.T, f *Fleet, joins string) {
	t.Helper()
	_, err := f.Host(joins).Cut(lab.AllLinks)
	must(t, err)
	mustRun(t, f, joins, "", "pkill", "-KILL", "-f", "^holdfast node")
	_, err = f.Host(joins).Start(lab.Process{Command: lab.Command{Args: []string{"sh", "-c", "exec holdfast node >>/var/log/boot.log 2>&1"}, Detach: true}})
	must(t, err)
	must(t, until(ctx, func() error {
		_, err := f.Client(joins).Status(ctx)
		return err
	}))
	clockOf(t, f, joins).set(t, -year)
	must(t, f.Host(joins).Heal(lab.AllLinks))
}
