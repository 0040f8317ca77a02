package pcs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"holdfast/atomicfile"
	"holdfast/cluster/node/client"
)

func uidgidCommands() []command {
	const words = "[uid=USER] [gid=GROUP]"
	return []command{
		{path: "cluster uidgid", help: "Lists users and groups that may talk to corosync.", run: listUidgid},
		{path: "cluster uidgid add", syntax: words, help: "Lets a user or a group talk to corosync.", run: addUidgid},
		{path: "cluster uidgid delete", syntax: words, help: "Lets them no longer.", run: removeUidgid},
		{path: "cluster uidgid remove", syntax: words, help: "Lets them no longer.", run: removeUidgid},
	}
}

func uidgidDir() string { return filepath.Join(client.Root(""), "etc/corosync/uidgid.d") }

// uidgid is one permission: a user, a group, or both together.
type uidgid struct{ uid, gid string }

func (u uidgid) path() string {
	return filepath.Join(uidgidDir(), fmt.Sprintf("pcs-uidgid-%s-%s", u.uid, u.gid))
}

// uidgids reads the permissions, by the files that they are in.
func uidgids() (map[string]uidgid, []string, error) {
	entries, err := os.ReadDir(uidgidDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read who may talk to corosync: %w", err)
	}
	found, order := map[string]uidgid{}, []string{}
	for _, e := range entries {
		path := filepath.Join(uidgidDir(), e.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, fmt.Errorf("read who may talk to corosync: %w", err)
		}
		conf, err := parseConf(path, string(text))
		if err != nil {
			return nil, nil, err
		}
		for _, section := range conf.all("uidgid") {
			found[path] = uidgid{section.options.value("uid"), section.options.value("gid")}
			order = append(order, path)
		}
	}
	return found, order, nil
}

func listUidgid(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	found, order, err := uidgids()
	if err != nil {
		return err
	}
	for _, path := range order {
		s.printf("UID/GID: uid=%s gid=%s\n", found[path].uid, found[path].gid)
	}
	if len(order) == 0 {
		s.note("No uidgids configured")
	}
	return nil
}

// wantedUidgid reads uid=… and gid=….
func (s *session) wantedUidgid() (uidgid, error) {
	options, err := parsePairs(s.args)
	if err != nil {
		return uidgid{}, err
	}
	for _, o := range options {
		if o.name != "uid" && o.name != "gid" {
			return uidgid{}, fmt.Errorf("'%s' is not a key here; uid and gid are", o.name)
		}
		if strings.ContainsAny(o.value, "/{}\n") {
			return uidgid{}, fmt.Errorf("%s '%s': a name or a number was expected", o.name, o.value)
		}
	}
	want := uidgid{options.value("uid"), options.value("gid")}
	if want == (uidgid{}) {
		return want, usageError{"uid=USER, gid=GROUP or both were expected"}
	}
	return want, nil
}

func addUidgid(s *session) error {
	want, err := s.wantedUidgid()
	if err != nil {
		return err
	}
	found, _, err := uidgids()
	if err != nil {
		return err
	}
	for path, is := range found {
		if is == want {
			return fmt.Errorf("uid=%s and gid=%s are in %s already", want.uid, want.gid, path)
		}
	}
	section := &confSection{name: "uidgid"}
	section.set("uid", want.uid)
	section.set("gid", want.gid)
	conf := &confSection{sections: []*confSection{section}}
	if err := os.MkdirAll(uidgidDir(), 0o755); err != nil {
		return fmt.Errorf("write who may talk to corosync: %w", err)
	}
	if err := atomicfile.Rewrite(want.path(), []byte(conf.String()), 0o640); err != nil {
		return fmt.Errorf("write who may talk to corosync: %w", err)
	}
	return nil
}

func removeUidgid(s *session) error {
	want, err := s.wantedUidgid()
	if err != nil {
		return err
	}
	found, order, err := uidgids()
	if err != nil {
		return err
	}
	removed := false
	for _, path := range order {
		if found[path] != want {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove who may talk to corosync: %w", err)
		}
		removed = true
	}
	if !removed {
		return fmt.Errorf("no file has uid=%s and gid=%s; 'pcs cluster uidgid' lists them", want.uid, want.gid)
	}
	return nil
}
