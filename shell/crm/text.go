package crm

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
)

// parsedObject is one object of a text.
type parsedObject struct {
	kind     *kind
	element  *cib.Element
	comments []string
	line     int
	name     string
	words    []word
}

// parseText reads commands that define objects; file names the text in messages. Comment lines
// belong to the object that follows.
func (m *model) parseText(file, text string) ([]*parsedObject, error) {
	list, errs := parseObjects(file, text, 1)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return list, nil
}

// parseObjects is parseText that goes on after an error, to as many as most.
func parseObjects(file, text string, most int) (list []*parsedObject, errs []error) {
	lines := newLineReader(strings.NewReader(text))
	var comments []string
	lines.comment = func(text string) {
		if !slices.Contains(comments, text) {
			comments = append(comments, text)
		}
	}
	for len(errs) < most {
		begins := lines.number + 1
		line, ok := lines.next()
		if !ok {
			break
		}
		switch line = strings.TrimSpace(line); {
		case line == "":
			continue
		case strings.HasPrefix(line, "#"):
			lines.comment(line)
			continue
		}
		objects, err := parseObjectLine(line)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, begins, err))
		}
		if len(objects) == 0 {
			continue
		}
		for _, o := range objects {
			o.line = begins
		}
		objects[len(objects)-1].comments = comments
		comments = nil
		list = append(list, objects...)
	}
	if lines.err != nil {
		errs = append(errs, lines.err)
	}
	return list, errs
}

// parseObjectLine reads one command; one in XML can be several objects.
func parseObjectLine(line string) ([]*parsedObject, error) {
	if rest, ok := strings.CutPrefix(line, "xml "); ok {
		var list []*parsedObject
		for _, text := range withMembers(rest) {
			list = append(list, &parsedObject{name: "xml", words: []word{{text: text}}})
		}
		return list, nil
	}
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		return nil, err
	}
	o := &parsedObject{name: words[0].text, words: words[1:]}
	switch o.name {
	case "commit", "configure", "quit", "exit", "bye", "end", "up": // of a script that is loaded
		return nil, nil
	case "monitor":
		return []*parsedObject{o}, nil
	}
	if kindOfCommand(o.name) == nil {
		return nil, fmt.Errorf("%q is no kind of object: expected primitive, group, clone, location, property, …", o.name)
	}
	return []*parsedObject{o}, nil
}

// resolve parses the words of o against the document as it is now.
func (m *model) resolve(file string, o *parsedObject) error {
	var err error
	o.kind, o.element, err = m.parse(o.name, o.words)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", file, o.line, err)
	}
	if o.element.Name == "node" {
		m.keepNodeID(o.element)
	}
	for i, text := range o.comments {
		o.element.InsertAt(i, &cib.Element{Kind: cib.CommentNode, Text: text})
	}
	return nil
}

// keepNodeID gives a node whose text says no id the one that the cluster has for it.
func (m *model) keepNodeID(e *cib.Element) {
	for node := range m.base.Section("nodes").All("node") {
		if node.Get("uname") == e.Get("uname") && e.ID() == e.Get("uname") {
			e.Set("id", node.ID())
		}
	}
}

// How a text changes the configuration.
type loadMethod int

const (
	loadUpdate  loadMethod = iota // objects are changed or made
	loadReplace                   // and everything else is gone
	loadPush                      // and objects that are not in the text are gone
)

// load applies a text to the document: wholly, or not at all.
func (m *model) load(file, text string, method loadMethod, scope []string) error {
	trial := m.copy()
	if err := trial.apply(file, text, method, scope); err != nil {
		return err
	}
	*m = *trial
	return nil
}

// apply does load's work. scope names the objects that the text stands for, with loadPush.
func (m *model) apply(file, text string, method loadMethod, scope []string) error {
	if method == loadReplace {
		m.erase(false)
		m.renewed = true
	}
	list, err := m.parseText(file, text)
	if err != nil {
		return err
	}
	_, err = m.applyObjects(file, list, method, scope)
	return err
}

// applyObjects does apply's work on objects; with an error comes the one that is to blame, if one is.
func (m *model) applyObjects(file string, list []*parsedObject, method loadMethod, scope []string) (*parsedObject, error) {
	named := map[string]bool{}
	for _, o := range list {
		switch o.name {
		case "monitor":
		case topologyID: // may depend on nodes of the same text
			named[topologyID] = true
		default:
			if err := m.resolve(file, o); err != nil {
				return o, err
			}
			named[m.nameOf(o.element)] = true
		}
	}
	if err := m.removeMissing(scope, named, method); err != nil {
		return nil, err
	}
	m.emptyClones(list)
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *parsedObject) int { return loadRank(a) - loadRank(b) })
	for _, o := range list {
		if err := m.applyOne(file, o, method); err != nil {
			return o, err
		}
	}
	return nil, nil
}

// loadOrder is the order in which the objects of a text come into being, and to stand: members before their containers, what refers
// to objects after them. Kinds of one line are one after the other as the text has them.
var loadOrder = [][]string{
	{"node", "xml"}, {"rsc_template"}, {"primitive"}, {"monitor", "bundle", "group"}, {"ms", "master"}, {"clone"}, {"tag"},
	{"location", "colocation", "collocation", "order"}, {"rsc_ticket", topologyID}, {"property"}, {"rsc_defaults"}, {"op_defaults"},
	{"role"}, {"acl_target"}, {"alert"},
}

func loadRank(o *parsedObject) int {
	return slices.IndexFunc(loadOrder, func(commands []string) bool { return slices.Contains(commands, o.name) })
}

// emptyClones takes the member out of clones that get another one, so that it is free for
// another container of the same text.
func (m *model) emptyClones(list []*parsedObject) {
	for _, o := range list {
		if o.element == nil {
			continue
		}
		old := m.objects[o.element.ID()]
		if old == nil || old.Name != "clone" && old.Name != "master" {
			continue
		}
		for _, id := range members(old) {
			if !slices.Contains(members(o.element), id) {
				m.free(m.objects[id], old)
			}
		}
	}
}

func (m *model) removeMissing(scope []string, named map[string]bool, method loadMethod) error {
	if method != loadPush {
		return nil
	}
	var gone []string
	for _, name := range scope {
		if m.objects[name] != nil && !named[name] {
			gone = append(gone, name)
		}
	}
	return m.remove(gone...)
}

func (m *model) applyOne(file string, o *parsedObject, method loadMethod) error {
	if o.name == "monitor" {
		if err := m.monitor(textsOf(o.words)); err != nil {
			return fmt.Errorf("%s:%d: %w", file, o.line, err)
		}
		return nil
	}
	if err := m.resolve(file, o); err != nil {
		return err
	}
	old := m.same(o.element)
	var err error
	switch {
	case old == nil || kindOf(old) != o.kind && kindOf(old).section != "resources":
		err = m.define(o.kind, o.element)
	case kindOf(old) != o.kind:
		if err = m.remove(m.nameOf(old)); err == nil {
			err = m.define(o.kind, o.element)
		}
	case method == loadUpdate && (o.kind.attributes() || o.kind.command == "node"):
		m.merge(old, o.element)
	case sameObject(old, o.element):
	default:
		err = m.update(old, o.element)
	}
	if err != nil {
		return fmt.Errorf("%s:%d: %w", file, o.line, err)
	}
	return nil
}

// sameObject says whether e says nothing new about old.
func sameObject(old, e *cib.Element) bool {
	if !sameShape(skeleton(old), e) {
		return false
	}
	comments := func(e *cib.Element) (list []string) {
		for _, c := range e.Children {
			if c.Kind == cib.CommentNode {
				list = append(list, c.Text)
			}
		}
		return list
	}
	return slices.Equal(comments(old), comments(e))
}

// erase empties the configuration; nodes go only if they are asked for.
func (m *model) erase(nodes bool) {
	for _, e := range m.all() {
		if e.Name == "node" && !nodes {
			continue
		}
		if e.Name == "fencing-topology" {
			m.drop(e)
		} else if e.Parent != nil && e.Parent.Name != "fencing-topology" {
			m.drop(e)
		}
	}
}

// runEdit changes objects as text, through change.
func (s *session) editText(words []string, change func(text string) (string, error)) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	if len(words) > 0 && words[0] == "xml" {
		return s.editXML(m, change)
	}
	for _, w := range words {
		if !slices.Contains(existing(m, words), w) {
			s.report(fmt.Errorf("object %s does not exist", w))
		}
	}
	var list []*cib.Element
	var scope []string
	if list, err = m.selection(existing(m, words)); err != nil {
		return err
	}
	for _, e := range list {
		scope = append(scope, m.nameOf(e))
	}
	if len(words) > 0 && len(existing(m, words)) == 0 {
		list, scope = nil, nil
	}
	before := m.text(list, true)
	after, err := change(before)
	if err != nil || after == before {
		return err
	}
	return m.load("edited text", after, loadPush, scope)
}

// existing leaves out plain ids that nothing has: text can bring them into being.
func existing(m *model, words []string) []string {
	var list []string
	for _, w := range words {
		if strings.ContainsAny(w, ":*?[") || m.objects[w] != nil || w == "changed" {
			list = append(list, w)
		}
	}
	return list
}

// editXML changes the whole configuration as XML.
func (s *session) editXML(m *model, change func(text string) (string, error)) error {
	after, err := change(m.doc.Configuration().String())
	if err != nil {
		return err
	}
	e, err := cib.ParseElement("edited text", []byte(after))
	if err != nil {
		return err
	}
	if e.Name != "configuration" {
		return fmt.Errorf("edited text: expected <configuration>, not <%s>", e.Name)
	}
	return m.replaceConfiguration(e)
}

// replaceConfiguration puts e, a <configuration>, in the place of the present one.
func (m *model) replaceConfiguration(e *cib.Element) error {
	doc := m.doc.Clone()
	doc.Configuration().ReplaceWith(e)
	m.adopt(doc)
	return nil
}

// filtered runs a shell command over text.
func filtered(command, text string) (string, error) {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Stdin = strings.NewReader(text)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("filter: the command %q failed: %w: %s; nothing is changed", command, err, strings.TrimSpace(problems.String()))
	}
	return out.String(), nil
}

// readFrom reads a file, standard input ("-") or a URL.
func (s *session) readFrom(name string) (string, error) {
	var text []byte
	var err error
	switch {
	case name == "-":
		text, err = io.ReadAll(s.in)
	case strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://"):
		return download(name)
	default:
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return "", fmt.Errorf("load: %w", err)
	}
	return string(text), nil
}

// downloadLimit is how long a download may take.
const downloadLimit = 30 * time.Second

func download(url string) (string, error) {
	client := http.Client{Timeout: downloadLimit}
	answer, err := client.Get(url)
	if err != nil {
		return "", fmt.Errorf("load: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("load %s: the server answers %s", url, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err != nil {
		return "", fmt.Errorf("load %s: %w", url, err)
	}
	return string(text), nil
}
