package cib

import (
	"strings"
	"testing"
)

func TestValidateNamesTheLineAndWhatIsAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, from, to, want string }{
		{"right", "", "", ""},
		{"unknown schema", "pacemaker-3.9", "pacemaker-9999.0", `test.xml:1: <cib>: validate-with="pacemaker-9999.0" names no schema`},
		{"no check", "pacemaker-3.9", "none", ""},
		{"twice the same id", `id="web"`, `id="ip"`, `test.xml:16: <primitive id="ip">: the id is taken by <primitive> of line 11`},
		{"misplaced", "<constraints/>", `<constraints><primitive id="x"/></constraints>`, `<primitive id="x">: does not belong into <constraints>; expected rsc_location`},
		{"unknown section", "<constraints/>", `<constraint/>`, `<constraint>: does not belong into <configuration>`},
		{"wrong value", "<constraints/>", `<constraints><rsc_order id="o" first="ip" first-action="break" then="web"/></constraints>`, `first-action="break": expected start, stop, promote, demote`},
		{"missing attribute", ` name="monitor"`, "", `<op id="ip-monitor">: attribute name is missing`},
		{"too new for the schema", `pacemaker-3.9`, "pacemaker-1.2\" x=\"", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			problems := mustParse(t, strings.Replace(sample, c.from, c.to, 1)).Validate()
			switch {
			case c.want == "" && len(problems) > 0:
				t.Errorf("unexpected: %v", problems)
			case c.want != "" && (len(problems) == 0 || !strings.Contains(problems[0].String(), c.want)):
				t.Errorf("got %v, want %q", problems, c.want)
			}
		})
	}
}

func BenchmarkStatusChange(b *testing.B) {
	d := New()
	resources := d.EnsureSection("resources")
	lrm := d.EnsureSection("status").Append(NewElement("node_state", "id", "1", "uname", "n1")).
		Append(NewElement("lrm", "id", "1")).Append(NewElement("lrm_resources"))
	for i := range 5000 {
		id := "r" + string(rune('a'+i%26)) + strings.Repeat("x", i/26%7) + VersionOf(NewElement("cib", "epoch", "1")).String() + Version{Epoch: i}.String()
		resources.Append(NewElement("primitive", "id", id, "class", "ocf", "provider", "heartbeat", "type", "Dummy"))
		lrm.Append(NewElement("lrm_resource", "id", id)).Append(NewElement("lrm_rsc_op", "id", id+"_last_0", "rc-code", "0"))
	}
	last := lrm.Children[4999].ID()
	input := NewElement("node_state", "id", "1")
	op := input.Append(NewElement("lrm", "id", "1")).Append(NewElement("lrm_resources")).Append(NewElement("lrm_resource", "id", last)).
		Append(NewElement("lrm_rsc_op", "id", last+"_last_0"))
	for n := 0; b.Loop(); n++ {
		op.Set("call-id", Version{Epoch: n}.String())
		if _, err := d.Apply(Request{Op: OpModify, Section: "status", Input: input, AllowCreate: true}, Cause{}); err != nil {
			b.Fatal(err)
		}
	}
}
