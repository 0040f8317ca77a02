package crm

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// checkUnique finds parameters that their agent wants to be unique, and of which a changed primitive and another
// of the agent have the same value: two addresses or state files would be in each other's way.
func (m *model) checkUnique(changed []string) []finding {
	holders := map[string][]string{} // of a value: agent, parameter and value to the primitives' ids
	for _, e := range m.all() {
		if e.Name != "primitive" || m.templateOf(e).Get("class") != "ocf" {
			continue
		}
		for parameter, value := range m.parametersOf(e) {
			agent := m.templateOf(e)
			key := strings.Join([]string{agentName("ocf", agent.Get("provider"), agent.Get("type")), parameter, value}, "\x00")
			holders[key] = append(holders[key], e.ID())
		}
	}
	var found []finding
	for key, ids := range holders {
		part := strings.SplitN(key, "\x00", 3)
		if len(ids) < 2 || !slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(changed, id) }) || !m.wantsUnique(part[0], part[1]) {
			continue
		}
		slices.Sort(ids)
		found = append(found, finding{object: ids[0], fatal: true, warning: true,
			text: fmt.Sprintf("Resources %s violate uniqueness for parameter \"%s\": \"%s\"", strings.Join(ids, ","), part[1], part[2])})
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.text, b.text) })
	return found
}

// parametersOf are the parameters of a primitive with what its template gives it.
func (m *model) parametersOf(e *cib.Element) map[string]string {
	values := map[string]string{}
	for _, source := range []*cib.Element{m.templateOf(e), e} {
		for set := range source.All("instance_attributes") {
			for pair := range set.All("nvpair") {
				if value, ok := pair.Lookup("value"); ok {
					values[pair.Get("name")] = value
				}
			}
		}
	}
	return values
}

// wantsUnique tells whether an ocf agent wants a parameter to be unique.
func (m *model) wantsUnique(agent, parameter string) bool {
	part := strings.Split(agent, ":")
	info, err := m.agents.describe(part[0], part[1], part[2])
	return err == nil && info.unique[parameter]
}
