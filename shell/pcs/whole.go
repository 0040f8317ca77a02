package pcs

import (
	"bytes"
	"strings"
)

func wholeCommands() []command {
	return []command{
		{path: "config", document: true, options: "f corosync_conf", run: showWhole},
		{path: "config show", help: "Shows the whole configuration.", document: true, options: "f corosync_conf", run: showWhole},
	}
}

// captured is what a command prints, and then does not.
func (s *session) captured(run func() error) (string, error) {
	var text bytes.Buffer
	kept := s.stdout
	s.stdout = &text
	err := run()
	s.stdout = kept
	return text.String(), err
}

// showWhole prints every part of the configuration, one after the other.
func showWhole(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	s.printf("Cluster Name: %s\nCorosync Nodes:\n %s\nPacemaker Nodes:\n", conf.setting("totem", "cluster_name"), strings.Join(conf.hostNames(), " "))
	if hosts := s.members(); len(hosts) > 0 {
		s.printf(" %s\n", strings.Join(hosts, " "))
	}
	return s.showParts(configPart{"\nQuorum:", "  ", func() error { return showQuorum(s) }})
}

// members are the names of the nodes that are members, not remote ones.
func (s *session) members() []string {
	var names []string
	for n := range s.doc.Section("nodes").All("node") {
		if n.Get("type") != "remote" {
			names = append(names, n.Get("uname"))
		}
	}
	return names
}

// configPart is a part of the configuration, with its heading and how it prints itself.
type configPart struct {
	title, indent string
	show          func() error
}

// showParts prints the parts of the document, and then further ones.
func (s *session) showParts(further ...configPart) error {
	parts := []configPart{
		{"\nResources:", "  ", func() error { return showConfig(s, false) }},
		{"\nStonith Devices:", "  ", func() error { return showConfig(s, true) }},
		{"Fencing Levels:", "  ", func() error { return s.listLevels("") }},
		{"", "", s.showConstraintsInFull},
		{"", "", func() error { s.printf("\n"); return showAlerts(s) }},
		{"\nResources Defaults:", "  ", func() error { return showDefaultsInFull(s, "rsc_defaults") }},
		{"Operations Defaults:", "  ", func() error { return showDefaultsInFull(s, "op_defaults") }},
		{"", "", func() error { s.printf("\n"); return showProperties(s) }},
		{"\nTags:", "", s.showTagList},
	}
	for _, part := range append(parts, further...) {
		text, err := s.captured(part.show)
		if err != nil {
			return err
		}
		if part.title != "" {
			s.printf("%s\n", part.title)
		}
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) != "" {
				line = part.indent + line
			}
			s.printf("%s", line)
		}
	}
	return nil
}

// showConstraintsInFull prints constraints with their ids.
func (s *session) showConstraintsInFull() error {
	s.opts["full"], s.whole = "", true
	defer func() { delete(s.opts, "full"); s.whole = false }()
	s.printf("\n")
	return showConstraints(s, "location", "order", "colocation", "ticket")
}

// showTagList prints tags as a part of the whole.
func (s *session) showTagList() error {
	if s.doc.Section("tags").Child("tag") == nil {
		s.printf(" No tags defined\n")
		return nil
	}
	for tag := range s.doc.Section("tags").All("tag") {
		s.printf(" %s\n", tag.ID())
		for ref := range tag.All("obj_ref") {
			s.printf("   %s\n", ref.ID())
		}
	}
	return nil
}
