// Package scenario reads a cluster and its state from a compact text, for tests and
// rehearsals: a line for each node, resource, constraint and fact. What a line cannot say
// stands in the text as XML, and goes to the section of the document it belongs in.
//
//	option no-quorum-policy=stop          cluster options; stonith-enabled=false unless said
//	defaults resource-stickiness=100      resource defaults; op-defaults likewise
//	node web1 web2 rack=a                 hosts that are online, with node attributes
//	node web3 offline                     or unclean, pending, shutdown, standby, maintenance, remote, unseen;
//	                                      utilization.cpu=4 and transient.NAME=VALUE are what they say
//	primitive A Dummy params x=1 meta priority=5 utilization cpu=1 op monitor interval=10s on-fail=standby
//	template T …, primitive A @T          a template and its user
//	group G A B meta …
//	clone C A meta …
//	bundle B A replicas=2 ip-range-start=10.0.0.1 image=x
//	tag T A B
//	location ID A 100 web1
//	colocation ID INFINITY A B:Promoted   A with B; further NAME=VALUE are attributes
//	order ID Mandatory A:start B:promote
//	ticket ID T A loss-policy=stop
//	level web1 1 D1,D2                    fencing topology
//	run A web1 [role=Promoted] [agent=…]  A is active there, its recurring operations too
//	op A web1 monitor 10s 7 [status=4]    an operation that was run, and its result
//	fails A web1 3                        fail-count; the operation may follow (default monitor_10000)
//	granted T, revoked T                  a ticket's state
//	quorum lost
//	unprobed [A]                          by default every host has been probed for everything
//	now 2026-01-01T00:00:00Z
//
// The package is pure and starts no goroutine.
package scenario

import (
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/cib"
)

// Start is the time of a scenario that names none.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Parse makes the document that the text describes. An error names the file, the line and
// what is accepted there.
func Parse(file, text string) (*cib.Document, error) {
	b := newBuilder()
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := i + 1
		var err error
		if strings.HasPrefix(line, "<") {
			var whole string
			if whole, i, err = wholeElement(lines, i); err == nil {
				err = b.raw(whole)
			}
		} else {
			err = b.line(strings.Fields(line))
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, at, err)
		}
	}
	if err := b.finish(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return b.doc, nil
}

// wholeElement joins lines from the first on until they hold a whole XML element.
func wholeElement(lines []string, first int) (text string, last int, err error) {
	for last = first; last < len(lines); last++ {
		text += lines[last] + "\n"
		if _, err = cib.ParseElement("scenario", []byte(text)); err == nil {
			return text, last, nil
		}
	}
	return "", first, fmt.Errorf("this XML element never ends, or is not well formed: %w", err)
}

// builder collects what the lines say.
type builder struct {
	doc       *cib.Document
	now       time.Time
	resources map[string]*cib.Element // by id, those that lines made
	hosts     []host
	facts     [][]string // run, op, fails: applied when everything is known
	unprobed  map[string]bool
	fencing   bool // the text says whether fencing is enabled
}

func newBuilder() *builder {
	b := &builder{doc: cib.New(), now: Start, resources: map[string]*cib.Element{}, unprobed: map[string]bool{}}
	b.doc.Root.Set("have-quorum", "1")
	return b
}

// line reads one line that is not XML.
func (b *builder) line(words []string) error {
	kind, words := words[0], words[1:]
	least := map[string]int{
		"primitive": 1, "template": 1, "group": 2, "clone": 2, "bundle": 1, "tag": 2, "location": 4, "colocation": 4, "order": 4,
		"ticket": 3, "level": 3, "run": 2, "op": 5, "fails": 3, "granted": 1, "revoked": 1, "quorum": 1, "now": 1, "node": 1,
	}
	if plain, _ := splitPairs(words); len(plain) < least[kind] {
		return fmt.Errorf("%s: at least %d words that are no NAME=VALUE are expected after it", kind, least[kind])
	}
	switch kind {
	case "option":
		b.fencing = b.fencing || strings.Contains(strings.Join(words, " "), "stonith-enabled=")
		b.nvpairs(b.doc.EnsureSection("crm_config"), "cluster_property_set", "options", words)
	case "defaults":
		b.nvpairs(b.doc.EnsureSection("rsc_defaults"), "meta_attributes", "defaults", words)
	case "op-defaults":
		b.nvpairs(b.doc.EnsureSection("op_defaults"), "meta_attributes", "op-defaults", words)
	case "node":
		return b.nodes(words)
	case "primitive", "template":
		return b.primitive(kind, words)
	case "group", "clone":
		return b.collective(kind, words)
	case "bundle":
		return b.bundle(words)
	case "tag":
		b.tag(words)
	case "location", "colocation", "order", "ticket", "level":
		b.constraint(kind, words)
	case "run", "op", "fails", "granted", "revoked":
		b.facts = append(b.facts, append([]string{kind}, words...))
	case "unprobed":
		b.unprobe(words)
	case "quorum":
		b.doc.Root.Set("have-quorum", map[bool]string{true: "0", false: "1"}[words[0] == "lost"])
	case "now":
		now, err := time.Parse(time.RFC3339, words[0])
		b.now = now
		return err
	default:
		return fmt.Errorf("%q begins no line; option, defaults, node, primitive, group, clone, bundle, location, colocation, order, ticket, run, op, fails and others do", kind)
	}
	return nil
}

// sections says where an XML element of a scenario belongs, by its name.
var sections = map[string]string{
	"primitive": "resources", "group": "resources", "clone": "resources", "master": "resources", "bundle": "resources",
	"template": "resources", "rsc_location": "constraints", "rsc_colocation": "constraints", "rsc_order": "constraints",
	"rsc_ticket": "constraints", "cluster_property_set": "crm_config", "node": "nodes", "tag": "tags",
	"fencing-level": "fencing-topology", "meta_attributes": "rsc_defaults", "node_state": "status", "tickets": "status",
}

func (b *builder) raw(text string) error {
	e, err := cib.ParseElement("scenario", []byte(text))
	if err != nil {
		return err
	}
	if section, ok := sections[e.Name]; ok {
		b.doc.EnsureSection(section).Append(e)
	} else {
		b.doc.Configuration().Append(e)
	}
	for x := range e.Descendants() {
		if x.Name == "primitive" && x.ID() != "" {
			b.resources[x.ID()] = x
		}
	}
	return nil
}

// nvpairs adds NAME=VALUE words below parent, in a set of its own.
func (b *builder) nvpairs(parent *cib.Element, element, id string, words []string) {
	if parent.ID() != "" {
		id = parent.Name + "-" + parent.ID() + "-" + id // an id may not begin with a digit
	}
	set := parent.Child(element)
	if set == nil {
		set = parent.Append(cib.NewElement(element, "id", id))
	}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		set.AppendPair(name, value)
	}
}

func (b *builder) unprobe(words []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	for _, word := range words {
		b.unprobed[word] = true
	}
}
