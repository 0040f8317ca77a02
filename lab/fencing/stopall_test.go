package fencing

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"holdfast/lab"
	"holdfast/lab/fleet"
)

// TestWholeClusterStopsWithoutResets: when all hosts are stopped at once the last ones have no quorum any more, while others
// would count on their watchdogs; yet they stop what they run in peace, and disarm.
func TestWholeClusterStopsWithoutResets(t *testing.T) {
	t.Parallel()
	for _, hosts := range []int{2, 3, 5} {
		t.Run(fmt.Sprint(hosts, " hosts"), func(t *testing.T) {
			t.Parallel()
			c := fleet.Config{Hosts: lab.Names("web", hosts)}
			if hosts == 2 {
				c.Quorum = "\tauto_tie_breaker: 1\n"
			}
			f := guarded(t, c)
			// As few hosts as have no quorum by themselves run something, which takes longer to stop than a watchdog waits.
			f.Program("/usr/lib/ocf/resource.d/test/clinging", `case $1 in
start) touch /run/clinging;; stop) [ ! -e /run/clinging ] || sleep 6; rm -f /run/clinging;; monitor) [ -e /run/clinging ] || exit 7;; esac`)
			slow := strings.Replace(dummy("slow", "test:clinging"), "<operations>", `<operations><op id="slow-0" name="stop" interval="0" timeout="60s"/>`, 1)
			load(f, "stonith-enabled=true stonith-watchdog-timeout=12s", `<clone id="slows"><meta_attributes id="slows-m"><nvpair id="slows-x" name="clone-max" value="`+fmt.Sprint(hosts/2)+`"/></meta_attributes>`+slow+`</clone>`)
			f.Shows("web1", []string{"Started: ["}, "crm_mon", "-1")
			boots := 0
			for _, h := range lab.Names("web", hosts) {
				boots += bootsOf(f, h)
			}
			var stops sync.WaitGroup
			for _, h := range lab.Names("web", hosts) {
				stops.Go(func() {
					if out, err := f.Try(h, "", "pcs", "cluster", "stop", "--force"); err != nil {
						t.Errorf("stop %s: %v\n%s", h, err, out)
					}
				})
			}
			stops.Wait()
			for _, h := range lab.Names("web", hosts) {
				boots -= bootsOf(f, h)
				if out, err := f.Try(h, "", "crm_mon", "-1"); err == nil {
					t.Errorf("%s is stopped, and tells of a cluster:\n%s", h, out)
				}
			}
			if boots != 0 {
				t.Errorf("%d resets while the cluster was stopped", -boots)
			}
			for _, h := range lab.Names("web", hosts) {
				f.Run(h, "", "pcs", "cluster", "start")
			}
			f.Until(func() error {
				if out, _ := f.Try("web1", "", "crm_mon", "-1"); !strings.Contains(out, "Started: [") {
					return errors.New(out)
				}
				return nil
			})
		})
	}
}
