package pcs

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

func aclCommands() []command {
	commands := []command{
		{path: "acl", document: true, options: "f", run: showACL},
		{path: "acl config", help: "Shows roles, users and groups.", document: true, options: "f", run: showACL},
		{path: "acl show", document: true, options: "f", run: formerly("acl config", showACL)},
		{path: "acl enable", help: "Lets the access lists decide.", document: true, options: "f", run: func(s *session) error { return s.setACL("true") }},
		{path: "acl disable", help: "Lets every user of the cluster do everything.", document: true, options: "f", run: func(s *session) error { return s.setACL("false") }},
		{path: "acl role create", syntax: "ROLE [description=TEXT] [read|write|deny xpath QUERY|id ID]...", help: "Makes a role.\nExample: pcs acl role create watcher read xpath /cib", document: true, options: "f", run: createRole},
		{path: "acl role assign", syntax: "ROLE [to] [user|group] NAME", help: "Gives a role to a user or group.", document: true, options: "f", run: assignRole},
		{path: "acl role unassign", syntax: "ROLE [from] [user|group] NAME [--autodelete]", help: "Takes a role from a user or group.", document: true, options: "f autodelete", run: unassignRole},
		{path: "acl permission add", syntax: "ROLE read|write|deny xpath QUERY|id ID...", help: "Adds permissions to a role, made when it is missing.", document: true, options: "f", run: addPermissions},
	}
	for _, verb := range []string{"delete", "remove"} {
		commands = append(commands,
			command{path: "acl role " + verb, syntax: "ROLE [--autodelete]", help: "Deletes a role.", document: true, options: "f autodelete", run: deleteRole},
			command{path: "acl permission " + verb, syntax: "PERMISSION", help: "Deletes a permission.", document: true, options: "f", run: deletePermission})
		for _, kind := range []string{"user", "group"} {
			commands = append(commands, command{path: "acl " + kind + " " + verb, syntax: "NAME", help: "Forgets a " + kind + ".", document: true, options: "f",
				run: func(s *session) error { return deleteTarget(s, "acl_"+targetElement[kind]) }})
		}
	}
	for _, kind := range []string{"user", "group"} {
		commands = append(commands, command{path: "acl " + kind + " create", syntax: "NAME [ROLE]...", help: "Gives a " + kind + " roles.", document: true, options: "f",
			run: func(s *session) error { return createTarget(s, "acl_"+targetElement[kind]) }})
	}
	return commands
}

// targetElement is what the document calls users and groups.
var targetElement = map[string]string{"user": "target", "group": "group"}

func (s *session) acls() *cib.Element { return s.doc.EnsureSection("acls") }

func (s *session) setACL(value string) error {
	if len(s.args) > 0 {
		return errUsage
	}
	s.args = []string{"enable-acl=" + value}
	return setProperties(s, false)
}

func showACL(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	state := "disabled, run 'pcs acl enable' to enable"
	for set := range s.doc.Section("crm_config").All("cluster_property_set") {
		if cib.ParseBool(values(set).value("enable-acl"), false) {
			state = "enabled"
		}
	}
	s.printf("ACLs are %s\n\n", state)
	acls := s.doc.Section("acls")
	for _, kind := range []pair{{"acl_target", "User"}, {"acl_group", "Group"}} {
		for e := range acls.All(kind.name) {
			var roles []string
			for r := range e.All("role") {
				roles = append(roles, r.ID())
			}
			s.printf("%s: %s\n", kind.value, e.ID())
			s.printf("  %s\n", strings.TrimSpace("Roles: "+strings.Join(roles, " ")))
		}
	}
	for role := range acls.All("acl_role") {
		s.printf("Role: %s\n", role.ID())
		if text := role.Get("description"); text != "" {
			s.printf("  Description: %s\n", text)
		}
		for p := range role.All("acl_permission") {
			what := "" // a kind of elements, which pcs does not show
			if p.Get("xpath") != "" {
				what = "xpath " + p.Get("xpath") + " "
			} else if p.Get("reference") != "" {
				what = "id " + p.Get("reference") + " "
			}
			s.printf("  Permission: %s %s(%s)\n", p.Get("kind"), what, p.ID())
		}
	}
	return nil
}

// permissions reads read|write|deny xpath QUERY|id ID, again and again.
func (s *session) permissions(r *reports, words []string) ([]*cib.Element, error) {
	var out []*cib.Element
	if len(words)%3 != 0 {
		return nil, errUsage
	}
	for part := range slices.Chunk(words, 3) {
		kind, scope, value := strings.ToLower(part[0]), strings.ToLower(part[1]), part[2]
		if !slices.Contains([]string{"read", "write", "deny"}, kind) || scope != "xpath" && scope != "id" {
			return nil, usageError{fmt.Sprintf("'%s': read, write or deny with xpath QUERY or id ID was expected", strings.Join(part, " "))}
		}
		p := cib.NewElement("acl_permission", "id", "", "kind", kind)
		if scope == "xpath" {
			p.Set("xpath", value)
		} else {
			if s.find(value) == nil {
				r.fail("id '%s' does not exist", value)
			}
			p.Set("reference", value)
		}
		out = append(out, p)
	}
	return out, nil
}

func (s *session) grant(role *cib.Element, permissions []*cib.Element) {
	for _, p := range permissions {
		id := s.freeID(role.ID() + "-" + p.Get("kind"))
		s.booked = append(s.booked, id)
		p.Set("id", id)
		role.Append(p)
	}
}

func createRole(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	r := s.reports()
	r.add(s.newID(s.args[0], "role name"))
	role, words := cib.NewElement("acl_role", "id", s.args[0]), s.args[1:]
	if len(words) > 0 {
		if text, ok := strings.CutPrefix(words[0], "description="); ok {
			words = words[1:]
			if text != "" {
				role.Set("description", text)
			}
		}
	}
	permissions, err := s.permissions(r, words)
	if err != nil {
		return err
	}
	if err := r.err(); err != nil {
		return err
	}
	s.booked = append(s.booked, role.ID())
	s.grant(role, permissions)
	s.acls().Append(role)
	return nil
}

func (s *session) aclRole(id string) (*cib.Element, error) {
	if e := s.find(id); e != nil && e.Name == "acl_role" {
		return e, nil
	}
	return nil, fmt.Errorf("role '%s' does not exist", id)
}

func addPermissions(s *session) error {
	if len(s.args) < 4 {
		return errUsage
	}
	r := s.reports()
	permissions, err := s.permissions(r, s.args[1:])
	if err != nil {
		return err
	}
	if err := r.err(); err != nil {
		return err
	}
	role, err := s.aclRole(s.args[0])
	if err != nil {
		if err := s.newID(s.args[0], "role name"); err != nil {
			return err
		}
		role = s.acls().Append(cib.NewElement("acl_role", "id", s.args[0]))
	}
	s.grant(role, permissions)
	return nil
}

func deletePermission(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	p := s.find(s.args[0])
	if p == nil || p.Name != "acl_permission" {
		return fmt.Errorf("permission '%s' does not exist", s.args[0])
	}
	p.Remove()
	return nil
}

func createTarget(s *session, element string) error {
	if len(s.args) == 0 {
		return errUsage
	}
	r := s.reports()
	target := cib.NewElement(element, "id", s.args[0])
	// A user's name is of a kind of its own; a group's is an id like any other.
	for e := range s.doc.Root.Descendants() {
		if e.ID() == s.args[0] && !refersOnly(e) && (e.Name == "acl_target") == (element == "acl_target") {
			r.fail("'%s' already exists", s.args[0])
		}
	}
	for _, id := range s.args[1:] {
		_, err := s.aclRole(id)
		r.add(err)
		if assigned(target, id) != nil {
			r.fail("role '%s' is given twice", id)
		}
		target.Append(cib.NewElement("role", "id", id))
	}
	if err := r.err(); err != nil {
		return err
	}
	s.acls().Append(target)
	return nil
}

func deleteTarget(s *session, element string) error {
	if len(s.args) != 1 {
		return errUsage
	}
	for e := range s.acls().All(element) {
		if e.ID() == s.args[0] {
			e.Remove()
			return nil
		}
	}
	return fmt.Errorf("'%s' does not exist", s.args[0])
}

// roleTarget reads ROLE [to|from] [user|group] NAME.
func (s *session) roleTarget(link string) (role *cib.Element, target *cib.Element, err error) {
	words := slices.Clone(s.args)
	if len(words) < 2 || len(words) > 4 {
		return nil, nil, errUsage
	}
	if role, err = s.aclRole(words[0]); err != nil {
		return nil, nil, err
	}
	words = words[1:]
	if words[0] == link && len(words) > 1 {
		words = words[1:]
	}
	kind := "acl_target"
	if element, ok := targetElement[words[0]]; ok && len(words) > 1 {
		kind, words = "acl_"+element, words[1:]
	}
	if len(words) != 1 {
		return nil, nil, errUsage
	}
	for e := range s.acls().All(kind) {
		if e.ID() == words[0] {
			return role, e, nil
		}
	}
	return nil, nil, fmt.Errorf("there is no %s '%s'", map[string]string{"acl_target": "user", "acl_group": "group"}[kind], words[0])
}

func assigned(target *cib.Element, role string) *cib.Element {
	for r := range target.All("role") {
		if r.ID() == role {
			return r
		}
	}
	return nil
}

func assignRole(s *session) error {
	role, target, err := s.roleTarget("to")
	if err != nil {
		return err
	}
	if assigned(target, role.ID()) != nil {
		return fmt.Errorf("'%s' has role '%s' already", target.ID(), role.ID())
	}
	target.Append(cib.NewElement("role", "id", role.ID()))
	return nil
}

func unassignRole(s *session) error {
	role, target, err := s.roleTarget("from")
	if err != nil {
		return err
	}
	ref := assigned(target, role.ID())
	if ref == nil {
		return fmt.Errorf("'%s' does not have role '%s'", target.ID(), role.ID())
	}
	s.takeRole(target, ref)
	return nil
}

// takeRole removes a role from a user or group, and with --autodelete one that has no other.
func (s *session) takeRole(target, ref *cib.Element) {
	ref.Remove()
	if s.opts.has("autodelete") && target.Child("role") == nil {
		target.Remove()
	}
}

func deleteRole(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	role, err := s.aclRole(s.args[0])
	if err != nil {
		return err
	}
	for target := range slices.Values(slices.Collect(s.acls().Elements())) {
		if ref := assigned(target, role.ID()); ref != nil {
			s.takeRole(target, ref)
		}
	}
	role.Remove()
	return nil
}
