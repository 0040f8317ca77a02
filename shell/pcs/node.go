package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// nodeNames are the names of all nodes: members, remote and guest nodes.
func (s *session) nodeNames() []string {
	var out []string
	for n := range s.doc.Section("nodes").All("node") {
		out = append(out, n.Get("uname"))
	}
	for _, p := range primitives(s.doc.Section("resources")) {
		if agentOf(p) == (agentName{"ocf", "pacemaker", "remote"}) {
			out = append(out, p.ID())
			if server := p.Child("instance_attributes").Pair("server"); server != nil {
				out = append(out, server.Get("value"))
			}
		}
		if guest := meta(p, "remote-node"); guest != "" {
			out = append(out, guest)
			if address := meta(p, "remote-addr"); address != "" {
				out = append(out, address)
			}
		}
	}
	return out
}

func nodeCommands() []command {
	flag := func(name, value string) func(*session) error {
		return func(s *session) error { return flagNodes(s, name, value) }
	}
	return []command{
		{path: "node standby", syntax: "[--all | NODE...]", help: "Moves all resources off nodes.", document: true, options: "f all wait", run: flag("standby", "on")},
		{path: "node unstandby", syntax: "[--all | NODE...]", help: "Lets nodes run resources again.", document: true, options: "f all wait", run: flag("standby", "")},
		{path: "node maintenance", syntax: "[--all | NODE...]", help: "Leaves all resources on nodes as they are.", document: true, options: "f all wait", run: flag("maintenance", "on")},
		{path: "node unmaintenance", syntax: "[--all | NODE...]", help: "Ends maintenance.", document: true, options: "f all wait", run: flag("maintenance", "")},
		{path: "node attribute", syntax: "[NODE [NAME=VALUE...]]", help: "Shows or sets attributes of nodes.", document: true, options: "f force name", run: func(s *session) error { return nodeValues(s, "instance_attributes", "Node Attributes") }},
		{path: "node utilization", syntax: "[NODE [NAME=VALUE...]]", help: "Shows or sets what nodes offer.", document: true, options: "f force name", run: func(s *session) error { return nodeValues(s, "utilization", "Node Utilization") }},
	}
}

func (s *session) node(name string) (*cib.Element, error) {
	for n := range s.doc.Section("nodes").All("node") {
		if n.Get("uname") == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("node '%s' does not exist", name)
}

func flagNodes(s *session, name, value string) error {
	names := s.args
	if s.opts.has("all") && len(names) > 0 {
		return errors.New("either nodes are named or --all is said, not both")
	}
	if s.opts.has("all") {
		names = nil
		for n := range s.doc.Section("nodes").All("node") {
			names = append(names, n.Get("uname"))
		}
	} else if len(names) == 0 {
		return usageError{"name the node, or say --all"}
	}
	var nodes []*cib.Element
	for _, n := range names {
		e, err := s.node(n)
		if err != nil {
			return err
		}
		nodes = append(nodes, e)
	}
	for _, e := range nodes {
		s.setNode(e, "instance_attributes", pairs{{name, value}})
	}
	return nil
}

func (s *session) setNode(e *cib.Element, kind string, changes pairs) {
	if e.Child(kind) == nil && anySet(changes) {
		id := "nodes-" + e.ID()
		if kind == "utilization" {
			id += "-utilization"
		}
		e.Append(s.newSet(kind, id, nil))
	}
	if set := e.Child(kind); set != nil {
		s.setValues(set, changes)
	}
}

func nodeValues(s *session, kind, title string) error {
	if len(s.args) > 1 {
		e, err := s.node(s.args[0])
		if err != nil {
			return err
		}
		changes, err := parsePairs(s.args[1:])
		if err == nil {
			err = s.checkNodeValues(e, kind, changes)
		}
		if err != nil {
			return err
		}
		s.setNode(e, kind, changes)
		return nil
	}
	if kind == "utilization" && len(s.args) == 1 {
		if _, err := s.node(s.args[0]); err != nil {
			return err
		}
	}
	s.printf("%s:\n", title)
	for n := range s.doc.Section("nodes").All("node") {
		set := n.Child(kind)
		if set == nil || len(s.args) == 1 && n.Get("uname") != s.args[0] {
			continue
		}
		list := values(set).sorted()
		if name, ok := s.opts["name"]; ok {
			list = slices.DeleteFunc(list, func(p pair) bool { return p.name != name })
		}
		if len(list) > 0 {
			var words []string // as they are, without quotes
			for _, p := range list {
				words = append(words, p.name+"="+p.value)
			}
			s.printf(" %s: %s\n", n.Get("uname"), strings.Join(words, " "))
		}
	}
	return nil
}

// checkNodeValues refuses to remove an attribute that a node does not have, and a utilization that is no number.
func (s *session) checkNodeValues(node *cib.Element, kind string, changes pairs) error {
	set := node.Child(kind)
	for _, p := range changes {
		if kind == "utilization" {
			if _, err := strconv.Atoi(p.value); p.value != "" && err != nil {
				return fmt.Errorf("'%s=%s': a utilization is an integer", p.name, p.value)
			}
			continue
		}
		if p.value == "" && !s.force() && set.Pair(p.name) == nil {
			return fmt.Errorf("node '%s' has no attribute '%s'; --force ignores that", node.Get("uname"), p.name)
		}
	}
	return nil
}
