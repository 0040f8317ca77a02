package cib

import (
	"errors"
	"testing"
)

// What cibadmin is asked for and cannot do, and what it does although it looks odd: as Pacemaker answers.
func TestOddRequests(t *testing.T) {
	t.Parallel()
	const text = `<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config/><nodes/><resources>` +
		`<primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/><primitive id="b" class="ocf" provider="pacemaker" type="Dummy"/>` +
		`</resources><constraints/></configuration><status/></cib>`
	for name, c := range map[string]struct {
		request Request
		input   string
		want    error
		last    string // id of the last resource afterwards, "" for b
		changed bool
	}{
		"modify below a path":         {Request{Op: OpModify, XPath: "//resources"}, `<primitive id="a" description="x"/>`, nil, "", true},
		"modify beside a path":        {Request{Op: OpModify, XPath: `//primitive[@id="b"]`}, `<primitive id="a" description="x"/>`, ErrNotFound, "", false},
		"replace by path":             {Request{Op: OpReplace, XPath: `//primitive[@id="a"]`}, `<primitive id="c" class="ocf" provider="pacemaker" type="Stateful"/>`, nil, "c", true},
		"create in a missing section": {Request{Op: OpCreate, Section: "tags"}, `<tag id="t"/>`, ErrUnfit, "", false},
		"delete a section":            {Request{Op: OpDelete, Section: "configuration"}, `<constraints/>`, ErrSchema, "", false},
		"delete where one is":         {Request{Op: OpDelete, Section: "resources"}, `<resources/>`, nil, "", false},
		"delete the document":         {Request{Op: OpDelete}, `<cib/>`, nil, "", false},
		"delete the root by path":     {Request{Op: OpDelete, XPath: "/cib"}, ``, ErrUnfit, "", false},
		"patch of nothing":            {Request{Op: OpPatch, Section: "nodes"}, `<bogus/>`, nil, "", false},
		"patch of another format":     {Request{Op: OpPatch}, `<diff format="3"/>`, ErrUnfit, "", false},
		"patch of an old format":      {Request{Op: OpPatch}, `<diff format="1"><diff-removed/></diff>`, ErrInput, "", false},
		"part of another document":    {Request{Op: OpModify, Section: "tags"}, `<cib/>`, ErrUnfit, "", false},
		"unknown attribute":           {Request{Op: OpModify, Section: "resources"}, `<primitive id="a" colour="red"/>`, ErrSchema, "", false},
		"pair in a pair":              {Request{Op: OpCreate, Section: "crm_config"}, `<cluster_property_set id="s"><nvpair id="n" name="x" value="y"><nvpair id="m"/></nvpair></cluster_property_set>`, ErrSchema, "", false},
	} {
		doc, err := Parse("cib.xml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if c.input != "" {
			input, err := Parse("input", []byte(c.input))
			if err != nil {
				t.Fatal(err)
			}
			c.request.Input = input.Root
		}
		result, err := doc.Apply(c.request, Cause{})
		if !errors.Is(err, c.want) || err == nil && result.Changed() != c.changed {
			t.Errorf("%s: %v, changed %v", name, err, result.Changed())
		}
		if c.last == "" {
			c.last = "b"
		}
		if resources := doc.Section("resources").Children; resources[len(resources)-1].ID() != c.last {
			t.Errorf("%s: the last resource is %s", name, resources[len(resources)-1])
		}
	}
}

func TestMendTheEnd(t *testing.T) {
	t.Parallel()
	root, flaws, err := Mend("input", []byte(`<a><primitive id="q" `))
	if err != nil || len(flaws) == 0 || root.Compact() != `<a><primitive id="q"/></a>` {
		t.Errorf("%v, %v, %v", root, flaws, err)
	}
	if root, _, err := Mend("input", []byte(`text<primitive id="q"/>`)); err == nil {
		t.Errorf("text before the root was read as %v", root)
	}
}
