package crm

import (
	"fmt"
	"strings"

	"holdfast/cluster/cib"
)

// aclShortcut turns a short name for a part of the document into an XPath. %s are the
// arguments; required is how many the name needs, and the last one may be left out.
type aclShortcut struct {
	name     string
	required int
	paths    []string // by number of arguments
}

var aclShortcuts = []aclShortcut{
	{"meta", 1, []string{"", "//primitive[@id='%s']/meta_attributes", "//primitive[@id='%s']/meta_attributes/nvpair[@name='%s']"}},
	{"params", 1, []string{"", "//primitive[@id='%s']/instance_attributes", "//primitive[@id='%s']/instance_attributes/nvpair[@name='%s']"}},
	{"utilization", 1, []string{"", "//primitive[@id='%s']/utilization"}},
	{"location", 1, []string{"", "//rsc_location[@id='cli-prefer-%[1]s' and @rsc='%[1]s']"}},
	{"property", 0, []string{"//crm_config/cluster_property_set", "//crm_config/cluster_property_set/nvpair[@name='%s']"}},
	{"nodeattr", 0, []string{"//nodes/node/instance_attributes", "//nodes/node/instance_attributes/nvpair[@name='%s']"}},
	{"nodeutil", 0, []string{"//nodes/node/utilization", "//nodes/node/utilization[@uname='%s']"}},
	{"node", 0, []string{"//nodes/node", "//nodes/node[@uname='%s']"}},
	{"status", 0, []string{"/cib/status"}},
	{"cib", 0, []string{"/cib"}},
}

// parseRole reads
//
//	role ID {read|write|deny} {xpath:PATH | ref:ID | type:ELEMENT [attr:NAME] | SHORTCUT}…
func parseRole(r *reader) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	role := cib.NewElement("acl_role", "id", id)
	for r.more() {
		if r.description(role) {
			continue
		}
		if !r.oneOf("read", "write", "deny") {
			return nil, r.fail("read, write or deny")
		}
		if err := r.permissions(role, r.keyword()); err != nil {
			return nil, err
		}
	}
	if len(role.Children) == 0 {
		return nil, r.fail("read, write or deny")
	}
	return role, nil
}

// aclWords maps the words before a colon to attributes of a permission.
var aclWords = map[string]string{
	"xpath": "xpath", "ref": "reference", "type": "object-type", "tag": "object-type",
	"attr": "attribute", "attribute": "attribute",
}

// permissions reads what follows read, write or deny, a permission for each word; a type and an attribute beside
// it, in either order, are one.
func (r *reader) permissions(role *cib.Element, kind string) error {
	const accepted = "xpath:PATH, ref:ID, type:ELEMENT [attr:NAME] or a short form such as meta:RESOURCE, params:RESOURCE, property, node"
	var last *cib.Element
	attribute := "" // that waits for its type
	for r.more() && !r.oneOf("read", "write", "deny") {
		word, value, ok := strings.Cut(r.peek(), ":")
		name := aclWords[word]
		if name == "" || !ok || value == "" {
			if value, ok = shortcutPath(r.peek()); !ok {
				return r.fail(accepted)
			}
			name = "xpath"
		}
		switch {
		case name == "attribute" && last != nil && last.Get("object-type") != "" && last.Get("attribute") == "":
			last.Set(name, value)
		case name == "attribute" && attribute == "":
			attribute = value
		case attribute != "" && name != "object-type":
			return r.fail("type:ELEMENT, which attr: goes with")
		default:
			last = role.Append(cib.NewElement("acl_permission", "kind", kind, name, value))
			if attribute != "" {
				last.Set("attribute", attribute)
			}
			attribute = ""
		}
		r.next()
	}
	if last == nil || attribute != "" {
		return r.fail(accepted)
	}
	return nil
}

func shortcutPath(text string) (string, bool) {
	parts := strings.Split(text, ":")
	for _, s := range aclShortcuts {
		n := len(parts) - 1
		if s.name != parts[0] || n < s.required || n >= len(s.paths) {
			continue
		}
		args := make([]any, n)
		for i, part := range parts[1:] {
			if part == "" || strings.ContainsAny(part, "'\"") {
				return "", false
			}
			args[i] = part
		}
		return fmt.Sprintf(s.paths[n], args...), true
	}
	return "", false
}

// pathShortcut returns the short name for an XPath, "" when there is none.
func pathShortcut(path string) string {
	quoted := strings.Split(path, "'")
	for _, s := range aclShortcuts {
		text := s.name
		for n := range s.paths {
			if n > 0 && len(quoted) >= 2*n {
				text += ":" + strings.TrimPrefix(quoted[2*n-1], "cli-prefer-")
			}
			if expanded, ok := shortcutPath(text); ok && expanded == path {
				return text
			}
		}
	}
	return ""
}

// role formats a role, a permission a line.
func (f *formatter) role(e *cib.Element) []string {
	lines := []string{"role " + f.name(e)}
	if description, ok := e.Lookup("description"); ok {
		lines = append(lines, "description="+quote(description))
	}
	for p := range e.All("acl_permission") {
		line := p.Get("kind")
		for _, part := range [][2]string{{"xpath", "xpath"}, {"ref", "reference"}, {"attr", "attribute"}, {"type", "object-type"}} {
			value, ok := p.Lookup(part[1])
			if short := pathShortcut(value); part[1] == "xpath" && short != "" {
				line += " " + short
			} else if ok {
				line += " " + part[0] + ":" + quote(value)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// parseTarget reads: acl_target ID ROLE…
func parseTarget(r *reader) (*cib.Element, error) {
	id, err := r.take("the name of a user")
	if err != nil {
		return nil, err
	}
	target := cib.NewElement("acl_target", "id", id)
	for r.more() {
		target.Append(cib.NewElement("role", "id", strings.TrimPrefix(r.next(), "role:")))
	}
	if len(target.Children) == 0 {
		return nil, r.fail("the id of a role")
	}
	return target, nil
}

func (f *formatter) target(e *cib.Element) []string {
	lines := []string{"acl_target " + f.name(e)}
	for role := range e.All("role") {
		lines = append(lines, role.ID())
	}
	return lines
}
