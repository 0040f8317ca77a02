package plane

import (
	"fmt"
	"os"
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

// Access says who may use a socket on a path.
type Access struct {
	User, Group string      // "": this process's
	Mode        os.FileMode // 0: as the umask says
}

// Place gives a socket that was bound beside its place the access to it, and moves it there: whoever connects finds the socket before or this one.
func Place(bound, path string, access Access) error {
	uid, gid, err := Owner(access.User, access.Group)
	if err == nil && (uid >= 0 || gid >= 0) {
		err = os.Chown(bound, uid, gid)
	}
	if err == nil && access.Mode != 0 {
		err = os.Chmod(bound, access.Mode)
	}
	if err == nil {
		err = os.Rename(bound, path)
	}
	if err != nil {
		_ = os.Remove(bound)
	}
	return err
}
