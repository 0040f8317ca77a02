package crm

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

// nodeLevel holds the commands on nodes.
func nodeLevel() *level {
	simple := func(name, value string) func(*session, []word) error {
		return func(s *session, words []word) error { return setNodeAttribute(s, words, name, value) }
	}
	return &level{name: "node", summary: "nodes: standby, maintenance, attributes, fencing", commands: []*command{
		{name: "show", usage: "[NODE]", summary: "list the nodes and their attributes", run: showNodes, words: completeNodes},
		{name: "status", usage: "[NODE]", summary: "the nodes' state as the document has it", run: nodeStatus, words: completeNodes},
		{name: "standby", usage: "[NODE… | --all] [LIFETIME]", summary: "let nodes run no resources", example: "standby alpha", run: simple("standby", "on"), words: completeNodes},
		{name: "online", usage: "[NODE… | --all]", summary: "let nodes run resources again", example: "online alpha", run: simple("standby", "off"), words: completeNodes},
		{name: "maintenance", usage: "[NODE]", summary: "leave everything on a node alone", run: nodeMaintenance, words: completeNodes},
		{name: "ready", usage: "[NODE]", summary: "end the maintenance of a node", run: nodeReady, words: completeNodes},
		{name: "attribute", usage: "NODE set NAME VALUE | NODE delete|show NAME", summary: "one attribute of a node", run: nodeAttribute("instance_attributes"), words: completeAttribute("instance_attributes", completeNodes)},
		{name: "utilization", usage: "NODE set NAME VALUE | NODE delete|show NAME", summary: "one utilization attribute of a node", run: nodeAttribute("utilization"), words: completeAttribute("utilization", completeNodes)},
		{name: "status-attr", usage: "NODE set NAME VALUE | NODE delete|show NAME", summary: "one transient attribute of a node", run: transientAttribute, words: completeNodes},
		{name: "fence", usage: "NODE", summary: "fence a node", run: fenceNode, words: completeNodes},
		{name: "clearstate", usage: "NODE", summary: "confirm that a node is down", run: clearNodeState, words: completeNodes},
		{name: "delete", usage: "[--force] NODE", summary: "remove a node from the configuration", run: deleteNode, words: completeNodes},
		{name: "server", usage: "[NODE…]", summary: "the nodes' host names", run: listServers},
	}}
}

// nodeIn finds a node in the document.
func nodeIn(doc *cib.Document, name string) (*cib.Element, error) {
	if section := doc.Section("nodes"); section != nil {
		for node := range section.All("node") {
			if node.Get("uname") == name {
				return node, nil
			}
		}
	}
	return nil, fmt.Errorf("there is no node %s; 'node show' lists them", name)
}

// thisNode is the name under which this host is a node.
func thisNode() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// listServers prints the names of the nodes, or of those named.
func listServers(s *session, words []word) error {
	doc, err := s.document()
	if err != nil {
		return err
	}
	for node := range doc.EnsureSection("nodes").All("node") {
		if name := node.Get("uname"); len(words) == 0 || slices.Contains(textsOf(words), name) {
			s.printf("%s\n", name)
		}
	}
	return nil
}

func showNodes(s *session, words []word) error {
	doc, err := s.document()
	if err != nil {
		return err
	}
	for _, w := range words {
		if _, err := nodeIn(doc, w.text); err != nil {
			return softError{err}
		}
	}
	f := &formatter{context: newModel(doc.Clone(), s.agents, func(string) {})}
	section := doc.EnsureSection("nodes")
	for node := range section.All("node") {
		name := node.Get("uname")
		if len(words) > 0 && !slices.Contains(textsOf(words), name) {
			continue
		}
		id := ""
		if node.ID() != name {
			id = "(" + node.ID() + ")"
		}
		kind := node.Get("type")
		if kind == "" || kind == "normal" {
			kind = "member"
		}
		s.printf("%s%s: %s%s\n", name, id, kind, offlineMark(doc, name))
		for list := range node.All("instance_attributes") {
			for _, pair := range slices.Collect(list.All("nvpair")) {
				s.printf("\t%s\n", f.pair(pair))
			}
		}
	}
	return nil
}

// offlineMark says so if the status has a node that is not a member.
func offlineMark(doc *cib.Document, name string) string {
	status := doc.Section("status")
	if status == nil {
		return ""
	}
	for state := range status.All("node_state") {
		if state.Get("uname") == name && state.Get("crmd") == "offline" {
			return "(offline)"
		}
	}
	return ""
}

func nodeStatus(s *session, words []word) error {
	doc, err := s.document()
	if err != nil {
		return err
	}
	status := doc.EnsureSection("status")
	if len(words) == 0 {
		s.printf("%s", doc.EnsureSection("nodes").String())
		return nil
	}
	for state := range status.All("node_state") {
		if state.Get("uname") == words[0].text {
			s.printf("%s", state.String())
			return nil
		}
	}
	_, err = nodeIn(doc, words[0].text)
	return err
}

// setNodeAttribute gives nodes a permanent attribute; with lifetime "reboot" a transient one.
func setNodeAttribute(s *session, words []word, name, value string) error {
	texts := textsOf(words)
	transient := false
	if n := len(texts); n > 0 && (texts[n-1] == "reboot" || texts[n-1] == "forever") {
		transient = texts[n-1] == "reboot"
		texts = texts[:n-1]
	}
	switch {
	case len(texts) == 0:
		texts = []string{thisNode()}
	case slices.Contains(texts, "--all"):
		doc, err := s.document()
		if err != nil {
			return err
		}
		texts = newModel(doc, s.agents, func(string) {}).nodeNames(nil)
	}
	if transient {
		for _, node := range texts {
			if err := s.setTransient(node, name, value); err != nil {
				return err
			}
		}
		return s.awaitTransition()
	}
	err := s.change("node "+name+"="+value, func(doc *cib.Document) error {
		for _, node := range texts {
			e, err := nodeIn(doc, node)
			if err != nil {
				return err
			}
			setNodePair(doc, e, "instance_attributes", name, value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, node := range texts {
		if name == "standby" {
			s.info("%s node %s", map[string]string{"on": "standby", "off": "online"}[value], node)
		}
	}
	return s.awaitTransition()
}

// nodeReady ends the maintenance of one node.
func nodeReady(s *session, words []word) error {
	if len(words) > 1 {
		return usageError("expected one node")
	}
	return setNodeAttribute(s, words, "maintenance", "off")
}

// setNodePair sets an attribute of a node and returns it; an old one keeps its id.
func setNodePair(doc *cib.Document, node *cib.Element, tag, name, value string) *cib.Element {
	ids := newIdentifiers(doc.Configuration())
	for list := range node.All(tag) {
		if pair := list.Pair(name); pair != nil {
			pair.Set("value", value)
			return pair
		}
	}
	list := node.Child(tag)
	if list == nil {
		base := "nodes-" + asID(node.ID())
		if name == "standby" { // crmsh makes these sets itself, crm_attribute the others
			base = asID(node.ID()) + "-instance_attributes"
			if isDigit(base[0]) {
				base = "num-" + base
			}
		}
		if tag == "utilization" {
			base += "-utilization"
		}
		list = node.Append(cib.NewElement(tag, "id", ids.fresh(base)))
	}
	return list.Append(cib.NewElement("nvpair", "id", ids.fresh(list.ID()+"-"+asID(name)), "name", name, "value", value))
}

// nodeMaintenance puts a node into maintenance; resources with an attribute of their own are asked about.
func nodeMaintenance(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) > 1 {
		return usageError("expected one node")
	}
	if len(texts) == 0 {
		texts = []string{thisNode()}
	}
	err := s.change("node maintenance", func(doc *cib.Document) error {
		node, err := nodeIn(doc, texts[0])
		if err != nil {
			return err
		}
		s.overrideMaintenance(doc, false)
		setNodePair(doc, node, "instance_attributes", "maintenance", "true")
		return nil
	})
	if err != nil {
		return err
	}
	return s.awaitTransition()
}

// overrideMaintenance asks whether the attribute maintenance of resources, and of nodes, shall go,
// since a wider maintenance begins.
func (s *session) overrideMaintenance(doc *cib.Document, nodes bool) {
	setter := newMetaSetter(s, doc)
	changed := false
	if section := doc.Section("resources"); section != nil {
		var list []*cib.Element
		for d := range section.Descendants() {
			if isResource(d) && hasMeta(d, "maintenance") {
				list = append(list, d)
			}
		}
		slices.SortStableFunc(list, func(a, b *cib.Element) int { return kindOf(a).rank() - kindOf(b).rank() })
		for _, e := range list {
			if s.confirm(false, "'maintenance' attribute already exists in %s. Remove it?", e.ID()) {
				setter.unset(e, "maintenance")
				changed = true
			}
		}
	}
	if section := doc.Section("nodes"); section != nil && nodes {
		for node := range section.All("node") {
			for list := range node.All("instance_attributes") {
				pair := list.Pair("maintenance")
				if pair != nil && s.confirm(false, "'maintenance' attribute already exists in %s. Remove it?", node.Get("uname")) {
					pair.Remove()
				}
			}
		}
	}
	if changed {
		tidyAttributes(doc)
	}
}

func nodeAttribute(tag string) func(*session, []word) error {
	return func(s *session, words []word) error {
		texts := textsOf(words)
		if !(len(texts) == 4 && texts[1] == "set" || len(texts) == 3 && (texts[1] == "delete" || texts[1] == "show")) {
			return usageError("expected a node, set, delete or show, and the attribute")
		}
		node, name, told := texts[0], texts[2], ""
		if texts[1] == "show" {
			return s.showNodeAttribute(tag, node, name)
		}
		err := s.change("node attribute", func(doc *cib.Document) error {
			e, err := nodeIn(doc, node)
			if err != nil {
				return err
			}
			if texts[1] == "set" {
				setNodePair(doc, e, tag, name, texts[3])
				return nil
			}
			for list := range e.All(tag) {
				if pair := list.Pair(name); pair != nil {
					told = fmt.Sprintf("Deleted nodes attribute: id=%s name=%s\n", pair.ID(), name)
					pair.Remove()
				}
			}
			return nil
		})
		if err == nil {
			s.printf("%s", told)
		}
		return err
	}
}

func (s *session) showNodeAttribute(tag, node, name string) error {
	doc, err := s.document()
	if err != nil {
		return err
	}
	e, err := nodeIn(doc, node)
	if err != nil {
		return err
	}
	for list := range e.All(tag) {
		if pair := list.Pair(name); pair != nil {
			s.printf("scope=nodes  name=%s value=%s\n", name, pair.Get("value"))
			return nil
		}
	}
	return fmt.Errorf("node %s has no attribute %s", node, name)
}

// setTransient sets an attribute that lasts until the node leaves.
func (s *session) setTransient(node, name, value string) error {
	c, err := s.daemon("a transient attribute")
	if err != nil {
		return err
	}
	return c.SetAttribute(context.Background(), client.AttributeUpdate{Attribute: client.Attribute{Name: name, Value: value, Host: node}})
}

func transientAttribute(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) < 3 || !slices.Contains([]string{"set", "delete", "show"}, texts[1]) || len(texts) != 3 && texts[1] != "set" {
		return usageError("expected a node, set, delete or show, and the attribute")
	}
	if texts[1] == "set" {
		if len(texts) != 4 {
			return usageError("expected a value")
		}
		return s.setTransient(texts[0], texts[2], texts[3])
	}
	c, err := s.daemon("a transient attribute")
	if err != nil {
		return err
	}
	if texts[1] == "delete" {
		return c.SetAttribute(context.Background(), client.AttributeUpdate{Attribute: client.Attribute{Name: texts[2], Host: texts[0]}, Delete: true})
	}
	list, err := c.Attributes(context.Background(), texts[2], texts[0])
	if err != nil {
		return err
	}
	for _, a := range list {
		s.printf("scope=status  name=%s value=%s\n", a.Name, a.Value)
	}
	return nil
}

func fenceNode(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected a node")
	}
	c, err := s.daemon("fencing")
	if err != nil {
		return err
	}
	if !s.confirm(false, "Fencing %s will shut it down, and everything that runs on it. Do you want to proceed?", words[0].text) {
		return fmt.Errorf("fence: not confirmed; use 'crm -F node fence %s'", words[0].text)
	}
	return c.Fence(context.Background(), client.Fence{Target: words[0].text, Action: "reboot"})
}

func clearNodeState(s *session, words []word) error {
	texts := slices.DeleteFunc(textsOf(words), func(t string) bool { return t == "force" })
	if len(texts) != 1 {
		return usageError("expected a node")
	}
	c, err := s.daemon("clearstate")
	if err != nil {
		return err
	}
	if len(texts) == len(words) && !s.confirm(false, "Do you really want to drop state for node %s?", texts[0]) {
		return fmt.Errorf("clearstate: not confirmed; use 'crm node clearstate %s force'", texts[0])
	}
	return c.ConfirmFenced(context.Background(), texts[0])
}

// removeHost takes a host out of the running cluster.
func (s *session) removeHost(name string, force bool) error {
	c, err := s.daemon("node delete")
	if err != nil {
		return err
	}
	if err := c.Remove(context.Background(), name, force); err != nil {
		return err
	}
	s.info("node %s deleted", name)
	return nil
}

// deleteNode takes a node out: of the running cluster, where there is one, else of the document.
func deleteNode(s *session, words []word) error {
	texts := slices.DeleteFunc(textsOf(words), func(t string) bool { return t == "--force" })
	if len(texts) != 1 {
		return usageError("expected a node")
	}
	if s.live() {
		return s.removeHost(texts[0], len(texts) < len(words))
	}
	return s.change("node delete", func(doc *cib.Document) error {
		e, err := nodeIn(doc, texts[0])
		if err != nil {
			return err
		}
		if status := doc.Section("status"); status != nil {
			for _, state := range slices.Collect(status.All("node_state")) {
				if state.Get("uname") != texts[0] {
					continue
				}
				if strings.EqualFold(state.Get("crmd"), "online") && len(texts) == len(words) {
					return fmt.Errorf("delete: node %s is a member of the cluster; stop the cluster there first, or use --force", texts[0])
				}
				state.Remove()
			}
		}
		e.Remove()
		return nil
	})
}
