package pcs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
	"holdfast/shell/source"
)

// guarded are three hosts, one of them off, and fence devices of which scsi runs.
const guarded = `option stonith-enabled=true
defaults resource-stickiness=100
node n1 n2
node n3 offline
primitive scsi stonith:fence_scsi params devices=/dev/a,/dev/b op monitor interval=60s
primitive mpath stonith:fence_mpath params devices=/dev/a meta target-role=Stopped
primitive bare stonith:fence_scsi
primitive power stonith:fence_ipmilan
primitive web
run scsi n1
run bare n1
run power n1
run web n2
`

// guardedSession is a session on that cluster, in a file.
func guardedSession(t *testing.T) (s *session, printed *bytes.Buffer) {
	t.Helper()
	doc, err := scenario.Parse("guarded", guarded)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(path, doc.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	printed = &bytes.Buffer{}
	s = &session{opts: options{"f": path}, stdout: printed, stderr: printed, now: scenario.Start}
	if err := s.load(); err != nil {
		t.Fatal(err)
	}
	return s, printed
}

func TestDisksOfAFenceDevice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words        string
		after, fresh string
		refused      string // part of what is said
	}{
		{words: "scsi set /dev/c", after: "/dev/c", fresh: "/dev/c"},
		{words: "scsi set /dev/b /dev/c /dev/b", after: "/dev/b,/dev/c", fresh: "/dev/c"},
		{words: "scsi set /dev/b", after: "/dev/b"},
		{words: "scsi add /dev/c /dev/d", after: "/dev/a,/dev/b,/dev/c,/dev/d", fresh: "/dev/c,/dev/d"},
		{words: "scsi add /dev/c remove /dev/a", after: "/dev/b,/dev/c", fresh: "/dev/c"},
		{words: "scsi remove /dev/a", after: "/dev/b"},
		{words: "scsi", refused: "'set', 'add' or 'remove' was expected"},
		{words: "scsi /dev/c", refused: "'set', 'add' or 'remove' was expected"},
		{words: "scsi /dev/c add /dev/d", refused: "'set', 'add' or 'remove' was expected"},
		{words: "scsi set", refused: "no device follows 'set'"},
		{words: "scsi add /dev/c remove", refused: "no device follows 'remove'"},
		{words: "scsi add /dev/c add /dev/d", refused: "'add' stands twice"},
		{words: "scsi set /dev/c add /dev/d", refused: "'add' and 'remove' cannot stand beside it"},
		{words: "scsi remove /dev/a /dev/b", refused: "all devices cannot be removed"},
		{words: "scsi add /dev/c remove /dev/c", refused: "device '/dev/c' cannot be added and removed at once"},
		{words: "scsi add /dev/c /dev/d remove /dev/d /dev/a", refused: "device '/dev/d' cannot be added and removed at once"},
		{words: "scsi add /dev/a /dev/b", refused: "devices '/dev/a', '/dev/b' cannot be added"},
		{words: "scsi remove /dev/c", refused: "device '/dev/c' cannot be removed"},
		{words: "none set /dev/c", refused: "resource 'none' does not exist"},
		{words: "web set /dev/c", refused: "resource 'web' is not a fence device"},
		{words: "power set /dev/c", refused: "is of agent 'fence_ipmilan'"},
		{words: "bare set /dev/c", refused: "resource 'bare' has no devices"},
		{words: "mpath set /dev/c", refused: "resource 'mpath' is not running on any node"},
	} {
		t.Run(c.words, func(t *testing.T) {
			t.Parallel()
			s, printed := guardedSession(t)
			words := strings.Fields(c.words)
			after, fresh, err := disksAfter(s, words[0], words[1:])
			if c.refused != "" {
				if err == nil || !strings.Contains(printed.String()+err.Error(), c.refused) {
					t.Errorf("said %q, %v; want %q", printed, err, c.refused)
				}
				return
			}
			if err != nil || joinDevices(after) != c.after || joinDevices(fresh) != c.fresh {
				t.Errorf("the disks are %v, new are %v, %v; want %s and %s", after, fresh, err, c.after, c.fresh)
			}
		})
	}
}

func disksAfter(s *session, id string, words []string) (after, fresh []string, err error) {
	change, err := parseDiskChange(words)
	if err != nil {
		return nil, nil, err
	}
	devices, err := s.scsiDevice(id)
	if err != nil {
		return nil, nil, err
	}
	return change.carryOut(s.reports(), splitDevices(devices.Get("value")))
}

func TestDisksAreForARunningCluster(t *testing.T) {
	t.Parallel()
	s, printed := guardedSession(t)
	words := []string{"stonith", "update-scsi-devices", "scsi", "set", "/dev/c"}
	if status := Run(append([]string{"-f", s.opts["f"]}, words...), nil, printed, printed); status != 1 || !strings.Contains(printed.String(), "-f") {
		t.Errorf("with -f: status %d, said %q", status, printed)
	}
	s.args = words[2:]
	if err := updateSCSIDevices(s); err == nil || !strings.Contains(err.Error(), "running cluster") {
		t.Errorf("on a file: %v", err)
	}
}

func TestHostsAreLetInAtNewDisksFirst(t *testing.T) {
	t.Parallel()
	s, printed := guardedSession(t)
	var mu sync.Mutex
	var asked []string
	on := func(_ context.Context, u client.Unfence) error {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, u.Target+" "+u.Device+" "+u.Params[0].Name+"="+u.Params[0].Value)
		if u.Target == "n2" {
			return errors.New("no such disk")
		}
		return nil
	}
	err := s.unfence("scsi", []string{"/dev/c", "/dev/d"}, on)
	slices.Sort(asked)
	if want := []string{"n1 scsi devices=/dev/c,/dev/d", "n2 scsi devices=/dev/c,/dev/d"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if err == nil || !strings.Contains(printed.String(), "n2 gets no access to /dev/c,/dev/d: no such disk") || strings.Contains(printed.String(), "n1") {
		t.Errorf("said %q, %v", printed, err)
	}
	if err := s.unfence("scsi", nil, on); err != nil || len(asked) != 2 {
		t.Errorf("with no new disk hosts are asked: %v, %v", asked[2:], err)
	}
}

func TestChangedDisksRestartNothing(t *testing.T) {
	t.Parallel()
	s, _ := guardedSession(t)
	changed := s.doc.Clone()
	changed.ByID("primitive-scsi-params-devices").Set("value", "/dev/c")
	if moves := scheduler.Make(changed, s.now).Moves; len(moves) == 0 || moves[0].Verb != "Restart" {
		t.Fatalf("the changed parameter alone leads to %v; a restart was expected", moves)
	}
	s.words = []string{"stonith", "update-scsi-devices", "scsi", "set", "/dev/c"}
	// Others write the status meanwhile.
	other := func(doc *cib.Document) error {
		doc.Section("status").Child("node_state").Set("crm-debug-origin", "meanwhile")
		return nil
	}
	if err := s.source.Change(cib.Cause{}, other); err != nil {
		t.Fatal(err)
	}
	conflicting := &lateSource{Source: s.source}
	s.source = conflicting
	if err := s.takeOver("scsi", "primitive-scsi-params-devices", "/dev/c"); err != nil {
		t.Fatal(err)
	}
	doc, err := conflicting.Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.ByID("primitive-scsi-params-devices").Get("value"); got != "/dev/c" || !strings.Contains(string(doc.Bytes()), "meanwhile") {
		t.Errorf("the disks are %q, or the status is lost", got)
	}
	plan := scheduler.Make(doc, s.now)
	for _, a := range plan.Graph.Actions {
		if a.Key != "scsi_monitor_60000" && !strings.HasSuffix(a.Key, "_monitor_0") { // the monitor is run with the new disks
			t.Errorf("there is to do: %s on %s", a.Key, a.Node)
		}
	}
	if len(plan.Moves) > 0 {
		t.Errorf("there is to do: %v", plan.Moves)
	}
	if conflicting.refused != 1 {
		t.Errorf("the patch was refused %d times, want once", conflicting.refused)
	}
}

// lateSource is a file that tells of a conflict as the daemon does.
type lateSource struct {
	source.Source
	refused int
}

func (l *lateSource) Apply(request cib.Request, cause cib.Cause) (cib.Result, error) {
	result, err := l.Source.Apply(request, cause)
	if errors.Is(err, cib.ErrPatch) {
		l.refused++
		err = &client.Error{Code: client.Conflict, Message: err.Error()}
	}
	return result, err
}
