package controller

import (
	"fmt"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
)

// TestLostHostsGetTimeToStop: without fencing nothing else makes sure that a host which has lost the
// quorum has stopped what is about to be started elsewhere.
func TestLostHostsGetTimeToStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options string
		waits   bool
	}{
		{`<nvpair id="f" name="stonith-enabled" value="false"/>`, true},
		{`<nvpair id="f" name="stonith-enabled" value="false"/><nvpair id="q" name="no-quorum-policy" value="freeze"/>`, false},
		{`<nvpair id="f" name="stonith-enabled" value="true"/>`, false},
		{``, false},
	} {
		s := newStage(t)
		options, err := cib.ParseElement("", []byte(fmt.Sprintf(`<cib><configuration><crm_config><cluster_property_set id="o">%s</cluster_property_set></crm_config></configuration></cib>`, c.options)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.doc.Apply(cib.Request{Op: cib.OpModify, Input: options, AllowCreate: true, SkipSchema: true}, cib.Cause{}); err != nil {
			t.Fatal(err)
		}
		s.step(Viewed{allOfView(4)})
		for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
			s.synced(host, boot)
		}
		v := allOfView(5)
		v.Members, v.Boots, v.Lost = v.Members[:2], v.Boots[:2], []core.HostID{3}
		before := s.asked
		s.step(Viewed{v})
		if waits := s.asked == before; waits != c.waits {
			t.Errorf("with %q it waits: %t, want %t", c.options, waits, c.waits)
		}
		if c.waits {
			if s.c.Next() != s.now.Add(stopTime) {
				t.Errorf("it goes on at %s, now is %s", s.c.Next(), s.now)
			}
			s.now = s.now.Add(stopTime)
			s.step(Nothing{})
		}
		if s.asked == before {
			t.Errorf("with %q the hosts that are left do not go on", c.options)
		}
	}
}
