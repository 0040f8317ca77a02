package pcs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const twoResources = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.7"><configuration><crm_config/><nodes/><resources>
<primitive id="d" class="ocf" provider="pacemaker" type="Dummy"/><primitive id="e" class="ocf" provider="pacemaker" type="Dummy"/>
</resources><constraints/></configuration><status/></cib>`

// on runs pcs commands on a document, and returns what the last one printed and the document.
func on(t *testing.T, document string, commands ...string) (stdout, after string, status int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	for i, c := range commands {
		out.Reset()
		if status = Run(append([]string{"-f", path}, strings.Fields(c)...), nil, &out, &errs); status != 0 && i < len(commands)-1 {
			t.Fatalf("%s: %s", c, errs.String())
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), string(text), status
}

func TestFamilies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		commands []string
		status   int
		stdout   string   // of the last command
		document []string // what stands in it
	}{
		{"roles and users", []string{"acl role create r read id d write xpath //nodes", "acl user create u r", "acl"}, 0,
			"ACLs are disabled, run 'pcs acl enable' to enable\n\nUser: u\n  Roles: r\nRole: r\n  Permission: read id d (r-read)\n  Permission: write xpath //nodes (r-write)\n",
			[]string{`<acl_permission id="r-read" kind="read" reference="d"/>`}},
		{"a role for nobody known", []string{"acl role create r", "acl role assign r to user nobody"}, 1, "", nil},
		{"a tag moves its members", []string{"tag create t d e", "tag update t add e --before d", "tag"}, 0, "t\n  e\n  d\n", nil},
		{"a tag of nothing", []string{"tag create t nothing"}, 1, "", nil},
		{"an alert", []string{"alert create path=/bin/a options x=1 meta timeout=5s", "alert recipient add alert value=w", "alert"}, 0,
			"Alerts:\n Alert: alert (path=/bin/a)\n  Options: x=1\n  Meta options: timeout=5s\n  Recipients:\n   Recipient: alert-recipient (value=w)\n", nil},
		{"the same recipient again", []string{"alert create path=/bin/a", "alert recipient add alert value=w", "alert recipient add alert value=w"}, 1, "", nil},
		{"a bundle", []string{"resource bundle create b container podman image=i network control-port=99 port-map port=80", "resource bundle update b container replicas=2 port-map add port=81"}, 0, "",
			[]string{`<podman image="i" replicas="2"/>`, `<port-mapping id="b-port-map-80" port="80"/>`, `<port-mapping id="b-port-map-81" port="81"/>`}},
		{"the kind of an order is in its id", []string{"constraint order d then e kind=Optional"}, 0, "", []string{`id="order-d-e-Optional"`}},
		{"a kind in small letters", []string{"constraint order d then e kind=optional"}, 1, "", nil},
		{"constraints of a resource by id", []string{"constraint order d then e id=z", "constraint colocation add d with e id=a", "constraint ref d"}, 0, "Resource: d\n  a\n  z\n", nil},
		{"a bundle of no image", []string{"resource bundle create b container podman"}, 1, "", nil},
		{"a guest node", []string{"cluster node add-guest g d remote-addr=a"}, 0, "", []string{`name="remote-node" value="g"`}},
		{"a guest's name taken", []string{"cluster node add-guest g d remote-addr=a", "cluster node add-guest h e remote-addr=a"}, 1, "", nil},
		{"a guest node ends", []string{"cluster node add-guest g d", "cluster node remove-guest g"}, 0, "", []string{`<meta_attributes id="d-meta_attributes"/>`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stdout, after, status := on(t, twoResources, c.commands...)
			if status != c.status || c.stdout != "" && stdout != c.stdout {
				t.Errorf("status %d, want %d; printed\n%s, want\n%s", status, c.status, stdout, c.stdout)
			}
			for _, want := range c.document {
				if !strings.Contains(after, want) {
					t.Errorf("no %s in\n%s", want, after)
				}
			}
			if c.status != 0 && len(c.commands) == 1 && after != twoResources {
				t.Errorf("a refused command changed the document:\n%s", after)
			}
		})
	}
}

func TestBooth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := []string{"--booth-conf=" + dir + "/b.conf", "--booth-key=" + dir + "/b.key"}
	for _, c := range []struct {
		call   string
		status int
	}{
		{"booth setup sites 192.0.2.1 192.0.2.2", 1},
		{"booth setup sites 192.0.2.1 192.0.2.2 arbitrators 192.0.2.3", 0},
		{"booth ticket add db expire=300", 0},
		{"booth ticket add db", 1},
		{"booth ticket add other site=x", 1},
		{"booth ticket remove nothing", 1},
	} {
		var stderr strings.Builder
		if status := Run(append(strings.Fields(c.call), files...), nil, &strings.Builder{}, &stderr); status != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.call, status, c.status, stderr.String())
		}
	}
	text, err := os.ReadFile(dir + "/b.conf")
	want := "authfile = " + dir + "/b.key\nsite = 192.0.2.1\nsite = 192.0.2.2\narbitrator = 192.0.2.3\nticket = \"db\"\n  expire = 300\n"
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s, want\n%s", err, text, want)
	}
	if info, err := os.Stat(dir + "/b.key"); err != nil || info.Mode().Perm() != 0o600 || info.Size() != boothKeyBytes {
		t.Errorf("the key: %v %v", info, err)
	}
}
