package cib

import (
	"fmt"
	"os/user"
	"slices"
)

// Access is what a user may do with a document under its <acls>. Rules apply while the
// cluster option enable-acl is true, and never to root or hacluster.
type Access struct {
	user  string
	rules []accessRule
	mode  map[*Element]accessMode
	attrs map[attrKey]accessMode
	root  *Element
}

type accessMode uint8

const (
	accessRead accessMode = 1 << iota
	accessWrite
	accessDeny
)

type accessRule struct {
	mode             accessMode
	xpath, attribute string
}

type attrKey struct {
	e    *Element
	name string
}

// Unrestricted says whether access rules do not hold for a user.
func (d *Document) Unrestricted(user string) bool {
	if user == "" || user == "root" || user == "hacluster" {
		return true
	}
	return !ParseBool(d.Property("enable-acl"), false)
}

// AccessOf collects a user's rules: of acl_target (or the older acl_user), of the roles that it
// refers to, and of acl_group for the groups that groups returns.
func (d *Document) AccessOf(user string, groups func(string) []string) *Access {
	a := &Access{user: user, root: d.Root}
	acls := d.Section("acls")
	for e := range acls.Elements() {
		switch {
		case (e.Name == "acl_target" || e.Name == "acl_user") && (e.ID() == user || e.Get("name") == user):
			a.collect(acls, e)
		case e.Name == "acl_group" && groups != nil:
			if members := groups(user); slices.Contains(members, e.ID()) || slices.Contains(members, e.Get("name")) {
				a.collect(acls, e)
			}
		}
	}
	a.apply()
	return a
}

// SystemGroups returns the names of the groups that the host's user database puts a user in.
func SystemGroups(name string) []string {
	u, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil
	}
	var names []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			names = append(names, g.Name)
		}
	}
	return names
}

func (a *Access) collect(acls, e *Element) {
	for c := range e.Elements() {
		mode, kind := accessMode(0), c.Name
		switch c.Name {
		case "role", "role_ref":
			for role := range acls.All("acl_role") {
				if role.ID() == c.ID() {
					a.collect(acls, role)
				}
			}
			continue
		case "acl_permission":
			kind = c.Get("kind")
		}
		switch kind {
		case "read":
			mode = accessRead
		case "write":
			mode = accessWrite
		case "deny":
			mode = accessDeny
		default:
			continue
		}
		a.rules = append(a.rules, accessRule{mode, ruleXPath(c), c.Get("attribute")})
	}
}

// ruleXPath names what a rule covers: an xpath, an id, or a tag and attribute.
func ruleXPath(e *Element) string {
	first := func(names ...string) string {
		for _, name := range names {
			if v := e.Get(name); v != "" {
				return v
			}
		}
		return ""
	}
	if x := e.Get("xpath"); x != "" {
		return x
	}
	tag, ref, attribute := first("object-type", "tag"), first("reference", "ref"), e.Get("attribute")
	if tag == "" {
		tag = "*"
	}
	x := "//" + tag
	if ref != "" {
		x += "[@id=" + quoteXPath(ref) + "]"
	}
	if attribute != "" {
		x += "[@" + attribute + "]"
	}
	return x
}

func (a *Access) apply() {
	a.mode = map[*Element]accessMode{}
	a.attrs = map[attrKey]accessMode{}
	for _, r := range a.rules {
		x, err := CompileXPath(r.xpath)
		if err != nil {
			continue // a rule that cannot be read gives nothing; Validate reports it
		}
		matches, err := x.Matches(a.root)
		if err != nil {
			continue
		}
		for _, m := range matches {
			if m.Attr != "" {
				a.attrs[attrKey{m.Element, m.Attr}] |= r.mode
				continue
			}
			a.mode[m.Element] |= r.mode
		}
	}
}

func (m accessMode) readable() bool { return m&accessDeny == 0 && m&(accessRead|accessWrite) != 0 }

// Readable returns the part of the document that the user may read; nil when that is nothing.
func (a *Access) Readable() *Document {
	if len(a.rules) == 0 {
		return nil
	}
	copies := map[*Element]*Element{}
	root := cloneMapped(a.root, copies)
	mode := make(map[*Element]accessMode, len(a.mode))
	for e, m := range a.mode {
		mode[copies[e]] = m
	}
	for _, r := range a.rules {
		if r.mode != accessDeny {
			continue
		}
		x, err := CompileXPath(r.xpath)
		if err != nil {
			continue
		}
		matches, err := x.Select(root)
		if err != nil {
			continue
		}
		for _, e := range matches {
			if !purge(e, mode) && e == root {
				return nil
			}
		}
	}
	if !purge(root, mode) {
		return nil
	}
	return &Document{Root: root}
}

func cloneMapped(e *Element, copies map[*Element]*Element) *Element {
	c := *e
	c.Parent, c.Attrs, c.Children = nil, slices.Clone(e.Attrs), nil
	copies[e] = &c
	for _, child := range e.Children {
		c.Append(cloneMapped(child, copies))
	}
	return &c
}

// purge strips what may not be read at and below e; it reports whether anything may.
func purge(e *Element, mode map[*Element]accessMode) bool {
	if mode[e].readable() {
		return true
	}
	readable := false
	for _, c := range slices.Clone(e.Children) {
		if c.Kind == ElementNode && purge(c, mode) {
			readable = true
		}
	}
	if !readable {
		e.Remove()
		return false
	}
	e.Attrs = slices.DeleteFunc(e.Attrs, func(at Attr) bool { return at.Name != "id" })
	return true
}

// Kind tells how an element is shown to somebody who asks what a user may do with it.
func (a *Access) Kind(e *Element) string {
	for ; e != nil; e = e.Parent {
		switch m := a.mode[e]; {
		case m&accessDeny != 0:
			return "denied"
		case m&accessWrite != 0:
			return "writable"
		case m&accessRead != 0:
			return "readable"
		}
	}
	return "denied"
}

// Empty says whether the user has no rule at all, and so no access.
func (a *Access) Empty() bool { return len(a.rules) == 0 }

// CheckWrite says whether the user may turn the document, as it was when a was made, into
// after. The error names the first object that the user may not touch.
func (a *Access) CheckWrite(before, after *Document) error {
	d := &differ{patch: NewElement("diff"), partner: map[*Element]*Element{}}
	d.match(before.Root, after.Root)
	for _, change := range d.patch.Children { // deletions
		e, err := (&edit{doc: before}).locate(change.Get("path"), -1)
		if err == nil && e != nil && !a.writable(e, "") {
			return a.denied("delete", e)
		}
	}
	return a.checkObject(d, before.Root, after.Root)
}

func (a *Access) denied(what string, e *Element) error {
	return fmt.Errorf("%w: user %s may not %s %s", ErrDenied, a.user, what, XPathOf(e))
}

func (a *Access) checkObject(d *differ, old, new *Element) error {
	for _, at := range new.Attrs {
		if v, ok := old.Lookup(at.Name); (!ok || v != at.Value) && !versionAttr(new, at.Name) && !a.writable(old, at.Name) {
			return a.denied("set "+at.Name+" of", old)
		}
	}
	for _, at := range old.Attrs {
		if _, ok := new.Lookup(at.Name); !ok && !versionAttr(new, at.Name) && !a.writable(old, at.Name) {
			return a.denied("remove "+at.Name+" of", old)
		}
	}
	for c := range new.Elements() {
		if partner := d.partner[c]; partner != nil {
			if err := a.checkObject(d, partner, c); err != nil {
				return err
			}
		} else if !a.writable(old, "") && !a.created(c, after(new)) {
			return a.denied("create <"+c.Name+"> below", old)
		}
	}
	return nil
}

func after(e *Element) *Element {
	for e.Parent != nil {
		e = e.Parent
	}
	return e
}

// created says whether a rule lets a new object in: a rule of its own makes it writable, or it is a
// bare container outside <acls> whose content is allowed.
func (a *Access) created(e, root *Element) bool {
	next := &Access{user: a.user, rules: a.rules, root: root}
	next.apply()
	return next.mayCreate(e)
}

func (a *Access) mayCreate(e *Element) bool {
	if a.writable(e, "") {
		return true
	}
	for _, at := range e.Attrs {
		if at.Name != "id" {
			return false
		}
	}
	for p := e; p != nil; p = p.Parent {
		if p.Name == "acls" {
			return false
		}
	}
	for c := range e.Elements() {
		if !a.mayCreate(c) {
			return false
		}
	}
	return true
}

func versionAttr(e *Element, name string) bool {
	return e.Name == "cib" && slices.Contains([]string{"epoch", "num_updates", "admin_epoch", "cib-last-written",
		"update-origin", "update-client", "update-user"}, name)
}

// writable walks up until a rule decides.
func (a *Access) writable(e *Element, attr string) bool {
	if attr != "" {
		switch m := a.attrs[attrKey{e, attr}]; {
		case m&accessDeny != 0:
			return false
		case m&accessWrite != 0:
			return true
		}
	}
	for ; e != nil; e = e.Parent {
		switch m := a.mode[e]; {
		case m&accessDeny != 0:
			return false
		case m&accessWrite != 0:
			return true
		}
	}
	return false
}
