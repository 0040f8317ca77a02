package crm

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// Words that start a new part of a primitive, template, group or clone.
var primitiveParts = []string{"params", "meta", "utilization", "operations", "op", "op_params", "op_meta"}

// partTags maps the word that starts an attribute list to its element.
var partTags = map[string]string{
	"params":      "instance_attributes",
	"meta":        "meta_attributes",
	"utilization": "utilization",
	"attributes":  "instance_attributes",
	"op_params":   "instance_attributes",
	"op_meta":     "meta_attributes",
}

// Attributes of an op element itself; others are parameters of the operation.
var opAttributes = []string{"interval", "timeout", "start-delay", "interval-origin", "on-fail", "record-pending",
	"role", "requires", "enabled", "description", "id", "name"}

// parsePrimitive reads
//
//	primitive ID {[CLASS:[PROVIDER:]]TYPE|@TEMPLATE} [description=TEXT] [[params] LIST] [meta LIST]
//	  [utilization LIST] [operations ID_SPEC] [op NAME [ATTRIBUTE=VALUE…] [op_params LIST] [op_meta LIST]]…
func parsePrimitive(r *reader) (*cib.Element, error) { return r.primitiveLike("primitive") }

// parseTemplate reads rsc_template, which is a primitive but for its name.
func parseTemplate(r *reader) (*cib.Element, error) { return r.primitiveLike("template") }

func (r *reader) primitiveLike(tag string) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	agent, err := r.take("an agent: [CLASS:[PROVIDER:]]TYPE, or @TEMPLATE")
	if err != nil {
		return nil, err
	}
	e := cib.NewElement(tag, "id", id)
	if template, ok := strings.CutPrefix(agent, "@"); ok && tag == "primitive" {
		e.Set("template", template)
	} else if err := r.agent(e, agent); err != nil {
		return nil, err
	}
	for first := true; r.more(); first = false {
		if err := r.primitivePart(e, first); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// objectID takes the identifier of the object that a command defines.
func (r *reader) objectID() (string, error) {
	id, err := r.take("an identifier")
	if err != nil {
		return "", err
	}
	if !validID(id) {
		return "", r.failBefore("an identifier: a letter or '_', then letters, digits, '-', '_' and '.'")
	}
	return id, nil
}

// agent sets class, provider and type from their text.
func (r *reader) agent(e *cib.Element, text string) error {
	parts := strings.Split(text, ":")
	if slices.Contains(parts, "") || len(parts) > 3 || len(parts) == 3 && parts[0] != "ocf" {
		return r.failBefore("an agent: [CLASS:[PROVIDER:]]TYPE")
	}
	switch {
	case len(parts) == 3:
		e.Set("class", parts[0])
		e.Set("provider", parts[1])
	case len(parts) == 2 && parts[0] != "ocf":
		e.Set("class", parts[0])
	default:
		class, provider := r.context.agentHome(parts[len(parts)-1])
		e.Set("class", class)
		if provider != "" {
			e.Set("provider", provider)
		}
	}
	e.Set("type", parts[len(parts)-1])
	return nil
}

// primitivePart reads one part; the first may leave the word params out.
func (r *reader) primitivePart(e *cib.Element, first bool) error {
	switch part := strings.ToLower(r.peek()); {
	case r.description(e):
	case r.oneOf("params", "meta", "utilization"):
		r.next()
		set, err := r.attributeList(partTags[part], primitiveParts...)
		if err != nil {
			return err
		}
		e.Append(set)
	case r.bare("operations"):
		return r.operations(e)
	case r.bare("op"):
		return r.operation(e)
	case first || noParts(e):
		set, err := r.attributeList("instance_attributes", primitiveParts...)
		if err != nil {
			return err
		}
		if len(set.Children) == 0 && len(set.Attrs) == 0 {
			return r.fail("params, meta, utilization, operations, op, or NAME=VALUE")
		}
		e.Append(set)
	default:
		return r.fail("params, meta, utilization, operations, op, or NAME=VALUE")
	}
	return nil
}

func noParts(e *cib.Element) bool { return len(e.Children) == 0 }

// description takes description=TEXT.
func (r *reader) description(e *cib.Element) bool {
	name, value, ok := r.option()
	if !ok || name != "description" {
		return false
	}
	r.next()
	e.Set("description", value)
	return true
}

// operations reads "operations $id=ID" or "operations $id-ref=ID".
func (r *reader) operations(e *cib.Element) error {
	r.next()
	ops := e.Ensure("operations")
	switch name, value, ok := r.option(); {
	case ok && name == "$id":
		ops.Set("id", value)
	case ok && name == "$id-ref":
		target, err := r.context.reference(value, "operations")
		if err != nil {
			return r.fail("the id of an operations list: " + err.Error())
		}
		ops.Set("id-ref", target)
	default:
		return r.fail("$id=ID or $id-ref=ID")
	}
	r.next()
	return nil
}

// operation reads one op.
func (r *reader) operation(e *cib.Element) error {
	r.next()
	name, err := r.take("the name of an operation: monitor, start, stop, …")
	if err != nil {
		return err
	}
	op := e.Ensure("operations").Append(cib.NewElement("op", "name", name))
	if err := r.opAttributes(op); err != nil {
		return err
	}
	if _, ok := op.Lookup("interval"); !ok {
		op.Set("interval", "0")
	}
	for r.oneOf("op_params", "op_meta") {
		part := r.keyword()
		set, err := r.attributeList(partTags[part], primitiveParts...)
		if err != nil {
			return err
		}
		op.Append(set)
	}
	return nil
}

// opAttributes reads NAME=VALUE words: attributes of the op, then parameters.
func (r *reader) opAttributes(op *cib.Element) error {
	var params *cib.Element
	for r.more() && !r.oneOf(primitiveParts...) {
		name, value, ok := r.option()
		name = strings.TrimPrefix(name, "$")
		known := slices.Contains(opAttributes, name)
		switch {
		case !ok || name == "":
			return r.fail("ATTRIBUTE=VALUE")
		case known && params != nil:
			return r.fail("no attribute of the operation after a parameter: put " + name + " first")
		case known:
			op.Set(name, value)
		default:
			if _, ok := op.Lookup("interval"); !ok {
				return r.fail("interval=… first: " + name + " is no attribute of an operation, and parameters come last")
			}
			if params == nil {
				params = op.Append(cib.NewElement("instance_attributes"))
			}
			params.Append(cib.NewElement("nvpair", "name", name, "value", value))
		}
		r.next()
	}
	return nil
}

// primitive formats a primitive or a template.
func (f *formatter) primitive(e *cib.Element) []string {
	command := "primitive"
	if e.Name == "template" {
		command = "rsc_template"
	}
	lines := []string{command + " " + f.name(e) + " " + agentText(e)}
	return append(lines, f.parts(e)...)
}

// agentText is the text of a primitive's agent or template; ocf:heartbeat goes without saying.
func agentText(e *cib.Element) string {
	if template := e.Get("template"); template != "" {
		return "@" + template
	}
	class, provider, kind := e.Get("class"), e.Get("provider"), e.Get("type")
	switch {
	case class == "ocf" && provider == "heartbeat":
		return kind
	case provider != "":
		return class + ":" + provider + ":" + kind
	}
	return class + ":" + kind
}

// parts formats description, attribute lists and operations, one line each.
func (f *formatter) parts(e *cib.Element) []string {
	var lines []string
	if description, ok := e.Lookup("description"); ok {
		lines = append(lines, "description="+quote(description))
	}
	for c := range e.Elements() {
		switch c.Name {
		case "instance_attributes":
			lines = append(lines, joinWords("params", f.attributeLine(c)))
		case "meta_attributes":
			lines = append(lines, joinWords("meta", f.attributeLine(c)))
		case "utilization":
			lines = append(lines, joinWords("utilization", f.attributeLine(c)))
		case "operations":
			lines = append(lines, f.operations(c)...)
		}
	}
	return lines
}

func joinWords(words ...string) string { return strings.TrimRight(strings.Join(words, " "), " ") }

func (f *formatter) operations(ops *cib.Element) []string {
	var lines []string
	if ref := ops.Get("id-ref"); ref != "" {
		lines = append(lines, "operations  $id-ref="+quote(ref))
	} else if id := ops.ID(); id != "" {
		lines = append(lines, "operations $id="+quote(id))
	}
	for op := range ops.All("op") {
		line := "op " + op.Get("name")
		for _, a := range op.Attrs {
			if a.Name != "name" && (a.Name != "id" || f.referenced(a.Value)) {
				line += " " + a.Name + "=" + quote(a.Value)
			}
		}
		lines = append(lines, line)
		for set := range op.Elements() {
			switch set.Name {
			case "instance_attributes":
				lines = append(lines, joinWords("op_params", f.attributeLine(set)))
			case "meta_attributes":
				lines = append(lines, joinWords("op_meta", f.attributeLine(set)))
			}
		}
	}
	return lines
}
