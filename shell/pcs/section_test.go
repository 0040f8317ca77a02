package pcs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSectionsOfTheDocument(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "section.xml")
	shown, before, _ := on(t, threeNodes, "resource create A ocf:heartbeat:Dummy --force", "cluster cib scope=resources")
	if !strings.HasPrefix(shown, "<resources>") || !strings.Contains(shown, `id="A"`) {
		t.Errorf("scope=resources printed\n%s", shown)
	}
	if err := os.WriteFile(file, []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	_, after, status := on(t, threeNodes, "cluster cib-push "+file+" scope=resources")
	if _, want, _ := strings.Cut(before, "<resources>"); status != 0 || !strings.HasSuffix(after, want) {
		t.Errorf("status %d: the section that was pushed made\n%s\nof\n%s", status, after, before)
	}
	for _, call := range []string{
		"cluster cib-push " + file + " scope=constraints", "cluster cib-push " + file + " scope=nothing", "cluster cib scope=nothing",
		"cluster cib --config scope=resources", "cluster cib a b", "cluster cib-upgrade now",
	} {
		if _, _, status := on(t, threeNodes, call); status == 0 {
			t.Errorf("pcs %s was taken", call)
		}
	}
	_, after, status = on(t, threeNodes, "cluster cib-upgrade")
	if status != 0 || !strings.Contains(after, `validate-with="pacemaker-3.9"`) {
		t.Errorf("cib-upgrade: status %d, left\n%.300s", status, after)
	}
	// A user's name is no id: it may be that of a resource.
	if _, _, status := on(t, threeNodes, "resource create A ocf:heartbeat:Dummy --force", "acl user create A"); status != 0 {
		t.Error("a user cannot be called as a resource is")
	}
}

func TestQuorumOptionsThatExclude(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call string
		fine bool
	}{
		{"quorum update last_man_standing_window=5000", false},
		{"quorum update last_man_standing=1 last_man_standing_window=5000", true},
		{"quorum device add model net host=q algorithm=lms tie_breaker=9", false},
		{"quorum device add model net host=q algorithm=lms tie_breaker=lowest", true},
		{"quorum device add model net host=q algorithm=lms heuristics", false},
		{"quorum device add model net host=q algorithm=lms heuristics exec_a.b=c", false},
		{"cluster setup a/b h addr=127.0.0.1 --overwrite", false},
		{"cluster setup ab h addr=127.0.0.1 --overwrite --start", false},
		{"cluster setup ab h addr=127.0.0.1 i addr=::1 --overwrite", false},
		{"cluster setup ab h addr=127.0.0.1 transport knet link ping_interval=100 --overwrite", false},
		{"cluster setup ab h addr=127.0.0.1 transport knet link ping_interval=100 ping_timeout=200 --overwrite", true},
	} {
		path := filepath.Join(t.TempDir(), "corosync.conf")
		text := "totem {\n version: 2\n transport: knet\n}\nnodelist {\n node {\n  ring0_addr: 127.0.0.1\n  name: h\n  nodeid: 1\n }\n}\nquorum {\n provider: corosync_votequorum\n}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		if status := Run(append([]string{"--corosync_conf", path}, strings.Fields(c.call)...), nil, &out, &errs); (status == 0) != c.fine {
			t.Errorf("pcs %s: status %d: %s", c.call, status, errs.String())
		}
	}
}
