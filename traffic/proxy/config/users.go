package config

import (
	"crypto/subtle"
	"slices"
	"strings"
)

// Userlist is a userlist section.
type Userlist struct {
	Name   string
	Users  map[string]User
	Groups map[string][]string // to its members
}

// User is a user of a list.
type User struct {
	Password string
	Hashed   bool
	Groups   []string
}

func beginUserlist(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		p.users = &Userlist{Users: map[string]User{}, Groups: map[string][]string{}}
		return problem
	}
	p.users = &Userlist{Name: l.Words[1], Users: map[string]User{}, Groups: map[string][]string{}}
	if problem := l.checkSection(); problem != nil {
		return problem
	}
	if p.config.Userlists[l.Words[1]] != nil {
		return l.problem("there is a userlist %q already", l.Words[1])
	}
	p.config.Userlists[l.Words[1]] = p.users
	list := p.users
	p.later = append(p.later, func() { p.checkMembers(l, list) })
	return nil
}

func userlistLine(p *parser, l Line) *Problem {
	switch l.Words[0] {
	case "user":
		return p.userLine(l)
	case "group":
		if problem := l.wants(1, 3); problem != nil {
			return problem
		}
		var members []string
		if len(l.Words) == 4 && l.Words[2] == "users" {
			members = strings.Split(l.Words[3], ",")
		} else if len(l.Words) > 2 {
			return l.problem("group: `users` and a list is expected, not %q", l.Words[2])
		}
		if _, taken := p.users.Groups[l.Words[1]]; taken {
			p.warn(l, "there is a group %q already; this line has no effect", l.Words[1])
			return nil
		}
		p.users.Groups[l.Words[1]] = members
		return nil
	}
	return l.unknown("userlist directive", l.Words[0], []string{"user", "group"}, nil)
}

// checkMembers makes sure that the groups users name are there, and the users whom groups name.
func (p *parser) checkMembers(l Line, list *Userlist) {
	for _, name := range sortedNames(list.Users) {
		for _, g := range list.Users[name].Groups {
			if _, ok := list.Groups[g]; !ok {
				p.report(l.problem("userlist %s: user %s: there is no group %q; write `group %s`", list.Name, name, g, g))
			}
		}
	}
	for _, g := range sortedNames(list.Groups) {
		for _, name := range list.Groups[g] {
			if _, ok := list.Users[name]; !ok {
				p.report(l.problem("userlist %s: group %s: there is no user %q", list.Name, g, name))
			}
		}
	}
}

func (p *parser) userLine(l Line) *Problem {
	list := p.users
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	var u User
	t := l.take(2)
	for t.more() {
		switch w := t.next(); w {
		case "password":
			u.Password, u.Hashed = t.value(w), true
			if !knownHash(u.Password) {
				t.fail("user %s: the password's hash is of a kind that is not offered; use $5$ (SHA-256) or $6$ (SHA-512), or insecure-password", l.Words[1])
			}
		case "insecure-password":
			u.Password = t.value(w)
		case "groups":
			u.Groups = strings.Split(t.value(w), ",")
		default:
			t.fail("user: %q is not known; there are password, insecure-password and groups", w)
		}
	}
	if _, taken := list.Users[l.Words[1]]; taken && t.err == nil {
		p.warn(l, "there is a user %q already; this line has no effect", l.Words[1])
		return nil
	}
	list.Users[l.Words[1]] = u
	return t.err
}

// Allows tells whether the password is the user's.
func (u *Userlist) Allows(name, password string) bool {
	user, ok := u.Users[name]
	if !ok || user.Password == "" {
		return false
	}
	given := password
	if user.Hashed {
		given = crypt(password, user.Password)
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(user.Password)) == 1
}

// InGroup tells whether the user is in one of the groups.
func (u *Userlist) InGroup(name string, groups []string) bool {
	for _, g := range groups {
		if slices.Contains(u.Users[name].Groups, g) || slices.Contains(u.Groups[g], name) {
			return true
		}
	}
	return false
}

// GroupsOf lists a user's groups, sorted.
func (u *Userlist) GroupsOf(name string) []string {
	groups := slices.Clone(u.Users[name].Groups)
	for g, members := range u.Groups {
		if slices.Contains(members, name) {
			groups = append(groups, g)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}
