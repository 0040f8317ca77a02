package crm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// configureLevel holds the commands on the configuration.
func configureLevel() *level {
	l := &level{name: "configure", summary: "the configuration: resources, constraints, properties", leave: leaveConfigure}
	for _, k := range kinds {
		l.commands = append(l.commands, definitionCommand(k))
	}
	l.commands = append(l.commands, configurationCommands()...)
	l.commands = append(l.commands, fileCommands()...)
	l.levels = []*level{cibLevel(), raLevel(), templateLevel(), assistLevel(), cibstatusLevel()}
	return l
}

// definitionUsage says what follows the name of each kind's command.
var definitionUsage = map[string][3]string{
	"node":             {"[ID:] NAME[:TYPE] [attributes NAME=VALUE…] [utilization NAME=VALUE…]", "define a node, or give one attributes", "node alpha attributes standby=on"},
	"rsc_template":     {"ID [CLASS:[PROVIDER:]]TYPE [params …] [meta …] [op …]", "define what several primitives have in common", "rsc_template web apache op monitor interval=10s"},
	"primitive":        {"ID {[CLASS:[PROVIDER:]]TYPE|@TEMPLATE} [params …] [meta …] [utilization …] [op NAME …]", "define a resource", "primitive vip IPaddr2 params ip=10.0.0.1 op monitor interval=10s"},
	"bundle":           {"ID docker|podman|rkt OPTION=VALUE… [network …] [storage …] [primitive ID] [meta …]", "define a resource that runs in containers", "bundle b podman image=web replicas=2 primitive web"},
	"group":            {"ID RESOURCE… [meta …] [params …]", "keep resources together and start them in order", "group service vip web"},
	"ms":               {"ID RESOURCE [meta …] [params …]", "clone a resource that can be promoted (old form)", "ms data-ms data"},
	"clone":            {"ID RESOURCE [meta …] [params …]", "run a resource on several nodes", "clone data-clone data meta promotable=true"},
	"tag":              {"ID OBJECT…", "name a collection of objects", "tag frontend vip web"},
	"colocation":       {"ID SCORE: RESOURCE[:ROLE] WITH[:ROLE] [node-attribute=NAME]", "keep resources on one node, or apart", "colocation web-with-vip inf: web vip"},
	"location":         {"ID RESOURCE [role=ROLE] {SCORE: NODE | rule …}", "prefer or avoid a node for a resource", "location web-home web 100: alpha"},
	"order":            {"ID [KIND:] FIRST[:ACTION] THEN[:ACTION] [symmetrical=BOOL]", "start resources one after the other", "order vip-first Mandatory: vip web"},
	"fencing_topology": {"[TARGET] DEVICE[,DEVICE…]…", "say which fence devices to use, in which order", "fencing_topology alpha: ipmi-a pdu-a"},
	"rsc_ticket":       {"ID TICKET: RESOURCE[:ROLE]… [loss-policy=POLICY]", "tie a resource to a ticket", "rsc_ticket web-here site: web loss-policy=stop"},
	"property":         {"NAME=VALUE…", "set properties of the cluster", "property stonith-enabled=false"},
	"rsc_defaults":     {"NAME=VALUE…", "set defaults for the meta attributes of resources", "rsc_defaults resource-stickiness=100"},
	"op_defaults":      {"NAME=VALUE…", "set defaults for operations", "op_defaults timeout=60s"},
	"role":             {"ID {read|write|deny} {xpath:PATH|ref:ID|type:ELEMENT|SHORTCUT}…", "define a role of access control", "role operator write meta:web:target-role"},
	"acl_target":       {"USER ROLE…", "give a user roles", "acl_target joe operator"},
	"alert":            {"ID PATH [attributes …] [meta …] [select …] [to RECIPIENT …]…", "call a program when something happens", "alert log /usr/local/bin/log-event to /var/log/events"},
}

func definitionCommand(k *kind) *command {
	about := definitionUsage[k.command]
	c := &command{
		name: k.command, usage: about[0], summary: about[1], example: about[2],
		run:   func(s *session, words []word) error { return s.define(k.command, words) },
		words: func(s *session, before []string) []string { return completeDefinition(s, k, before) },
	}
	switch k.command {
	case "ms":
		c.old = []string{"master"}
	case "colocation":
		c.old = []string{"collocation"}
	}
	return c
}

// parse reads a command into an element.
func (m *model) parse(name string, words []word) (*kind, *cib.Element, error) {
	if name == "xml" {
		return m.parseXML(words)
	}
	k := kindOfCommand(name)
	if k == nil {
		return nil, nil, fmt.Errorf("%q is no kind of object", name)
	}
	r := &reader{command: name, words: words, context: m}
	e, err := k.parse(r)
	if err == nil {
		err = r.end()
	}
	return k, e, err
}

// parseXML reads an object given as XML.
func (m *model) parseXML(words []word) (*kind, *cib.Element, error) {
	text := strings.Join(textsOf(words), " ")
	e, err := cib.ParseElement("xml", []byte(text))
	if err != nil {
		return nil, nil, err
	}
	section := cib.NewElement("configuration")
	for _, k := range kinds {
		if k.tag == e.Name {
			section = cib.NewElement(k.section)
			break
		}
	}
	section.Append(e)
	k := kindOf(e)
	if k == nil {
		return nil, nil, fmt.Errorf("xml: <%s> is no object of the configuration", e.Name)
	}
	if k.command != topologyID && !validID(e.ID()) && k.command != "node" {
		return nil, nil, fmt.Errorf("xml: <%s> needs an id", e.Name)
	}
	for i, c := range e.Children {
		if isResource(c) {
			e.Children[i] = member(c.ID())
			e.Children[i].Parent = e
		}
	}
	e.Remove()
	return k, e, nil
}

// withMembers lists the resources in an object given as XML, each before what it is in, and the object last.
func withMembers(text string) []string {
	e, err := cib.ParseElement("xml", []byte(text))
	if err != nil || !isContainer(e) {
		return []string{text} // what is wrong with it is told when it is parsed
	}
	var list []string
	for c := range e.Elements() {
		if isResource(c) {
			list = append(list, withMembers(c.String())...)
		}
	}
	return append(list, text)
}

// defineAll defines a container given as XML, with the resources in it. Those that exist already become what the XML says.
func (m *model) defineAll(list []string) error {
	k, e, err := m.parseXML([]word{{text: list[len(list)-1]}})
	if err != nil {
		return err
	}
	if m.same(e) != nil {
		return m.define(k, e) // says that it exists
	}
	var objects []*parsedObject
	for _, text := range list {
		objects = append(objects, &parsedObject{name: "xml", words: []word{{text: text}}, line: 1})
	}
	trial := m.copy()
	if _, err := trial.applyObjects("xml", objects, loadUpdate, nil); err != nil {
		return err
	}
	*m = *trial
	return nil
}

// define runs the command of a kind.
func (s *session) define(name string, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	if name == "xml" {
		if list := withMembers(strings.Join(textsOf(words), " ")); len(list) > 1 {
			return m.defineAll(list)
		}
	}
	k, e, err := m.parse(name, words)
	if err != nil {
		return err
	}
	if k.command == "ms" {
		texts := textsOf(words)
		if !slices.Contains(texts, "meta") {
			texts = append(texts, "meta")
		}
		s.warn("\"ms\" is deprecated. Please use \"clone %s promotable=true\"", strings.Join(texts, " "))
	}
	if err := m.define(k, e); err != nil {
		return err
	}
	if on := e.Pair("maintenance-mode"); on != nil && k.command == "property" && on.Get("value") == "true" {
		s.overrideMaintenance(m.doc, true)
	}
	return nil
}

func leaveConfigure(s *session) error {
	if s.model == nil || slices.ContainsFunc(s.levels[:len(s.levels)-1], func(l *level) bool { return l.name == "configure" }) {
		return nil
	}
	drop := func() { s.model = nil }
	if !s.model.changed() {
		drop()
		return nil
	}
	if s.interactive && !s.confirm(true, "There are changes pending. Do you want to commit them?") {
		if s.terminal.keys.interrupted {
			return errStays
		}
		drop()
		return nil
	}
	defer drop()
	return s.commit()
}

// commit checks the changes and stores them.
func (s *session) commit() error {
	m := s.model
	if !s.verifyChanges(m) {
		if s.options.force {
			s.info("commit forced")
		} else if !s.interactive || !s.confirm(false, "Do you still want to commit?") {
			return fmt.Errorf("commit: nothing is changed, since the configuration has the errors above: %w", errReported)
		}
	}
	to, err := s.source()
	if err != nil {
		return err
	}
	result := m.result()
	base := m.base.Configuration()
	err = to.Change(s.cause("configure commit"), func(doc *cib.Document) error {
		if !s.options.force && !sameConfiguration(doc, base) {
			return errors.New("commit: somebody else has changed the configuration since it was loaded; 'refresh' loads it again, -F overwrites it")
		}
		transplant(doc, result)
		return nil
	})
	if err != nil {
		return err
	}
	stored, err := to.Load()
	if err != nil {
		return fmt.Errorf("commit: it is done, but the result cannot be read: %w", err)
	}
	m.committed(stored)
	return s.awaitTransition()
}

// sameConfiguration says whether doc still has the configuration that was loaded.
func sameConfiguration(doc *cib.Document, loaded *cib.Element) bool {
	now := doc.Clone()
	settle(now)
	return sameElement(now.Configuration(), loaded)
}

// awaitTransition waits, if the user wants it, until the cluster has nothing more to do.
func (s *session) awaitTransition() error {
	if !s.options.yes("wait") {
		return nil
	}
	from, err := s.source()
	if err != nil || !from.Live() {
		return err
	}
	return s.waitForCluster()
}

// verifyChanges checks the document and the objects that changed; it says whether they may be committed.
func (s *session) verifyChanges(m *model) bool {
	if s.options.values["check-frequency"] == "never" || !m.hasResources() {
		return s.tell(m.checkSchema())
	}
	good := s.tell(m.check())
	return s.tell(m.checkObjects(m.changedObjects(), s.options.values["check-mode"] == "strict")) && good
}

// changedObjects names the objects that are new or differ from what was loaded.
func (m *model) changedObjects() []string {
	before := newModel(m.base.Clone(), m.agents, func(string) {})
	var names []string
	for name, e := range m.objects {
		old := before.same(e)
		if old == nil || skeleton(old).String() != skeleton(e).String() {
			names = append(names, name)
		}
	}
	return names
}

func runCommit(s *session, words []word) error {
	if len(words) > 0 && words[0].text == "force" {
		saved := s.options.force
		s.options.force = true
		defer func() { s.options.force = saved }()
	}
	m, err := s.configuration()
	if err != nil {
		return err
	}
	if !m.changed() {
		s.info("apparently there is nothing to commit")
		s.info("try changing something first")
		return nil
	}
	return s.commit()
}

func runVerify(s *session, _ []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	var names []string
	for name := range m.objects {
		names = append(names, name)
	}
	good := s.tell(m.check())
	if good = s.tell(m.checkObjects(names, s.options.values["check-mode"] == "strict")) && good; !good {
		return errReported
	}
	return nil
}

func runRefresh(s *session, _ []word) error {
	if s.model != nil && s.model.changed() && s.interactive &&
		!s.confirm(false, "All changes will be dropped. Do you want to proceed?") {
		return nil
	}
	s.model = nil
	_, err := s.configuration()
	return err
}

// edited runs the user's editor on text and returns what it left. Without a terminal it runs none: most would wait for a
// person for ever.
func (s *session) edited(text string) (string, error) {
	if !isTerminal(s.stdin) {
		return "", errors.New("edit: there is no terminal for an editor; in a script use 'filter', 'load' or 'set'")
	}
	editor := s.options.values["editor"]
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if editor == "" {
			editor = s.getenv(name)
		}
	}
	if editor == "" {
		editor = "vi"
	}
	dir, err := os.MkdirTemp("", "crm-edit")
	if err != nil {
		return "", fmt.Errorf("edit: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "configuration.pcmk")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("edit: %w", err)
	}
	cmd := exec.Command("/bin/sh", "-c", editor+` "$1"`, "sh", file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.stdin, s.stdout, s.stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("edit: the editor %s failed: %w; nothing is changed", editor, err)
	}
	after, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("edit: %w", err)
	}
	return string(after), nil
}
