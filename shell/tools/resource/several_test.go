package resource

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// several holds a resource with sets for several cases, one that wants to be with it, clones of both kinds and a group.
const several = `<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config/><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources>
<template id="tpl" class="ocf" provider="pacemaker" type="Dummy"><instance_attributes id="tpl-i"><nvpair id="tpl-i-f" name="fake" value="t"/></instance_attributes></template>
<primitive id="t1" template="tpl"/>
<primitive id="a" class="ocf" provider="pacemaker" type="Dummy"><instance_attributes id="a-i"><nvpair id="a-i-f" name="fake" value="x"/></instance_attributes>
<instance_attributes id="a-i2"><nvpair id="a-i2-f" name="fake" value="y"/><rule id="a-i2-r" score="INFINITY"><expression id="a-i2-e" attribute="#uname" operation="eq" value="n1"/></rule></instance_attributes></primitive>
<group id="g"><primitive id="g1" class="ocf" provider="pacemaker" type="Dummy"/></group>
<clone id="k"><primitive id="c" class="ocf" provider="pacemaker" type="Dummy"/></clone>
<clone id="w"><meta_attributes id="w-m"><nvpair id="w-u" name="globally-unique" value="true"/></meta_attributes><primitive id="u" class="ocf" provider="pacemaker" type="Dummy"/></clone>
<bundle id="b"><podman image="i"/><network control-port="9"/><primitive id="in" class="ocf" provider="pacemaker" type="Dummy"/></bundle>
</resources><constraints><rsc_colocation id="co" rsc="t1" with-rsc="a" score="10"/></constraints></configuration><status>
<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources>
<lrm_resource id="c" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="c_last_0" operation_key="c_start_0" operation="start" call-id="3" rc-code="0" op-status="0" interval="0" last-rc-change="1767600000" transition-key="5:1:0:a" transition-magic="0:0;5:1:0:a"/></lrm_resource>
<lrm_resource id="gone" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="gone_last_0" operation_key="gone_start_0" operation="start" call-id="4" rc-code="0" op-status="0" interval="0" last-rc-change="1767600000" transition-key="6:1:0:a" transition-magic="0:0;6:1:0:a"/></lrm_resource>
</lrm_resources></lrm></node_state><node_state id="2" uname="n2" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="2"><lrm_resources>
<lrm_resource id="c" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="c_last_0b" operation_key="c_start_0" operation="start" call-id="3" rc-code="0" op-status="0" interval="0" last-rc-change="1767600000" transition-key="7:1:0:a" transition-magic="0:0;7:1:0:a"/></lrm_resource>
</lrm_resources></lrm></node_state></status></cib>`

// What crm_resource 2.1.5 makes of names that are there several times, of clones and of what nobody configured.
func TestSeveralAsPacemaker(t *testing.T) {
	const both = "Multiple attributes match name=fake\n  Value: x \t(id=a-i-f)\n  Value: y \t(id=a-i2-f)\n"
	for _, c := range []struct {
		args   string
		status int
		want   string
		left   string // what stands in the document then
	}{
		{"-p fake -v z -r a", 109, both + "\n" + both, `value="x"`},
		{"-p fake -v z -r a -s a-i2", 0, both + "\nSet 'a' option: id=a-i2-f set=a-i2 name=fake value=z\n", `id="a-i2-f" name="fake" value="z"`},
		{"-p fake -v z -r a -i a-i-f", 0, "Set 'a' option: id=a-i-f name=fake value=z\n", `id="a-i-f" name="fake" value="z"`},
		{"-d fake -r a", 109, both, `value="x"`},
		{"-d fake -r a -s a-i", 0, both + "\nDeleted 'a' option: id=a-i-f set=a-i name=fake\n", `id="a-i2-f"`},
		{"-m -d target-role -r c", 0, "Performing delete of 'target-role' on 'k', the parent of 'c'\n", `id="k"`},
		{"-m -p is-managed -v false -r a --recursive", 0, "Set 'a' option: id=a-meta_attributes-is-managed set=a-meta_attributes name=is-managed value=false\nSet 't1' option: ", `id="t1-meta_attributes-is-managed"`},
		{"-m -d target-role -r in", 0, "Performing delete of 'target-role' on 'b-clone', the parent of 'in'\n", ""},
		{"-Y -r in --output-as=xml", 0, `<check id="b-clone"/>`, ""},
		{"-W -r k", 0, "resource k is running on: n2\nresource k is running on: n1\n", ""},
		{"-W -r u", 105, "", ""},
		{"-B -r u -N n1", 105, "", ""},
		{"-Y", 0, "Resource gone is running\n", ""},
		{"-O -r gone", 0, "exec=(null)ms): complete\n", ""},
		{"--digests -r g -N n1", 3, "", ""},
		{"--digests -r a -N n1 --output-as=xml", 0, `<parameters fake="y"/>`, ""},
		{"--digests -r a -N n2 --output-as=xml", 0, `<parameters fake="x"/>`, ""},
		{"--digests -r t1 -N n2 --output-as=xml", 0, `<parameters fake="t"/>`, ""},
	} {
		file := filepath.Join(t.TempDir(), "cib.xml")
		if err := os.WriteFile(file, []byte(several), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CIB_file", file)
		var out, problems bytes.Buffer
		status := Tool(strings.Fields(c.args), nil, &out, &problems)
		left, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if status != c.status || !strings.Contains(out.String(), c.want) || !strings.Contains(string(left), c.left) {
			t.Errorf("%s: status %d, want %d; printed, where %q was expected,\n%s%s\nand left, where %q was expected,\n%s", c.args, status, c.status, c.want, out.String(), problems.String(), c.left, left)
		}
	}
}
