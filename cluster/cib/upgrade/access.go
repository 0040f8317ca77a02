package upgrade

import (
	"slices"

	"holdfast/cluster/cib"
)

// accessControl leads from 1.x to 2.0: users became targets that have roles, and the
// permissions in a role elements of one name.
func (u *upgrader) accessControl() {
	acls := u.doc.Section("acls")
	if acls == nil {
		return
	}
	for _, user := range slices.Collect(acls.All("acl_user")) {
		u.accessUser(user)
	}
	for _, role := range all(acls, "acl_role") {
		for _, e := range slices.Collect(role.Elements()) {
			u.permission(e)
		}
	}
}

// accessUser turns a user into a target. Permissions of its own go to a role made for it.
func (u *upgrader) accessUser(user *cib.Element) {
	user.Name = "acl_target"
	role := cib.NewElement("acl_role")
	for _, e := range slices.Collect(user.Elements()) {
		switch e.Name {
		case "role_ref":
			e.Name = "role"
		case "read", "write", "deny":
			e.Remove()
			role.Append(e)
		}
	}
	u.note(user, "element acl_user is called acl_target now")
	if len(role.Children) == 0 {
		return
	}
	role.Set("id", u.freshID("auto-"+user.ID()))
	role.Line = user.Line
	user.Append(cib.NewElement("role", "id", role.ID()))
	user.Parent.InsertAt(user.Index()+1, role)
	u.note(user, "its permissions stand in %s now", label(role))
}

func (u *upgrader) permission(e *cib.Element) {
	kind := e.Name
	if kind != "read" && kind != "write" && kind != "deny" {
		return
	}
	u.note(e, "element %s became acl_permission", kind)
	was := e.Clone()
	e.Name = "acl_permission"
	e.Attrs = nil
	e.Set("id", was.ID())
	e.Set("kind", kind)
	switch {
	case was.Get("xpath") != "":
		e.Set("xpath", was.Get("xpath"))
	case was.Get("ref") != "":
		e.Set("reference", was.Get("ref"))
		if tag := was.Get("tag"); tag != "" {
			u.lose(e, "tag=%q left out: the reference names one element", tag)
		}
	case was.Get("tag") != "":
		e.Set("object-type", was.Get("tag"))
	}
	if attribute := was.Get("attribute"); attribute != "" {
		if e.Get("object-type") != "" || e.Get("xpath") != "" {
			e.Set("attribute", attribute)
		} else {
			u.lose(e, "attribute=%q left out: a reference stands for the whole element", attribute)
		}
	}
	for _, a := range was.Attrs {
		if !slices.Contains([]string{"id", "xpath", "ref", "tag", "attribute"}, a.Name) {
			e.Set(a.Name, a.Value)
		}
	}
}
