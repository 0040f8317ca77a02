package crm

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// leftBehind are the files of a small cluster's report.
var leftBehind = map[string]string{
	"kept/alpha/pengine/pe-input-9":  leftDocument("a"),
	"kept/alpha/pengine/pe-warn-10":  leftDocument("b"),
	"kept/alpha/cib.xml":             leftDocument("b"),
	"kept/alpha/events.json":         `[{"kind":"resource-started","subject":"a","host":"alpha","time":"2026-01-31T10:00:00Z"}]`,
	"kept/description.txt":           "Date: today\n",
	"kept/ha-log.txt":                "Jan 31 10:00:00 alpha both: joined log, which the hosts' own logs have already\n",
	"kept/alpha/pacemaker.log.conf":  "not a log\n",
	"kept/beta/corosync.conf":        "totem {\n}\n",
	"kept/beta/pacemaker.log":        "Jan 31 10:00:01 beta pacemaker-execd [7] (log_finished): notice: Result of stop operation for ab on beta: ok\n",
	"kept/alpha/pacemaker.log":       leftLog,
	"kept/alpha/journal.log":         "2026-01-31T10:00:09.5+00:00 alpha pacemaker-fenced[9]: error: no device for beta\n  and a line that goes on\n",
	"kept/alpha/pe-input-nothing.md": "no input\n",
}

const leftLog = `Jan 31 10:00:00 alpha pacemaker-schedulerd[5]: notice: Calculated transition 3, saving inputs in /var/lib/pacemaker/pengine/pe-input-9.bz2
Jan 31 10:00:01 alpha pacemaker-execd [7] (log_finished): notice: Result of start operation for a on alpha: ok
Jan 31 10:00:02 alpha pacemaker-controld[6]: notice: Transition 3 (Complete=4, Pending=0, Fired=0, Skipped=1, Incomplete=0, Source=/var/lib/pacemaker/pengine/pe-input-9.bz2): Complete
Jan 31 10:00:08 alpha pacemaker-schedulerd[5]: warning: Calculated transition 4 (with warnings), saving inputs in /var/lib/pacemaker/pengine/pe-warn-10.bz2
Jan 31 10:00:08 alpha pacemaker-schedulerd[5]: warning: Cluster node beta will be fenced: peer is no longer part of the cluster
`

func leftDocument(resource string) string {
	return `<cib validate-with="pacemaker-3.7" epoch="1" num_updates="0" admin_epoch="0" update-client="crmd" update-user="root" update-origin="beta"><configuration><crm_config/>` +
		`<nodes><node id="1" uname="alpha"/><node id="2" uname="beta"/></nodes><resources><clone id="c"><primitive id="` + resource +
		`" class="ocf" provider="pacemaker" type="Dummy"/></clone></resources><constraints/></configuration><status/></cib>`
}

// leftArchive packs the report as tar; leftDirectory unpacks it.
func leftArchive(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range leftBehind {
		header := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kept.tar")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func leftDirectory(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	for name, text := range leftBehind {
		file := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(top, "kept")
}

func TestHistoryOfAReport(t *testing.T) {
	t.Parallel()
	archive, dir, elsewhere := leftArchive(t), leftDirectory(t), t.TempDir()
	for _, c := range []struct {
		script, want, not string
		status            int
	}{
		{"info", "Nodes: alpha beta\nGroups: \nClones: c\nResources: b\nTransitions: 9* 10*\n", "", 0},
		{"info", "Period: 2026-01-31 10:00:00 - 2026-01-31 10:00:09\n", "", 0},
		{"peinputs", "/alpha/pengine/pe-input-9\n", "", 0},
		{"peinputs 10:12", "/alpha/pengine/pe-warn-10\n", "pe-input-9", 0},
		{"peinputs ten", "", "", 1},
		{"peinputs v", "2026-01-31 10:00:00 10:00:02  pe-input-9    crmd       root       beta        a\n", "", 0},
		{"transitions", "2026-01-31 10:00:00 - 10:00:02: pe-input-9      alpha           a\n2026-01-31 10:00:08 - --:--:--: pe-warn-10      alpha           beta\n", "", 0},
		{"show pe-input-9", "primitive a ", "", 0},
		{"show 10", "primitive b ", "", 0},
		{"show 11", "", "", 1},
		{"diff 9 10", "-primitive a", "", 0},
		{"transition 9", "Transition Summary", "", 0},
		{"transition 9 nograph", "Transition alpha:pe-input-9 (10:00:00 - 10:00:02):\n\ttotal 5 actions: 4 Complete, 1 Skipped\nJan 31 10:00:01", "", 0},
		{"transition -1", "alpha:pe-input-9", "", 0},
		{"transition", "alpha:pe-warn-10", "", 0},
		{"transition 9 sideways", "", "", 1},
		{"transition tags 9", "a\n", "", 0},
		{"transition log 9", "saving inputs", "will be fenced", 0},
		{"resource a", "start operation for a on", "stop operation", 0},
		{"resource a", "resource-started", "", 0},
		{"node beta", "beta will be fenced", "stop operation", 0},
		{"node be.*", "beta will be fenced", "saving", 0},
		{"events", "beta will be fenced", "saving inputs", 0},
		{"log stop", "stop operation", "start operation", 0},
		{"log", "no device for beta\n  and a line that goes on\n", "joined log", 0},
		{"log beta", "stop operation", "start operation", 0},
		{"setnodes beta\nlog", "stop operation", "start operation", 0},
		{"exclude stop\nlog", "start operation", "stop operation", 0},
		{"timeframe \"2026-01-31 10:00:05\"\npeinputs", "pe-warn-10", "pe-input-9", 0},
		{"timeframe \"2026-01-31 10:00:05\"\nlog", "will be fenced", "start operation", 0},
		{"graph 9 dot " + elsewhere + "/g.dot", "", "", 0},
		{"transition save 9 tried\nup\ncib list", "tried\n", "", 0},
		{"source", "kept", "", 0},
		{"source live\nsource", "live\n", "", 0},
		{"source /nowhere", "", "", 1},
		{"source " + os.Args[0], "", "", 1},
	} {
		for _, source := range []string{archive, dir} {
			stdout, stderr, status := said(t, "history\nsource "+source+"\n"+c.script+"\n")
			if status != c.status || !strings.Contains(stdout, c.want) || c.not != "" && strings.Contains(stdout, c.not) {
				t.Errorf("%s, %s: status %d, want %q and not %q in\n%s%s", filepath.Base(source), c.script, status, c.want, c.not, stdout, stderr)
			}
		}
	}
}
