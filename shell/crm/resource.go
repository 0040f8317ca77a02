package crm

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/resource"
)

// resourceLevel holds the commands on running resources.
func resourceLevel() *level {
	role := func(value string) func(*session, []word) error {
		return func(s *session, words []word) error { return setRole(s, words, value) }
	}
	managed := func(value string) func(*session, []word) error {
		return func(s *session, words []word) error { return setManaged(s, words, value) }
	}
	l := &level{name: "resource", summary: "resources: start, stop, move, look"}
	l.commands = []*command{
		{name: "start", usage: "RESOURCE…", summary: "let resources run", example: "start vip", run: role("Started"), words: completeResources},
		{name: "stop", usage: "RESOURCE…", summary: "stop resources", example: "stop vip", run: role("Stopped"), words: completeResources},
		{name: "restart", usage: "RESOURCE", summary: "stop and start a resource", run: restartResource, words: completeResources},
		{name: "promote", usage: "RESOURCE", summary: "promote a promotable clone", run: promoteTo("Master"), words: completeResources},
		{name: "demote", usage: "RESOURCE", summary: "demote a promotable clone", run: promoteTo("Slave"), words: completeResources},
		{name: "manage", usage: "RESOURCE", summary: "let the cluster manage a resource", run: managed("true"), words: completeResources},
		{name: "unmanage", usage: "RESOURCE", summary: "keep the cluster's hands off a resource", run: managed("false"), words: completeResources},
		{name: "maintenance", usage: "RESOURCE [on|off]", summary: "put a resource into maintenance: nothing is done to it, not even monitored",
			run: setMaintenance, words: completeResources},
		{name: "move", old: []string{"migrate"}, usage: "RESOURCE [NODE] [LIFETIME] [force]", summary: "move a resource to a node, or away from where it is",
			example: "move web alpha", run: moveResource, words: completeResources},
		{name: "ban", usage: "RESOURCE [NODE] [LIFETIME] [force]", summary: "keep a resource off a node", run: banResource, words: completeResources},
		{name: "clear", old: []string{"unmigrate", "unmove", "unban"}, usage: "RESOURCE", summary: "remove what move and ban left behind",
			run: clearResource, words: completeResources},
		{name: "param", usage: "RESOURCE set NAME VALUE | RESOURCE delete|show NAME", summary: "one parameter of a resource", run: attributeCommand("instance_attributes"), words: completeAttribute("instance_attributes", completeResources)},
		{name: "meta", usage: "RESOURCE set NAME VALUE | RESOURCE delete|show NAME", summary: "one meta attribute of a resource", run: attributeCommand("meta_attributes"), words: completeAttribute("meta_attributes", completeResources)},
		{name: "utilization", usage: "RESOURCE set NAME VALUE | RESOURCE delete|show NAME", summary: "one utilization attribute of a resource", run: attributeCommand("utilization"), words: completeAttribute("utilization", completeResources)},
		{name: "trace", usage: "RESOURCE [OPERATION] [INTERVAL] [DIRECTORY]", summary: "record what an agent does", run: traceResource, words: completeResources},
		{name: "untrace", usage: "RESOURCE [OPERATION] [INTERVAL]", summary: "record it no more", run: untraceResource, words: completeResources},
		{name: "constraints", usage: "RESOURCE", summary: "the constraints on a resource", run: showConstraints, words: completeResources},
		{name: "operations", usage: "[RESOURCE] [NODE]", summary: "the operations on record", run: showOperations, words: completeResources},
	}
	l.commands = append(l.commands, liveResourceCommands()...)
	return l
}

// resourceIn finds a resource in a document.
func resourceIn(doc *cib.Document, id string) (*cib.Element, error) {
	if section := doc.Section("resources"); section != nil {
		for d := range section.Descendants() {
			if d.ID() == id && (isResource(d) || d.Name == "template") {
				return d, nil
			}
		}
	}
	return nil, fmt.Errorf("there is no resource %s; 'configure show type:primitive' lists them", id)
}

// cloneOf is the clone that a resource is the member of, or the resource.
func cloneOf(e *cib.Element) *cib.Element {
	if e.Parent != nil && (e.Parent.Name == "clone" || e.Parent.Name == "master") {
		return e.Parent
	}
	return e
}

// tidyAttributes drops attribute lists without attributes and puts those of containers before
// the members.
func tidyAttributes(doc *cib.Document) {
	section := doc.Section("resources")
	if section == nil {
		return
	}
	for _, e := range slices.Collect(section.Descendants()) {
		if isAttributeList(e) && len(e.Children) == 0 && e.Get("id-ref") == "" && isResource(e.Parent) {
			e.Remove()
		}
	}
	arrangeContainers(doc)
}

// settle brings a document into the form that commands have: lists of containers before the members, comparisons of texts
// without saying that they are of texts.
func settle(doc *cib.Document) {
	arrangeContainers(doc)
	for e := range doc.Configuration().Descendants() {
		if isDefaultType(e) {
			e.Unset("type")
		}
	}
}

// arrangeContainers puts the attribute lists of containers before the members.
func arrangeContainers(doc *cib.Document) {
	section := doc.Section("resources")
	if section == nil {
		return
	}
	for e := range section.Descendants() {
		if e.Name == "group" || e.Name == "clone" || e.Name == "master" {
			slices.SortStableFunc(e.Children, func(a, b *cib.Element) int { return listFirst(a) - listFirst(b) })
		}
	}
}

func isAttributeList(e *cib.Element) bool {
	return e.Name == "instance_attributes" || e.Name == "meta_attributes" || e.Name == "utilization"
}

func listFirst(e *cib.Element) int {
	switch {
	case e.Kind != cib.ElementNode:
		return 0
	case isAttributeList(e):
		return 1
	}
	return 2
}

// metaSetter sets meta attributes of resources, with ids that nothing has or had.
type metaSetter struct {
	s   *session
	ids *identifiers
}

func newMetaSetter(s *session, doc *cib.Document) *metaSetter {
	return &metaSetter{s: s, ids: newIdentifiers(doc.Configuration())}
}

// set gives a resource a meta attribute, in every list that has it, else in the first.
func (m *metaSetter) set(e *cib.Element, name, value string) {
	found := false
	var first *cib.Element
	for list := range e.All("meta_attributes") {
		if list.Get("id-ref") != "" {
			continue
		}
		if first == nil {
			first = list
		}
		for pair := range list.All("nvpair") {
			if pair.Get("name") == name {
				pair.Set("value", value)
				found = true
			}
		}
	}
	if found {
		return
	}
	if first == nil {
		first = e.Append(cib.NewElement("meta_attributes", "id", m.ids.fresh(e.ID()+"-meta_attributes")))
	}
	first.Append(cib.NewElement("nvpair", "id", m.ids.fresh(first.ID()+"-"+asID(name)), "name", name, "value", value))
}

// hasMeta says whether a resource has a meta attribute of its own.
func hasMeta(e *cib.Element, name string) bool {
	_, ok := metaOf(e, name)
	return ok
}

func metaOf(e *cib.Element, name string) (string, bool) {
	pair := e.PairIn("meta_attributes", name)
	return pair.Get("value"), pair != nil
}

// unset takes a meta attribute away from a resource, and lists that it leaves empty.
func (m *metaSetter) unset(e *cib.Element, name string) {
	for _, list := range slices.Collect(e.All("meta_attributes")) {
		for _, pair := range slices.Collect(list.All("nvpair")) {
			if pair.Get("name") == name {
				pair.Remove()
			}
		}
		if len(list.Children) == 0 && list.Get("id-ref") == "" {
			list.Remove()
		}
	}
}

// children lists the resources inside e.
func children(e *cib.Element) []*cib.Element {
	var list []*cib.Element
	for d := range e.Descendants() {
		if d != e && isResource(d) {
			list = append(list, d)
		}
	}
	return list
}

// apply sets an attribute of a resource (or of the clone around it); conflict, if not "", is an
// attribute that cannot stand beside it.
func (m *metaSetter) apply(e *cib.Element, name, value, conflict string) {
	e = cloneOf(e)
	for _, child := range children(e) {
		if hasMeta(child, name) {
			cloned := child.Parent == e && (e.Name == "clone" || e.Name == "master")
			if cloned || m.override(name, child.ID()) {
				m.unset(child, name)
			}
		}
		if conflict != "" && hasMeta(child, conflict) &&
			m.s.confirm(false, "'%s' conflicts with '%s' attribute. Remove '%s' for child resource %s?", name, conflict, conflict, child.ID()) {
			m.unset(child, conflict)
		}
	}
	if conflict != "" && hasMeta(e, conflict) &&
		m.s.confirm(false, "'%s' conflicts with '%s' attribute. Remove '%s' for resource %s?", name, conflict, conflict, e.ID()) {
		m.unset(e, conflict)
	}
	m.set(e, name, value)
}

// override asks whether the attribute of a member shall give way to that of its group.
func (m *metaSetter) override(name, child string) bool {
	switch m.s.options.values["manage-children"] {
	case "never":
		return false
	case "always":
		return true
	}
	return m.s.confirm(false, "Do you want to override '%s' for child resource %s?", name, child)
}

// changeMeta applies one attribute to the resources that words name.
func (s *session) changeMeta(command string, ids []string, name, value, conflict string) error {
	if len(ids) == 0 {
		return usageError("expected a resource")
	}
	err := s.change("resource "+command, func(doc *cib.Document) error {
		tidyAttributes(doc)
		setter := newMetaSetter(s, doc)
		for _, id := range ids {
			e, err := resourceIn(doc, id)
			if err != nil {
				return err
			}
			setter.apply(e, name, value, conflict)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.awaitTransition()
}

func setRole(s *session, words []word, value string) error {
	return s.changeMeta("target-role="+value, expandTags(s, textsOf(words)), "target-role", value, "")
}

// promoteTo sets the role of promotable clones, under the name that every version knows.
func promoteTo(role string) func(*session, []word) error {
	return func(s *session, words []word) error {
		if len(words) == 0 {
			return usageError("expected a resource")
		}
		for _, w := range words {
			if err := s.mustBePromotable(w.text); err != nil {
				return err
			}
			if err := s.setResourceAttribute("meta_attributes", w.text, "target-role", role); err != nil {
				return err
			}
		}
		return s.awaitTransition()
	}
}

// resource finds a resource in the session's document.
func (s *session) resource(id string) (*cib.Element, error) {
	doc, err := s.document()
	if err != nil {
		return nil, err
	}
	return resourceIn(doc, id)
}

// mustBePromotable refuses a resource that is no promotable clone.
func (s *session) mustBePromotable(id string) error {
	e, err := s.resource(id)
	if err != nil {
		return err
	}
	if e.Name == "master" {
		return nil
	}
	for list := range e.All("meta_attributes") {
		if pair := list.Pair("promotable"); e.Name == "clone" && pair != nil && cib.ParseBool(pair.Get("value"), false) {
			return nil
		}
	}
	return fmt.Errorf("%s is not a promotable resource", id)
}

// expandTags puts a tag's members in the place of the tag.
func expandTags(s *session, ids []string) []string {
	doc, err := s.document()
	if err != nil {
		return ids
	}
	var list []string
	for _, id := range ids {
		e := doc.ByID(id)
		if e == nil || e.Name != "tag" {
			list = append(list, id)
			continue
		}
		for ref := range e.All("obj_ref") {
			list = append(list, ref.ID())
		}
	}
	return list
}

func setManaged(s *session, words []word, value string) error {
	if len(words) != 1 {
		return usageError("expected one resource")
	}
	return s.changeMeta("is-managed="+value, textsOf(words), "is-managed", value, "maintenance")
}

func setMaintenance(s *session, words []word) error {
	texts := textsOf(words)
	value := "true"
	if len(texts) == 2 {
		on, ok := map[string]string{"on": "true", "true": "true", "off": "false", "false": "false"}[strings.ToLower(texts[1])]
		if !ok {
			return usageError(fmt.Sprintf("expected on or off, not %q", texts[1]))
		}
		value, texts = on, texts[:1]
	}
	if len(texts) != 1 {
		return usageError("expected a resource")
	}
	return s.changeMeta("maintenance", texts, "maintenance", value, "is-managed")
}

// attributeCommand makes the command for one attribute in a kind of list.
func attributeCommand(tag string) func(*session, []word) error {
	return func(s *session, words []word) error {
		texts := textsOf(words)
		switch {
		case len(texts) == 4 && texts[1] == "set":
			return s.setResourceAttribute(tag, texts[0], texts[2], texts[3])
		case len(texts) == 3 && texts[1] == "delete":
			return s.deleteResourceAttribute(tag, texts[0], texts[2])
		case len(texts) == 3 && texts[1] == "show":
			return s.showResourceAttribute(tag, texts[0], texts[2])
		}
		return usageError("expected a resource, set, delete or show, and the attribute")
	}
}

// kindOption is crm_resource's option for a kind of list.
var kindOption = map[string]string{"meta_attributes": "--meta", "utilization": "--utilization", "instance_attributes": ""}

func (s *session) setResourceAttribute(tag, id, name, value string) error {
	return s.crmResource("resource set "+name, kindOption[tag], "--resource="+id, "--set-parameter="+name, "--parameter-value="+value)
}

func (s *session) deleteResourceAttribute(tag, id, name string) error {
	return s.crmResource("resource delete "+name, kindOption[tag], "--resource="+id, "--delete-parameter="+name)
}

func (s *session) showResourceAttribute(tag, id, name string) error {
	return s.crmResource("resource show "+name, kindOption[tag], "--resource="+id, "--get-parameter="+name)
}

// crmResource lets crm_resource act on the session's document.
func (s *session) crmResource(cause string, args ...string) error {
	from, err := s.source()
	if err != nil {
		return err
	}
	args = slices.DeleteFunc(args, func(a string) bool { return a == "" })
	if (resource.Caller{Source: from, Cause: s.cause(cause), Stdout: s.stdout, Stderr: s.stderr}).Run(args...) != 0 {
		return errReported
	}
	return nil
}
