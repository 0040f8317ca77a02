package pcs

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cloned holds a clone, a bundle, a fence device, a group and a resource of each of two kinds.
const cloned = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration><crm_config/><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources>
<primitive id="d" class="ocf" provider="pacemaker" type="Dummy"><operations><op id="d-m" name="monitor" interval="10s"/></operations></primitive>
<primitive id="e" class="ocf" provider="pacemaker" type="Dummy"/>
<primitive id="gone" class="ocf" provider="heartbeat" type="Gone"/>
<primitive id="f" class="stonith" type="fence_apc"/>
<clone id="c-clone"><primitive id="c" class="ocf" provider="pacemaker" type="Dummy"/></clone>
<clone id="pr-clone"><meta_attributes id="pr-clone-m"><nvpair id="pr-clone-m-p" name="promotable" value="true"/></meta_attributes><primitive id="pr" class="ocf" provider="pacemaker" type="Stateful"/></clone>
<bundle id="b"><podman image="i" masters="1"/><network control-port="9"/><primitive id="in-b" class="ocf" provider="pacemaker" type="Dummy"/></bundle>
</resources><constraints><rsc_location id="l" rsc="d" node="n1" score="5"/><rsc_location id="cli-ban-e-on-n1" rsc="e" role="Started" node="n1" score="-INFINITY"/></constraints><tags><tag id="t"><obj_ref id="d"/><obj_ref id="e"/></tag></tags><alerts><alert id="al" path="/x"/></alerts>
<rsc_defaults><meta_attributes id="ds"><nvpair id="ds-a" name="a" value="1"/></meta_attributes></rsc_defaults></configuration><status>
<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources><lrm_resource id="pr" class="ocf" provider="pacemaker" type="Stateful"><lrm_rsc_op id="pr_1" operation_key="pr_promote_0" operation="promote" call-id="3" rc-code="0" op-status="0" interval="0" transition-key="1:1:0:a" transition-magic="0:0;1:1:0:a"/></lrm_resource></lrm_resources></lrm></node_state>
<node_state id="2" uname="n2" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="2"><lrm_resources><lrm_resource id="pr" class="ocf" provider="pacemaker" type="Stateful"><lrm_rsc_op id="pr_2" operation_key="pr_start_0" operation="start" call-id="3" rc-code="0" op-status="0" interval="0" transition-key="2:1:0:a" transition-magic="0:0;2:1:0:a"/></lrm_resource></lrm_resources></lrm></node_state></status></cib>`

// TestWhatCommandsAccept: which words a command takes and which it refuses are those of pcs 0.11.5, on whose calls they were seen.
func TestWhatCommandsAccept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command  string
		status   int
		document string // what stands in it afterwards, or after "!" what does not
	}{
		// Times that are none: kept, with a warning.
		{"resource create x ocf:pacemaker:Dummy --force op monitor interval=5x timeout=abc", 0, `interval="5x" name="monitor" timeout="abc"`},
		{"resource create x ocf:pacemaker:Dummy op monitor interval=5s name=start", 1, `!id="x"`},
		{"resource create ä ocf:pacemaker:Dummy", 1, `!ä`},
		// Operations that the schema does not allow.
		{"resource op add d notify foo=3 --force", 1, `!foo=`},
		{"resource op add d notify enabled=x", 1, `!enabled`},
		{"resource op add d notify enabled=true", 0, `enabled="true"`},
		{"resource op add d notify interval-origin=2 start-delay=3", 1, `!start-delay`},
		// A role is spelt as today, with --force as it was given.
		{"resource op add d monitor interval=5s role=Master", 0, `role="Promoted"`},
		{"resource op add d monitor interval=5s role=Master --force", 0, `role="Master"`},
		{"constraint colocation add d with e rsc-role=Slave", 0, `rsc-role="Slave"`},
		{"constraint colocation add Promoted d with e rsc-role=Slave", 0, `rsc-role="Slave"`},
		{"constraint colocation add d with e rsc-role=other", 1, `!rsc_colocation`},
		// An agent that is not installed, whatever of the resource is changed.
		{"resource update gone meta priority=5", 1, `!priority`},
		{"resource update gone meta priority=5 --force", 0, `name="priority"`},
		{"resource meta gone priority=5", 0, `name="priority"`},
		{"resource update d meta remote-node=", 1, ``},
		{"resource clone f", 1, `!f-clone`},
		{"resource clone f --force", 0, `<clone id="f-clone">`},
		{"constraint order d then e score=high", 1, `!rsc_order`},
		{"constraint order d then e score=7", 0, `score="7"`},
		{"constraint location remove l l", 1, `id="l"`},
		{"constraint location remove l", 0, `!id="l"`},
		// The same thing twice.
		{"tag update t remove d d", 1, `<obj_ref id="d"/>`},
		{"alert remove al al", 1, `<alert`},
		{"resource defaults set remove ds ds", 0, `!id="ds"`},
		// Moves.
		{"resource move-with-constraint pr n1", 1, `!cli-prefer`},
		{"resource move-with-constraint pr-clone n1", 0, `cli-prefer-pr-clone`},
		{"resource move-with-constraint in-b n1", 0, `cli-prefer-in-b`},
		{"resource move-with-constraint b n1", 1, `!cli-prefer`},
		{"stonith enable d", 0, ``},
		{"stonith enable nothing", 1, ``},
		// A word too many.
		{"stonith level verify x", 1, ``},
		{"status cluster x", 1, ``},
		{"status xml x", 1, ``},
		{"resource group list x", 1, ``},
		{"resource relocate clear x", 1, ``},
		{"cluster cib colour=red", 1, ``},
		// --force stands only where there is something to force.
		{"resource group add g d --force", 1, `!<group`},
		{"tag create u d --force", 1, `!id="u"`},
		{"acl role create r --force", 1, `!acl_role`},
		{"constraint location c prefers n1 --force", 0, `rsc="c"`},
		{"constraint order c then d --force", 0, `first="c"`},
		{"resource defaults update k=b --force", 0, `name="k"`},
	} {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			_, document, status := on(t, cloned, c.command)
			word, unwanted := strings.CutPrefix(c.document, "!")
			if status != c.status || strings.Contains(document, word) == unwanted {
				t.Errorf("status %d, want %d; %q in it: %t\n%s", status, c.status, word, !unwanted, document)
			}
		})
	}
}

func TestShownAsItIsGivenAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, want string }{
		{"resource config b", "promoted-max=1"},
		{"resource config b --output-format=cmd", "promoted-max=1"},
	} {
		if out, _, status := on(t, cloned, c.command); status != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: status %d, without %s\n%s", c.command, status, c.want, out)
		}
	}
	path := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(path, []byte(cloned), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	Run([]string{"-f", path, "resource", "meta", "d", "two words=3"}, nil, io.Discard, io.Discard)
	if Run([]string{"-f", path, "resource", "config", "d"}, nil, &out, io.Discard); !strings.Contains(out.String(), `"two words"=3`) {
		t.Errorf("a name of two words:\n%s", out.String())
	}
}

// TestFileIsMadeBeforeItIsLookedAt: -f names a file that comes to be, unless the words of the call do not fit.
func TestFileIsMadeBeforeItIsLookedAt(t *testing.T) {
	t.Parallel()
	for command, made := range map[string]bool{
		"resource config":                  true,
		"resource delete nothing":          true,
		"resource create x ocf:a:b":        true,
		"resource create x":                false,
		"resource group add g x --force":   false,
		"resource delete nothing --simple": false,
	} {
		path := filepath.Join(t.TempDir(), "cib.xml")
		Run(append([]string{"-f", path}, strings.Fields(command)...), nil, io.Discard, io.Discard)
		if _, err := os.Stat(path); (err == nil) != made {
			t.Errorf("%s: %v, made should be %t", command, err, made)
		}
	}
}
