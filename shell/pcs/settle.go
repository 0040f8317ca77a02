package pcs

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// settled is what a command with --wait asked for: whether its resources run once the cluster has come to rest.
type settled int

const (
	anywhere settled = iota // wherever, or nowhere: told, and never an error
	started
	stopped
)

// settling are the commands that tell with --wait where their resources run, by their words.
var settling = map[string]settled{
	"resource create": started, "resource enable": started, "resource clone": started, "resource promotable": started,
	"resource master": started, "resource bundle create": started, "resource group add": started, "stonith create": started, "stonith enable": started,
	"resource disable": stopped, "resource safe-disable": stopped, "stonith disable": stopped,
	"resource update": anywhere, "resource meta": anywhere, "resource bundle update": anywhere, "resource bundle reset": anywhere,
	"resource unclone": anywhere, "resource ungroup": anywhere, "resource move": anywhere, "resource move-with-constraint": anywhere,
	"resource ban": anywhere, "resource clear": anywhere, "stonith meta": anywhere,
}

// tellSettled says where the resources of the command run, on the cluster as it is now; one that is not as the command
// wanted it is an error, so that scripts can go by the exit status.
func (s *session) tellSettled() error {
	want, ok := settling[s.cmd.path]
	if !ok || len(s.args) == 0 {
		return nil
	}
	ids := s.args[:1]
	if strings.HasSuffix(s.cmd.path, "able") && s.cmd.path != "resource promotable" { // enable and disable
		ids = s.args
	}
	if err := s.load(); err != nil {
		return err
	}
	r := s.reports()
	for _, e := range s.waitedFor(ids) {
		want := want
		if want == started && slices.ContainsFunc(lineage(e), func(e *cib.Element) bool { return strings.EqualFold(meta(e, "target-role"), "Stopped") }) {
			want = stopped // created with --disabled
		}
		s.tellWhere(r, e, want)
	}
	if r.failed {
		return exitCode(1) // the change stands all the same
	}
	return nil
}

func (s *session) tellWhere(r *reports, e *cib.Element, want settled) {
	nodes := s.activeOn(e)
	slices.Sort(nodes)
	switch {
	case len(nodes) == 0 && want == started:
		r.fail("resource '%s' is not running on any node; 'pcs status' and 'pcs resource failcount' say more", e.ID())
	case len(nodes) == 0:
		s.note("resource '%s' is not running on any node", e.ID())
	case want == stopped:
		r.fail("resource '%s' is still running on %s", e.ID(), quoted(nodes))
	default:
		s.note("resource '%s' is running on %s", e.ID(), quoted(nodes))
	}
}

// waitedFor are the resources that have the ids, and those of the tags among them; what is gone by now is left out.
func (s *session) waitedFor(ids []string) []*cib.Element {
	there := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		e := s.find(id)
		return !isResource(e) && (e == nil || e.Name != "tag")
	})
	if len(there) == 0 {
		return nil
	}
	out, _ := s.named(there, "wait for") // all are there
	return out
}

// lineage is a resource with all that it is in.
func lineage(e *cib.Element) []*cib.Element {
	var out []*cib.Element
	for ; isResource(e); e = e.Parent {
		out = append(out, e)
	}
	return out
}
