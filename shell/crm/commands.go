package crm

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// configurationCommands are those that work on objects of the configuration.
func configurationCommands() []*command {
	return []*command{
		{name: "show", usage: "[xml] [ID… | PATTERN… | type:KIND | tag:ID | related:ID | changed]",
			summary: "print objects as commands, or as XML", example: "show type:order", run: runShow, words: completeSelection},
		{name: "delete", old: []string{"rm", "remove"}, usage: "[--force] ID…", summary: "delete objects and the constraints left hanging",
			example: "delete vip", run: runDelete, words: completeObjects},
		{name: "rename", usage: "OLD NEW", summary: "give an object another id, wherever it is named", example: "rename vip web-ip",
			run: runRename, words: completeObjects},
		{name: "modgroup", usage: "GROUP add RESOURCE [before|after RESOURCE] | GROUP remove RESOURCE",
			summary: "add a resource to a group, or take one out", example: "modgroup web add db before www", run: runModgroup, words: completeObjects},
		{name: "set", usage: "ID.ATTRIBUTE VALUE", summary: "give an attribute of an object a value", example: "set vip.ip 10.0.0.2", run: runSet},
		{name: "monitor", usage: "RESOURCE[:ROLE] INTERVAL[:TIMEOUT]", summary: "add a monitor operation to a primitive",
			example: "monitor vip 20s:20s", run: runMonitor, words: completeObjects},
		{name: "get_property", old: []string{"get-property"}, usage: "[-t] NAME…", summary: "print the values of cluster properties",
			example: "get_property stonith-enabled", run: runGetProperty},
		{name: "promotable", usage: "ID RESOURCE [meta …] [params …]", summary: "clone a resource that can be promoted: clone with promotable=true",
			example: "promotable data-clone data", run: func(s *session, w []word) error {
				return s.define("clone", append(slices.Clone(w), wordsOf([]string{"meta", "promotable=true"})...))
			}},
		{name: "xml", usage: "ELEMENT", summary: "define an object by its XML", run: func(s *session, w []word) error { return s.define("xml", w) }},
		{name: "default-timeouts", old: []string{"default_timeouts"}, usage: "ID…", summary: "set time limits of operations to the agents' advice", run: runDefaultTimeouts, words: completeObjects},
		{name: "verify", usage: "", summary: "check the whole configuration", run: runVerify},
		{name: "validate-all", old: []string{"validate_all"}, usage: "ID", summary: "let a resource's agent check its parameters", run: runValidate, words: completeObjects},
		{name: "commit", usage: "[force]", summary: "store the changes", run: runCommit},
		{name: "refresh", summary: "drop the changes and load the configuration again", run: runRefresh},
		{name: "erase", usage: "[nodes]", summary: "empty the configuration, or forget the nodes", run: runErase},
		{name: "ptest", old: []string{"simulate"}, usage: "[scores] [utilization] [actions]", summary: "show what the cluster would do after a commit", run: runSimulate},
		{name: "graph", usage: "[dot [FILE]]", summary: "draw the objects and the constraints between them as a graph", run: runGraph},
		{name: "schema", usage: "[NAME]", summary: "show or set the schema of the document", run: runSchema},
		{name: "upgrade", usage: "[force]", summary: "bring the document to the newest schema", run: runUpgrade},
		{name: "rsctest", usage: "RESOURCE… [NODE…]", summary: "call a resource's agent: monitor, without the cluster", run: runResourceTest, words: completeObjects},
	}
}

func runDelete(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(textsOf(words), func(w string) bool { return w == "--force" || w == "-f" })
	var missing error
	for _, name := range names {
		if m.objects[name] == nil {
			missing = errors.Join(missing, fmt.Errorf("object %s does not exist", name))
			continue
		}
		if running := m.running(name); running != "" && len(names) == len(words) && !s.options.force && s.live() {
			return fmt.Errorf("delete: resource %s is running on %s; stop it first, or use --force", name, running)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return m.objects[name] == nil })
	return errors.Join(m.remove(names...), missing)
}

// running says on which node the status has a resource running, "" when nowhere.
func (m *model) running(name string) string {
	status := m.doc.Section("status")
	e := m.objects[name]
	if status == nil || e == nil || !isResource(e) {
		return ""
	}
	var ids []string
	for d := range e.Descendants() {
		if d.Name == "primitive" {
			ids = append(ids, d.ID())
		}
	}
	for state := range status.All("node_state") {
		for d := range state.Descendants() {
			id, _, _ := strings.Cut(d.ID(), ":")
			if d.Name == "lrm_resource" && slices.Contains(ids, id) && activeHistory(d) {
				return state.Get("uname")
			}
		}
	}
	return ""
}

// activeHistory says whether the newest operation on record left the resource running.
func activeHistory(resource *cib.Element) bool {
	best, active := -1, false
	for op := range resource.All("lrm_rsc_op") {
		call := 0
		if _, err := fmt.Sscanf(op.Get("call-id"), "%d", &call); err != nil || call < best {
			continue
		}
		best = call
		ok := op.Get("rc-code") == "0"
		switch op.Get("operation") {
		case "start", "promote", "demote", "migrate_from":
			active = ok
		case "monitor":
			active = ok || op.Get("rc-code") == "8"
		case "stop", "migrate_to":
			active = !ok
		}
	}
	return active
}

func runRename(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	if len(words) != 2 {
		return usageError("expected the old and the new id")
	}
	if running := m.running(words[0].text); running != "" && s.live() {
		return fmt.Errorf("rename: resource %s is running on %s; stop it first", words[0].text, running)
	}
	return m.rename(words[0].text, words[1].text)
}

func runModgroup(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	texts := textsOf(words)
	if len(texts) != 3 && len(texts) != 5 {
		return usageError("expected a group, add or remove, and a resource")
	}
	group := m.objects[texts[0]]
	if group == nil || group.Name != "group" {
		return fmt.Errorf("modgroup: %s is no group", texts[0])
	}
	refs, err := modifiedMembers(members(group), texts)
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		return fmt.Errorf("modgroup: %s is the last member of %s; delete the group instead", texts[2], texts[0])
	}
	changed := skeleton(group)
	changed.Children = slices.DeleteFunc(changed.Children, func(c *cib.Element) bool { return c.Name == memberTag })
	for _, ref := range refs {
		changed.Append(member(ref))
	}
	err = m.update(group, changed)
	var missing *missingError
	if errors.As(err, &missing) {
		return softError{err}
	}
	return err
}

// modifiedMembers applies the words of modgroup to a group's members.
func modifiedMembers(refs, texts []string) ([]string, error) {
	group, action, id := texts[0], texts[1], texts[2]
	at := slices.Index(refs, id)
	switch action {
	case "remove":
		if len(texts) != 3 {
			return nil, usageError("expected the end of the command after the resource to remove")
		}
		if at < 0 {
			return nil, fmt.Errorf("modgroup: %s is not a member of %s", id, group)
		}
		return slices.Delete(slices.Clone(refs), at, at+1), nil
	case "add":
		if at >= 0 {
			return nil, fmt.Errorf("modgroup: %s is a member of %s already", id, group)
		}
		place := len(refs)
		if len(texts) == 5 {
			place = slices.Index(refs, texts[4])
			if texts[3] != "before" && texts[3] != "after" {
				return nil, usageError(fmt.Sprintf("expected before or after, not %q", texts[3]))
			}
			if place < 0 {
				return nil, fmt.Errorf("modgroup: %s is not a member of %s", texts[4], group)
			}
			if texts[3] == "after" {
				place++
			}
		}
		return slices.Insert(slices.Clone(refs), place, id), nil
	}
	return nil, usageError(fmt.Sprintf("expected add or remove, not %q", action))
}

func runSet(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	if len(words) != 2 {
		return usageError("expected ID.ATTRIBUTE and a value")
	}
	name, attribute, ok := strings.Cut(words[0].text, ".")
	for ok && m.objects[name] == nil && strings.Contains(attribute, ".") {
		var more string
		more, attribute, _ = strings.Cut(attribute, ".")
		name += "." + more
	}
	e := m.objects[name]
	if !ok || attribute == "" {
		return usageError(fmt.Sprintf("expected ID.ATTRIBUTE, not %q", words[0].text))
	}
	if e == nil {
		return fmt.Errorf("set: object %s does not exist", name)
	}
	return setAttribute(e, attribute, words[1].text)
}

// onlyOperation is the one operation of that name, nil when there is none or several.
func onlyOperation(e *cib.Element, name string) *cib.Element {
	ops := tracedOperations(e, traceRequest{operation: name})
	if len(ops) != 1 {
		return nil
	}
	return ops[0]
}

// setAttribute changes an attribute that an object has: of an operation ("monitor.interval" or "op_monitor_interval"),
// of one of its lists, or of its element.
func setAttribute(e *cib.Element, name, value string) error {
	if operation, attribute, ok := strings.Cut(name, "."); ok {
		if op := onlyOperation(e, operation); op != nil && op.Get(attribute) != "" && attribute != "id" {
			op.Set(attribute, value)
			return nil
		}
	}
	if rest, ok := strings.CutPrefix(name, "op_"); ok {
		operation, attribute, _ := strings.Cut(rest, "_")
		for ops := range e.All("operations") {
			for op := range ops.All("op") {
				if op.Get("name") == operation && attribute != "" {
					op.Set(attribute, value)
					return nil
				}
			}
		}
	}
	for d := range e.Descendants() {
		inside := d.Parent != nil && d != e && d.Name == "nvpair" && d.Get("name") == name && ownPart(d, e)
		if inside {
			d.Set("value", value)
			return nil
		}
	}
	if _, ok := e.Lookup(name); ok && name != "id" {
		e.Set(name, value)
		return nil
	}
	return fmt.Errorf("set: %s has no attribute %s; edit adds one", objectName(e), name)
}

// ownPart says whether d belongs to e and not to a member of e.
func ownPart(d, e *cib.Element) bool {
	for p := d.Parent; p != e; p = p.Parent {
		if p == nil || isResource(p) {
			return false
		}
	}
	return true
}

func runMonitor(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	return m.monitor(textsOf(words))
}

// monitor adds a monitor operation: RESOURCE[:ROLE] INTERVAL[:TIMEOUT].
func (m *model) monitor(texts []string) error {
	if len(texts) != 2 {
		return usageError("expected a resource, and an interval with or without a timeout")
	}
	id, role, _ := strings.Cut(texts[0], ":")
	interval, timeout, _ := strings.Cut(texts[1], ":")
	e := m.objects[id]
	if e == nil {
		return fmt.Errorf("monitor: object %s does not exist", id)
	}
	if e.Name != "primitive" && e.Name != "template" {
		return fmt.Errorf("monitor: %s is a %s; only a primitive can be monitored", id, kindName(e))
	}
	if interval == "" {
		return usageError(fmt.Sprintf("expected INTERVAL[:TIMEOUT] such as 20s:30s, not %q", texts[1]))
	}
	if role != "" && !slices.Contains([]string{"Started", "Master", "Slave", "Promoted", "Unpromoted", "Stopped"}, role) {
		return usageError(fmt.Sprintf("expected a role (Started, Promoted, Unpromoted, Stopped, Master or Slave) after the colon, not %q", role))
	}
	ops := e.Ensure("operations")
	for op := range ops.All("op") {
		if op.Get("name") == "monitor" && spanOf(op.Get("interval")) == spanOf(interval) {
			return fmt.Errorf("monitor: %s has a monitor operation with interval %s already", id, interval)
		}
	}
	op := ops.Append(cib.NewElement("op", "name", "monitor"))
	if role != "" {
		op.Set("role", role)
	}
	op.Set("interval", interval)
	if timeout != "" {
		op.Set("timeout", timeout)
	}
	op.Set("id", m.ids.fresh(id+"-monitor-"+asID(interval)))
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// runDefaultTimeouts sets the time limits of operations to what their agents advise.
func runDefaultTimeouts(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return usageError("expected the id of a primitive")
	}
	for _, w := range words {
		e := m.objects[w.text]
		if e == nil {
			return fmt.Errorf("default-timeouts: object %s does not exist", w.text)
		}
		if e.Name != "primitive" {
			s.warn("element %s is not a primitive", w.text)
			continue
		}
		agent := m.templateOf(e)
		info, err := m.agents.describe(agent.Get("class"), agent.Get("provider"), agent.Get("type"))
		if err != nil {
			return err
		}
		m.adviseTimeouts(e, info)
	}
	return nil
}

// adviseTimeouts gives operations the time limits that the agent advises; start and stop, promote and demote
// are made when they are missing.
func (m *model) adviseTimeouts(e *cib.Element, info *agentInfo) {
	ops := e.Ensure("operations")
	seen := map[string]bool{}
	for op := range ops.All("op") {
		seen[op.Get("name")] = true
		if advice := info.actions[op.Get("name")]["timeout"]; advice != "" {
			op.Set("timeout", advice)
		}
	}
	for _, name := range neverAgain {
		if advice := info.actions[name]["timeout"]; advice != "" && !seen[name] {
			ops.Append(cib.NewElement("op", "name", name, "timeout", advice, "interval", "0", "id", m.ids.fresh(e.ID()+"-"+name+"-0")))
		}
	}
}

func runErase(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	switch {
	case len(words) == 0:
		m.erase(false)
	case len(words) == 1 && words[0].text == "nodes":
		for _, e := range m.all() {
			if e.Name == "node" {
				m.drop(e)
			}
		}
	default:
		return usageError("expected nothing, or nodes")
	}
	return nil
}

// fileCommands are those that exchange the configuration as text.
func fileCommands() []*command {
	return []*command{
		{name: "load", usage: "[xml] {update|replace|push} FILE|URL|-", summary: "apply a file of commands, or of XML",
			example: "load update cluster.crm", run: runLoad},
		{name: "save", usage: "[xml] [OBJECT…] FILE", summary: "write the configuration to a file", example: "save vip web web.crm", run: runSave},
		{name: "edit", usage: "[xml] [OBJECT…]", summary: "change objects in an editor", example: "edit vip",
			run:   func(s *session, w []word) error { return s.editText(textsOf(w), s.edited) },
			words: completeObjects},
		{name: "filter", usage: "COMMAND [xml] [OBJECT…]", summary: "change objects through a program", example: `filter "sed s/10s/20s/" vip`,
			run: runFilter},
	}
}

func runFilter(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected a shell command")
	}
	return s.editText(textsOf(words[1:]), func(text string) (string, error) { return filtered(words[0].text, text) })
}

func runLoad(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	texts, asXML := withoutXML(textsOf(words))
	methods := map[string]loadMethod{"update": loadUpdate, "replace": loadReplace, "push": loadPush}
	if len(texts) != 2 {
		return usageError("expected update, replace or push, and a file")
	}
	method, ok := methods[texts[0]]
	if !ok {
		return usageError(fmt.Sprintf("expected update, replace or push, not %q", texts[0]))
	}
	text, err := s.readFrom(texts[1])
	if err != nil {
		return err
	}
	if asXML || strings.HasPrefix(strings.TrimSpace(text), "<") {
		return m.loadXML(texts[1], text, method)
	}
	var scope []string
	if method == loadPush {
		for name := range m.objects {
			scope = append(scope, name)
		}
	}
	return m.load(texts[1], text, method, scope)
}

// loadXML applies a document or a <configuration>.
func (m *model) loadXML(file, text string, method loadMethod) error {
	e, err := cib.ParseElement(file, []byte(text))
	if err != nil {
		return err
	}
	if e.Name == "cib" {
		e = e.Child("configuration")
	}
	if e == nil || e.Name != "configuration" {
		return fmt.Errorf("%s: expected <cib> or <configuration>", file)
	}
	if method != loadUpdate {
		e.Remove()
		return m.replaceConfiguration(e)
	}
	e.Remove()
	root := cib.NewElement("cib")
	root.Append(e)
	other := newModel(&cib.Document{Root: root}, m.agents, m.notice)
	return m.load(file, other.text(other.all(), true), loadUpdate, nil)
}

func runSave(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	texts, asXML := withoutXML(textsOf(words))
	if len(texts) == 0 {
		return usageError("expected a file")
	}
	objects, file := texts[:len(texts)-1], texts[len(texts)-1]
	list, err := m.selection(objects)
	if err != nil {
		return err
	}
	text := m.text(list, true)
	if asXML {
		text = "<?xml version=\"1.0\" ?>\n" + withoutDefaults(m.extract(list, len(objects) == 0)).String()
	}
	if file == "-" {
		s.printf("%s", text)
		return nil
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return nil
}
