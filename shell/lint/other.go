package lint

import (
	"path/filepath"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

var otherChecks = []Check{
	{"invalid-document", Error, "The cluster refuses it, or drops what it cannot read.", invalidDocument},
	{"node-standby", Warning, "The host takes no resources, also not when another fails.", nodeFlag("standby", "is in standby")},
	{"node-maintenance", Warning, "Nothing on that host is monitored or moved.", nodeFlag("maintenance", "is in maintenance")},
	{"tag-of-nothing", Warning, "Commands on the tag leave it out.", tagOfNothing},
	{"alert-path", Error, "The program is started by the daemon, in a directory of its own.", alertPath},
	{"template-unknown", Error, "The resource has no agent.", templateUnknown},
	{"template-unused", Note, "Nothing is made from it.", templateUnused},
	{"one-host", Note, "There is no other host to take over.", oneHost},
	{"old-schema", Note, "Commands write what this schema does not have.", oldSchema},
}

func invalidDocument(s *subject, report report) {
	for _, p := range s.Document.Validate() {
		report(&cib.Element{Line: p.Line}, "correct it", "%s: %s", p.Element, p.Text)
	}
}

func nodeFlag(name, problem string) func(*subject, report) {
	return func(s *subject, report report) {
		for _, n := range s.hosts {
			if nv := s.pair(n, "instance_attributes", name); nv != nil && cib.ParseBool(nv.Get("value"), false) {
				report(nv, "crm node online "+n.Get("uname")+", or pcs node un"+name+" "+n.Get("uname"), "host %s %s", n.Get("uname"), problem)
			}
		}
	}
}

func tagOfNothing(s *subject, report report) {
	for tag := range s.Document.Section("tags").All("tag") {
		for ref := range tag.All("obj_ref") {
			if s.byID[ref.ID()] == nil {
				report(ref, "take it out of the tag", "tag %s names %s, which there is not", tag.ID(), ref.ID())
			}
		}
	}
}

func alertPath(s *subject, report report) {
	for a := range s.Document.Section("alerts").All("alert") {
		if path := a.Get("path"); !filepath.IsAbs(path) {
			report(a, "write the whole path", "alert %s calls %q", a.ID(), path)
		}
	}
}

func templateUnknown(s *subject, report report) {
	for _, p := range s.primitives {
		if t := p.Get("template"); t != "" && (s.byID[t] == nil || s.byID[t].Name != "template") {
			report(p, "make the template, or name the agent", "%s is made from template %s, which there is not", p.ID(), t)
		}
	}
}

func templateUnused(s *subject, report report) {
	for t := range s.resources.All("template") {
		if !slices.ContainsFunc(s.primitives, func(p *cib.Element) bool { return p.Get("template") == t.ID() }) {
			report(t, "remove it", "template %s is not used", t.ID())
		}
	}
}

func oneHost(s *subject, report report) {
	if len(s.hosts) == 1 && len(s.primitives) > 0 {
		report(s.hosts[0], "add hosts", "the cluster has one host")
	}
}

func oldSchema(s *subject, report report) {
	schema := s.Document.Root.Get("validate-with")
	if strings.HasPrefix(schema, "pacemaker-0") || strings.HasPrefix(schema, "pacemaker-1") || strings.HasPrefix(schema, "pacemaker-2") {
		report(s.Document.Root, "cibadmin --upgrade --force, or pcs cluster cib-upgrade", "the document is in schema %s", schema)
	}
}
