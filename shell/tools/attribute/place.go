package attribute

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// place is where attributes of one kind live in a document.
type place struct {
	scope    string // crm_config, nodes, status, rsc_defaults, op_defaults, tickets
	element  string // of a set: cluster_property_set, instance_attributes, meta_attributes, utilization
	newSet   string // id of a new set
	hostID   string // of nodes and status
	hostName string
}

// selector picks attributes.
type selector struct {
	name    string
	pattern *regexp.Regexp
	id      string // of the nvpair
	set     string // of the set
}

func (s selector) matches(set, pair *cib.Element) bool {
	return (s.name == "" || pair.Get("name") == s.name) && (s.pattern == nil || s.pattern.MatchString(pair.Get("name"))) &&
		(s.id == "" || pair.ID() == s.id) && (s.set == "" || set.ID() == s.set)
}

// option places hold what is the cluster's, not a host's.
func optionPlace(section string) (place, error) {
	switch section {
	case "", "crm_config":
		return place{scope: "crm_config", element: "cluster_property_set", newSet: "cib-bootstrap-options"}, nil
	case "rsc_defaults":
		return place{scope: section, element: "meta_attributes", newSet: "rsc_defaults-options"}, nil
	case "op_defaults":
		return place{scope: section, element: "meta_attributes", newSet: "op_defaults-options"}, nil
	case "tickets":
		return place{scope: section, element: "instance_attributes", newSet: "status-tickets"}, nil
	}
	return place{}, fmt.Errorf("section %s: expected crm_config, rsc_defaults, op_defaults, tickets, nodes or status (forever, reboot)", section)
}

// hostPlace holds a host's attributes, for good (nodes) or until it leaves (status).
func hostPlace(name, id string, transient, utilization bool) place {
	switch {
	case transient:
		return place{scope: "status", element: "instance_attributes", newSet: "status-" + id, hostID: id, hostName: name}
	case utilization:
		return place{scope: "nodes", element: "utilization", newSet: "nodes-" + id + "-utilization", hostID: id, hostName: name}
	}
	return place{scope: "nodes", element: "instance_attributes", newSet: "nodes-" + id, hostID: id, hostName: name}
}

// holder returns the element that the sets stand in, made if need be; nil when that cannot be.
func (p place) holder(doc *cib.Document, create bool) *cib.Element {
	switch p.scope {
	case "nodes":
		for n := range doc.Section("nodes").All("node") {
			if n.ID() == p.hostID {
				return n
			}
		}
		return nil
	case "status":
		for state := range doc.Section("status").All("node_state") {
			if state.ID() != p.hostID {
				continue
			}
			if transient := state.Child("transient_attributes"); transient != nil || !create {
				return transient
			}
			return state.Append(cib.NewElement("transient_attributes", "id", p.hostID))
		}
		return nil
	case "tickets":
		if status := doc.Section("status"); status != nil && !create {
			return status.Child("tickets")
		}
		return doc.EnsureSection("status").Ensure("tickets")
	}
	if create {
		return doc.EnsureSection(p.scope)
	}
	return doc.Section(p.scope)
}

// find returns the attributes that s picks, in document order.
func (p place) find(doc *cib.Document, s selector) []*cib.Element {
	var found []*cib.Element
	for set := range p.holder(doc, false).All(p.element) {
		for pair := range set.All("nvpair") {
			if s.matches(set, pair) {
				found = append(found, pair)
			}
		}
	}
	return found
}

// put gives an attribute a value, where it stands or in a new place.
func (p place) put(doc *cib.Document, s selector, value string) error {
	found := p.find(doc, s)
	if len(found) > 1 {
		return fmt.Errorf("attribute %s stands in %d sets (%s, %s, …); pick one with --set-name or --id", s.name, len(found), found[0].Parent.ID(), found[1].Parent.ID())
	}
	if len(found) == 1 {
		found[0].Set("value", counted(found[0].Get("value"), value))
		return nil
	}
	holder := p.holder(doc, true)
	if holder == nil {
		return fmt.Errorf("set %s=%s in section %s: host %s is %w there", s.name, value, p.scope, p.hostName, cib.ErrNotFound)
	}
	id := cmp.Or(s.set, p.newSet)
	var set *cib.Element
	for candidate := range holder.All(p.element) {
		if candidate.ID() == id || (s.set == "" && set == nil && candidate.Child("rule") == nil) {
			set = candidate
		}
	}
	if set == nil {
		set = holder.Append(cib.NewElement(p.element, "id", id))
	}
	pairID := s.id
	if pairID == "" {
		pairID = set.ID() + "-" + strings.NewReplacer("#", ".", ":", ".", "/", ".", " ", ".").Replace(s.name)
	}
	set.Append(cib.NewElement("nvpair", "id", pairID, "name", s.name, "value", counted("", value)))
	return nil
}

// counted computes the updates that count from the present value: value++ and
// value+=N. Other values are themselves.
func counted(present, value string) string {
	rest, ok := strings.CutPrefix(value, "value")
	if !ok {
		return value
	}
	step := 0
	switch {
	case rest == "++":
		step = 1
	case strings.HasPrefix(rest, "+="):
		n, err := strconv.Atoi(rest[2:])
		if err != nil {
			return value
		}
		step = n
	default:
		return value
	}
	const infinity = 1000000
	if strings.EqualFold(present, "INFINITY") {
		return "INFINITY"
	}
	n, _ := strconv.Atoi(present)
	if n += step; n >= infinity {
		return "INFINITY"
	}
	return strconv.Itoa(n)
}
