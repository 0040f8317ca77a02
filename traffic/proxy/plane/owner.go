package plane

import (
	"fmt"
	"os/user"
	"strconv"
)

// Owner finds the numbers of a user and a group, which may be given as numbers already; -1 where none is named.
func Owner(name, group string) (uid, gid int, err error) {
	uid, gid = -1, -1
	if name != "" {
		u, err := user.Lookup(name)
		if _, number := strconv.Atoi(name); err != nil && number == nil {
			u, err = &user.User{Uid: name}, nil
		}
		if err != nil {
			return uid, gid, fmt.Errorf("user %s: %w", name, err)
		}
		uid, _ = strconv.Atoi(u.Uid)
	}
	if group != "" {
		g, err := user.LookupGroup(group)
		if _, number := strconv.Atoi(group); err != nil && number == nil {
			g, err = &user.Group{Gid: group}, nil
		}
		if err != nil {
			return uid, gid, fmt.Errorf("group %s: %w", group, err)
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	return uid, gid, nil
}
