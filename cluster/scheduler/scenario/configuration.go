package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// splitPairs parts words into plain ones and NAME=VALUE ones.
func splitPairs(words []string) (plain []string, pairs [][2]string) {
	for _, word := range words {
		if name, value, ok := strings.Cut(word, "="); ok {
			pairs = append(pairs, [2]string{name, value})
		} else {
			plain = append(plain, word)
		}
	}
	return plain, pairs
}

// parts are the words that begin a part of a resource.
var parts = map[string]string{"params": "instance_attributes", "meta": "meta_attributes", "utilization": "utilization", "op": ""}

// primitive reads ID [AGENT] and parts.
func (b *builder) primitive(kind string, words []string) error {
	id, rest := words[0], words[1:]
	e := cib.NewElement(kind, "id", id)
	agent := "ocf:pacemaker:Dummy"
	if len(rest) > 0 && parts[rest[0]] == "" && rest[0] != "op" {
		agent, rest = rest[0], rest[1:]
	}
	if template, ok := strings.CutPrefix(agent, "@"); ok {
		e.Set("template", template)
	} else {
		setAgent(e, agent)
	}
	b.doc.EnsureSection("resources").Append(e)
	b.resources[id] = e
	return b.parts(e, rest)
}

// setAgent sets class, provider and type from CLASS[:PROVIDER]:TYPE or a type of ocf:pacemaker.
func setAgent(e *cib.Element, agent string) {
	fields := strings.Split(agent, ":")
	switch len(fields) {
	case 1:
		fields = []string{"ocf", "pacemaker", agent}
	case 2:
		e.Set("class", fields[0])
		e.Set("type", fields[1])
		return
	}
	e.Set("class", fields[0])
	e.Set("provider", fields[1])
	e.Set("type", fields[2])
}

// parts reads params, meta, utilization and op, each with NAME=VALUE words.
func (b *builder) parts(e *cib.Element, words []string) error {
	for len(words) > 0 {
		kind, n := words[0], 1
		if _, ok := parts[kind]; !ok {
			return fmt.Errorf("%s: %q is none of params, meta, utilization and op", e.ID(), kind)
		}
		for n < len(words) {
			if _, begins := parts[words[n]]; begins {
				break
			}
			n++
		}
		if kind == "op" {
			b.operation(e, words[1:n])
		} else {
			b.nvpairs(e, parts[kind], kind, words[1:n])
		}
		words = words[n:]
	}
	return nil
}

func (b *builder) operation(e *cib.Element, words []string) {
	plain, pairs := splitPairs(words)
	op := cib.NewElement("op", "name", strings.Join(plain, " "), "interval", "0")
	for _, pair := range pairs {
		op.Set(pair[0], pair[1])
	}
	op.Attrs = append([]cib.Attr{{Name: "id", Value: e.ID() + "-" + op.Get("name") + "-" + op.Get("interval") + op.Get("role")}}, op.Attrs...)
	e.Ensure("operations").Append(op)
}

// collective reads a group or clone: ID MEMBER… and parts.
func (b *builder) collective(kind string, words []string) error {
	e := cib.NewElement(kind, "id", words[0])
	n := 1
	for ; n < len(words) && parts[words[n]] == ""; n++ {
		member := b.resources[words[n]]
		if member == nil {
			return fmt.Errorf("%s %s: no resource %s stands above", kind, words[0], words[n])
		}
		if member.Parent == nil || member.Parent.Name != "resources" {
			return fmt.Errorf("%s %s: %s is in another resource already", kind, words[0], words[n])
		}
		member.Remove()
		e.Append(member)
	}
	b.doc.EnsureSection("resources").Append(e)
	b.resources[words[0]] = e
	return b.parts(e, words[n:])
}

// bundle reads ID [CHILD] and NAME=VALUE words, each put where the schema wants it.
func (b *builder) bundle(words []string) error {
	plain, pairs := splitPairs(words)
	e := cib.NewElement("bundle", "id", plain[0])
	engine := e.Append(cib.NewElement("docker", "image", "image:latest"))
	for _, pair := range pairs {
		switch pair[0] {
		case "ip-range-start", "control-port", "host-interface", "host-netmask", "add-host":
			e.Ensure("network").Set(pair[0], pair[1])
		case "engine":
			engine.Name = pair[1]
		default:
			engine.Set(pair[0], pair[1])
		}
	}
	if len(plain) > 1 {
		child := b.resources[plain[1]]
		if child == nil || child.Parent == nil {
			return fmt.Errorf("bundle %s: no resource %s stands above", plain[0], plain[1])
		}
		child.Remove()
		e.Append(child)
	}
	b.doc.EnsureSection("resources").Append(e)
	b.resources[plain[0]] = e
	return nil
}

func (b *builder) tag(words []string) {
	e := b.doc.EnsureSection("tags").Append(cib.NewElement("tag", "id", words[0]))
	for _, id := range words[1:] {
		e.Append(cib.NewElement("obj_ref", "id", id))
	}
}

// constraint reads the lines that become an element below constraints or fencing-topology.
func (b *builder) constraint(kind string, words []string) {
	plain, pairs := splitPairs(words)
	for len(plain) < 4 {
		plain = append(plain, "")
	}
	var e *cib.Element
	switch kind {
	case "location":
		e = cib.NewElement("rsc_location", "id", plain[0], "rsc", plain[1], "score", plain[2], "node", plain[3])
	case "colocation":
		e = cib.NewElement("rsc_colocation", "id", plain[0], "score", plain[1])
		setEnd(e, "rsc", "rsc-role", plain[2])
		setEnd(e, "with-rsc", "with-rsc-role", plain[3])
	case "order":
		e = cib.NewElement("rsc_order", "id", plain[0], "kind", plain[1])
		setEnd(e, "first", "first-action", plain[2])
		setEnd(e, "then", "then-action", plain[3])
	case "ticket":
		e = cib.NewElement("rsc_ticket", "id", plain[0], "ticket", plain[1])
		setEnd(e, "rsc", "rsc-role", plain[2])
	case "level":
		e = cib.NewElement("fencing-level", "id", "level-"+plain[0]+"-"+plain[1], "target", plain[0], "index", plain[1], "devices", plain[2])
		b.doc.EnsureSection("fencing-topology").Append(e)
		return
	}
	for _, pair := range pairs {
		e.Set(pair[0], pair[1])
	}
	b.doc.EnsureSection("constraints").Append(e)
}

// setEnd sets one end of a constraint from RESOURCE[:ROLE-OR-ACTION].
func setEnd(e *cib.Element, resource, detail, word string) {
	id, what, ok := strings.Cut(word, ":")
	e.Set(resource, id)
	if ok {
		e.Set(detail, what)
	}
}

// host is a node and what it is like.
type host struct {
	name, id string
	is       map[string]bool // offline, unclean, pending, shutdown, remote, unseen
	state    *cib.Element
}

// hostStates are the words that describe a node.
var hostStates = []string{"offline", "unclean", "pending", "shutdown", "standby", "maintenance", "remote", "unseen"}

// nodes reads NAME… and words and attributes that hold for all of them.
func (b *builder) nodes(words []string) error {
	plain, pairs := splitPairs(words)
	is := map[string]bool{}
	var names []string
	for _, word := range plain {
		if slices.Contains(hostStates, word) {
			is[word] = true
		} else {
			names = append(names, word)
		}
	}
	for _, name := range names {
		h := host{name: name, id: strconv.Itoa(len(b.hosts) + 1), is: is}
		e := cib.NewElement("node", "id", h.id, "uname", name)
		if is["remote"] {
			h.id = name
			e = cib.NewElement("node", "id", name, "uname", name, "type", "remote")
		}
		b.doc.EnsureSection("nodes").Append(e)
		h.state = b.nodeState(h)
		for _, state := range []string{"standby", "maintenance"} {
			if is[state] {
				b.nvpairs(e, "instance_attributes", "attributes", []string{state + "=on"})
			}
		}
		for _, pair := range pairs {
			word := pair[0] + "=" + pair[1]
			if attribute, ok := strings.CutPrefix(word, "utilization."); ok {
				b.nvpairs(e, "utilization", "utilization", []string{attribute})
			} else if attribute, ok := strings.CutPrefix(word, "transient."); ok {
				b.transient(h, attribute)
			} else {
				b.nvpairs(e, "instance_attributes", "attributes", []string{word})
			}
		}
		b.hosts = append(b.hosts, h)
	}
	return nil
}
