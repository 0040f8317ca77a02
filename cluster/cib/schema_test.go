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
		{"an option outside of a set", "<constraints/>", `<constraints/><op_defaults><nvpair id="t" name="timeout" value="9"/></op_defaults>`, `<nvpair id="t">: does not belong into <op_defaults>; expected meta_attributes`},
		{"a resource in a tag", "<constraints/>", `<constraints/><tags><tag id="t"><primitive id="x"/></tag></tags>`, `<primitive id="x">: does not belong into <tag>; expected obj_ref`},
		{"no agent", "<resources>", `<resources><primitive id="x"/>`, `<primitive id="x">: attribute class is missing; expected one of ocf, lsb`},
		{"no type", "<resources>", `<resources><primitive id="x" class="lsb"/>`, `<primitive id="x">: attribute type is missing beside class="lsb"`},
		{"no provider", "<resources>", `<resources><primitive id="x" class="ocf" type="IPaddr2"/>`, `<primitive id="x">: attribute provider is missing beside class="ocf"`},
		{"the agent of a template", "<resources>", `<resources><template id="t" class="lsb" type="d"/><primitive id="x" template="t"/>`, ""},
		{"template without an agent", "<resources>", `<resources><template id="t"/>`, `<template id="t">: attribute class is missing`},
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
