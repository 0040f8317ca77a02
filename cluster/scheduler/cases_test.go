package scheduler_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
)

// publishedCases returns the published cases, which are kept beside the module.
func publishedCases(t *testing.T) []string {
	t.Helper()
	names, _ := filepath.Glob("../../../shared/scheduler-cases/xml/*.xml")
	if len(names) == 0 {
		t.Skip("the published scheduler cases are not beside this module (../shared/scheduler-cases)")
	}
	return names
}

// The same document and time give the same plan, byte for byte, and reading does not change it.
func TestPlansAreDeterministic(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_600_000_000, 0)
	for i, name := range publishedCases(t) {
		if i%10 != 0 {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := cib.Parse(name, text)
		if err != nil {
			t.Fatal(err)
		}
		before := doc.Bytes()
		want := drawn(t, scheduler.Make(doc, now))
		for range 3 {
			if got := drawn(t, scheduler.Make(doc, now)); got != want {
				t.Errorf("%s: two plans for one document differ", filepath.Base(name))
				break
			}
		}
		if !bytes.Equal(before, doc.Bytes()) {
			t.Errorf("%s: planning changed the document", filepath.Base(name))
		}
	}
}

func drawn(t *testing.T, p *scheduler.Plan) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteXML(&b); err != nil {
		t.Fatal(err)
	}
	for _, m := range p.Moves {
		b.WriteString(m.Text + "\n")
	}
	return b.String()
}

const twoHosts = `<cib have-quorum="true"><configuration>
<crm_config><cluster_property_set id="o"><nvpair id="s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="web1"/><node id="2" uname="web2"/></nodes>
<resources><group id="WebApp">
<primitive id="AppIP" class="ocf" provider="heartbeat" type="IPaddr2"/>
<primitive id="AppWebServer" class="ocf" provider="heartbeat" type="apache"/></group></resources>
<constraints>CONSTRAINTS</constraints></configuration><status>
<node_state id="1" uname="web1" in_ccm="true" crmd="online" join="member" expected="member"/>
<node_state id="2" uname="web2" in_ccm="true" crmd="online" join="member" expected="member"/>
</status></cib>`

func TestGroupGoesWhereItsLocationSays(t *testing.T) {
	t.Parallel()
	for constraint, want := range map[string]string{
		"": "web1",
		`<rsc_location id="l" rsc="WebApp" node="web2" score="100"/>`:       "web2",
		`<rsc_location id="l" rsc="WebApp" node="web1" score="-INFINITY"/>`: "web2",
	} {
		doc, err := cib.Parse("case.xml", []byte(strings.Replace(twoHosts, "CONSTRAINTS", constraint, 1)))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range scheduler.Make(doc, time.Unix(1_600_000_000, 0)).Placements() {
			if p.Node != want {
				t.Errorf("with %q: %s placed on %q, want %q", constraint, p.Resource, p.Node, want)
			}
		}
	}
}
