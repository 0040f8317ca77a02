package crm

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/property"
)

// completions lists what the last word of a line can become. before are the words in front
// of it; the answer is sorted and does not depend on what has been typed of the last word.
func (s *session) completions(before []string) []string {
	l := s.level()
	for i, text := range before {
		next := exact(l, text)
		if next.level != nil {
			l = next.level
			continue
		}
		if next.command == nil || next.command.words == nil {
			return nil
		}
		return sortedUnique(next.command.words(s, before[i+1:]))
	}
	var names []string
	for _, sub := range l.levels {
		names = append(names, sub.name)
	}
	for _, c := range append(slices.Clone(l.commands), anywhere()...) {
		names = append(names, c.name)
	}
	return sortedUnique(names)
}

func exact(l *level, text string) found {
	for _, sub := range l.levels {
		if sub.name == text {
			return found{level: sub}
		}
	}
	for _, c := range append(slices.Clone(l.commands), anywhere()...) {
		if c.name == text || slices.Contains(c.aliases, text) || slices.Contains(c.old, text) {
			return found{command: c}
		}
	}
	return found{}
}

func sortedUnique(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// objectNames lists the objects that accept takes.
func objectNames(s *session, accept func(*kind) bool) []string {
	var objects map[string]*cib.Element
	if s.model != nil {
		objects = s.model.objects
	} else if doc, err := s.document(); err == nil {
		objects = objectsOf(doc)
	}
	var names []string
	for name, e := range objects {
		if accept(kindOf(e)) {
			names = append(names, name)
		}
	}
	return names
}

func completeObjects(s *session, _ []string) []string {
	return objectNames(s, func(*kind) bool { return true })
}

// completeSelection completes what show takes: objects, and the words that pick some.
func completeSelection(s *session, _ []string) []string {
	list := append(objectNames(s, func(*kind) bool { return true }), "xml", "changed")
	for _, k := range kinds {
		list = append(list, "type:"+k.command)
	}
	for _, name := range objectNames(s, func(k *kind) bool { return k.command == "tag" }) {
		list = append(list, "tag:"+name)
	}
	return list
}

func completeResources(s *session, before []string) []string {
	if len(before) > 0 {
		return completeNodes(s, nil)
	}
	return objectNames(s, func(k *kind) bool { return k.section == "resources" })
}

func completeNodes(s *session, _ []string) []string {
	return objectNames(s, func(k *kind) bool { return k.command == "node" })
}

// completeDefinition completes the commands that define objects: agents and their parameters
// for primitives, members for containers, resources and nodes for constraints.
func completeDefinition(s *session, k *kind, before []string) []string {
	switch {
	case k.command == "primitive" || k.command == "rsc_template":
		return completePrimitive(s, before)
	case k.section == "resources" && len(before) > 0:
		return append(objectNames(s, func(k *kind) bool { return k.command == "primitive" || k.command == "group" }), "meta", "params")
	case k.command == "location" && len(before) > 1:
		return completeNodes(s, nil)
	case k.attributes():
		return completeDefaults(k)
	case k.command == "order" && len(before) == 1:
		return append(objectNames(s, func(k *kind) bool { return k.section == "resources" }), "Mandatory:", "Optional:", "Serialize:")
	case k.command == "colocation" && len(before) == 1:
		return []string{"inf:", "-inf:", "100:"}
	case k.command == "tag" && len(before) > 0 || k.command == "fencing_topology":
		return objectNames(s, func(k *kind) bool { return k.section == "resources" || k.section == "nodes" })
	case k.section == "constraints" && len(before) > 0:
		return objectNames(s, func(k *kind) bool { return k.section == "resources" })
	}
	return nil
}

func completePrimitive(s *session, before []string) []string {
	switch len(before) {
	case 0:
		return nil
	case 1:
		return completeAgent(s)
	}
	e, err := agentElement(s, before[1])
	if err != nil {
		return nil
	}
	info, err := s.agents.describe(e.Get("class"), e.Get("provider"), e.Get("type"))
	if err != nil {
		return nil
	}
	part := "params"
	for _, w := range before[2:] {
		if slices.Contains(primitiveParts, w) {
			part = w
		}
	}
	names := slices.Clone(primitiveParts)
	switch {
	case part == "op" && before[len(before)-1] == "op":
		names = nil
		for name := range info.actions {
			names = append(names, name)
		}
	case part == "op":
		names = append(names, "interval=", "timeout=", "on-fail=", "role=")
	case part == "meta":
		for _, name := range metaNames {
			names = append(names, name+"=")
		}
	case part == "params":
		for name := range info.params {
			names = append(names, name+"=")
		}
	}
	return names
}

// metaNames are the meta attributes that resources have.
var metaNames = []string{"allow-migrate", "failure-timeout", "is-managed", "maintenance", "migration-threshold", "multiple-active",
	"priority", "resource-stickiness", "target-role", "requires", "container-attribute-target", "remote-node", "clone-max",
	"clone-node-max", "globally-unique", "interleave", "notify", "ordered", "promotable", "promoted-max", "promoted-node-max"}

func completeAgent(s *session) []string {
	names := []string{"ocf:", "systemd:", "lsb:", "stonith:", "service:"}
	for _, provider := range s.agents.providers() {
		for _, agent := range s.agents.list("ocf", provider) {
			names = append(names, "ocf:"+provider+":"+agent)
			if provider == "heartbeat" {
				names = append(names, agent)
			}
		}
	}
	for _, class := range []string{"stonith", "systemd", "lsb"} {
		for _, agent := range s.agents.list(class, "") {
			names = append(names, class+":"+agent)
		}
	}
	return names
}

// fitting keeps the candidates that start with prefix.
func fitting(candidates []string, prefix string) []string {
	var fits []string
	for _, c := range candidates {
		if strings.HasPrefix(c, prefix) {
			fits = append(fits, c)
		}
	}
	return fits
}

// completeDefaults completes properties of the cluster, with their values where these are few, and defaults.
func completeDefaults(k *kind) []string {
	var names []string
	if k.command != "property" {
		for _, name := range map[string][]string{"rsc_defaults": cloneMeta, "op_defaults": operationNames}[k.command] {
			names = append(names, name+"=")
		}
		return names
	}
	for _, o := range property.Cluster {
		values := o.Values
		switch {
		case o.Status:
			continue
		case o.Kind == property.Boolean:
			values = []string{"true", "false"}
		case len(values) == 0:
			values = []string{""}
		}
		for _, value := range values {
			names = append(names, o.Name+"="+value)
		}
	}
	return names
}

// completeAttribute completes the commands that set, delete and show attributes of resources or nodes in lists
// of that tag.
func completeAttribute(tag string, owners func(*session, []string) []string) func(*session, []string) []string {
	return func(s *session, before []string) []string {
		switch len(before) {
		case 0:
			return owners(s, nil)
		case 1:
			return []string{"set", "delete", "show"}
		case 2:
			names := map[bool][]string{true: metaNames}[tag == "meta_attributes" && before[1] == "set"]
			if doc, err := s.document(); err == nil {
				names = append(slices.Clone(names), attributeNames(doc, before[0], tag)...)
			}
			return names
		}
		return nil
	}
}

// attributeNames lists the attributes that a resource or node has in its lists of that tag.
func attributeNames(doc *cib.Document, owner, tag string) []string {
	var names []string
	for e := range doc.Configuration().Descendants() {
		if !(isResource(e) && e.ID() == owner || e.Name == "node" && e.Get("uname") == owner) {
			continue
		}
		for list := range e.All(tag) {
			for pair := range list.All("nvpair") {
				names = append(names, pair.Get("name"))
			}
		}
	}
	return names
}

// completeCommands completes the names of levels and commands, for help.
func completeCommands(s *session, before []string) []string {
	if len(before) == 0 {
		return s.completions(nil)
	}
	for _, l := range append(slices.Clone(s.level().levels), rootLevel().levels...) {
		if l.name == before[0] {
			var names []string
			for _, c := range l.commands {
				names = append(names, c.name)
			}
			return names
		}
	}
	return nil
}

// completeLevels completes the names of levels, for cd.
func completeLevels(s *session, _ []string) []string {
	names := []string{".."}
	for _, l := range s.level().levels {
		names = append(names, l.name)
	}
	return names
}
