package cib

import "testing"

func TestValidateFindsReferencesToNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, resources, further string
		problems                 int
	}{
		{"a constraint", ``, `<constraints><rsc_location id="l" rsc="a" node="n" score="1"/></constraints>`, 0},
		{"a constraint of nothing", ``, `<constraints><rsc_location id="l" rsc="x" node="n" score="1"/></constraints>`, 1},
		{"both ends", ``, `<constraints><rsc_order id="o" first="x" then="y"/></constraints>`, 2},
		{"a set", ``, `<constraints><rsc_order id="o"><resource_set id="s"><resource_ref id="a"/><resource_ref id="x"/></resource_set></rsc_order></constraints>`, 1},
		{"a template", `<primitive id="b" template="t"/>`, `<constraints/>`, 1},
		{"a tag in a constraint", ``, `<constraints><rsc_location id="l" rsc="t" node="n" score="1"/></constraints><tags><tag id="t"><obj_ref id="a"/></tag></tags>`, 0},
		{"a tag of nothing", ``, `<constraints/><tags><tag id="t"><obj_ref id="x"/></tag></tags>`, 0},
		{"a user's role", ``, `<constraints/><acls><acl_target id="u"><role id="r"/></acl_target><acl_role id="r"/></acls>`, 0},
		{"a role that is not there", ``, `<constraints/><acls><acl_target id="u"><role id="r"/></acl_target></acls>`, 1},
		{"attributes of another", `<primitive id="b" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id-ref="m"/></primitive>`, `<constraints/>`, 1},
		{"a host is no object", ``, `<constraints><rsc_location id="l" rsc="1" node="n" score="1"/></constraints>`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc, err := Parse("cib.xml", []byte(`<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.7"><configuration><crm_config/>`+
				`<nodes><node id="1" uname="n"/></nodes><resources><primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/>`+c.resources+
				`</resources>`+c.further+`</configuration><status/></cib>`))
			if err != nil {
				t.Fatal(err)
			}
			if problems := doc.Validate(); len(problems) != c.problems {
				t.Errorf("%d problems, want %d: %v", len(problems), c.problems, problems)
			}
		})
	}
}
