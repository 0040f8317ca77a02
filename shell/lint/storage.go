package lint

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

var storageChecks = []Check{
	{"unordered-filesystem", Error, "The service may start before its files are there, and its files be unmounted below it.", unorderedFilesystem},
	{"apart-from-filesystem", Error, "The service may be started on a host where its files are not.", apartFromFilesystem},
	{"filesystem-before-promotion", Error, "The device can be mounted only where DRBD is promoted, and after that.", filesystemBeforePromotion},
	{"local-filesystem-cloned", Error, "A file system that only one host may mount is destroyed when two do.", localFilesystemCloned},
	{"address-apart", Note, "Clients reach the address on one host and the service runs on another.", addressApart},
}

// user is a parameter of a resource that names something below a file system's directory.
type user struct {
	resource, filesystem *cib.Element
	parameter            *cib.Element
}

// fileUsers finds the resources whose parameters lie below the directory of a Filesystem.
func (s *subject) fileUsers() []user {
	var all []user
	for _, fs := range s.primitives {
		directory := strings.TrimRight(s.param(fs, "directory"), "/")
		if s.class(fs, "type") != "Filesystem" || len(directory) < 2 {
			continue
		}
		for _, p := range s.primitives {
			if p == fs || s.class(p, "type") == "Filesystem" && s.param(p, "directory") == s.param(fs, "directory") {
				continue
			}
			if nv := below(p, directory); nv != nil {
				all = append(all, user{p, fs, nv})
			}
		}
	}
	return all
}

// below returns the first parameter of a resource that lies in directory.
func below(p *cib.Element, directory string) *cib.Element {
	for set := range p.All("instance_attributes") {
		for nv := range set.All("nvpair") {
			if v := nv.Get("value"); v == directory || strings.HasPrefix(v, directory+"/") {
				return nv
			}
		}
	}
	return nil
}

func unorderedFilesystem(s *subject, report report) {
	for _, u := range s.fileUsers() {
		if !s.ordered(u.filesystem, u.resource) {
			report(u.parameter, "order "+top(u.filesystem).ID()+" before "+top(u.resource).ID()+", or put both in one group", "%s uses %s, which %s mounts, and nothing orders them", u.resource.ID(), u.parameter.Get("value"), u.filesystem.ID())
		}
	}
}

func apartFromFilesystem(s *subject, report report) {
	for _, u := range s.fileUsers() {
		if !s.together(u.resource, u.filesystem) && clone(u.filesystem) == nil {
			report(u.parameter, "colocate "+top(u.resource).ID()+" with "+top(u.filesystem).ID()+", or put both in one group", "%s uses %s, which %s mounts, and may run on another host", u.resource.ID(), u.parameter.Get("value"), u.filesystem.ID())
		}
	}
}

func filesystemBeforePromotion(s *subject, report report) {
	for _, fs := range s.primitives {
		if s.class(fs, "type") != "Filesystem" || !strings.HasPrefix(s.param(fs, "device"), "/dev/drbd") {
			continue
		}
		for _, d := range s.primitives {
			name := s.param(d, "drbd_resource")
			device := s.param(fs, "device")
			if s.class(d, "type") != "drbd" || name != "" && strings.HasPrefix(device, "/dev/drbd/by-res/") && !strings.HasPrefix(device, "/dev/drbd/by-res/"+name+"/") {
				continue
			}
			if !strings.HasPrefix(device, "/dev/drbd/by-res/") && s.count("drbd") > 1 {
				continue // which of them it is cannot be told
			}
			if !s.orderedAction(d, fs, "promote") {
				report(fs, "order promote "+top(d).ID()+" before start "+top(fs).ID()+", and colocate with its promoted role", "%s mounts what %s promotes, and is not ordered after that", fs.ID(), d.ID())
			}
		}
	}
}

func (s *subject) count(kind string) int {
	n := 0
	for _, p := range s.primitives {
		if s.class(p, "type") == kind {
			n++
		}
	}
	return n
}

// shared are file systems that several hosts mount at a time.
var shared = []string{"gfs2", "ocfs2", "nfs", "nfs4", "cifs", "glusterfs", "ceph", "lustre", "gpfs", "none", "tmpfs"}

func localFilesystemCloned(s *subject, report report) {
	for _, fs := range s.primitives {
		if kind := s.param(fs, "fstype"); s.class(fs, "type") == "Filesystem" && clone(fs) != nil && kind != "" && !slices.Contains(shared, kind) {
			report(fs, "use gfs2 or ocfs2, or take the clone away", "%s mounts %s on several hosts", fs.ID(), kind)
		}
	}
}

func addressApart(s *subject, report report) {
	for _, p := range s.primitives {
		t := top(p)
		if !slices.Contains(metadata.AddressAgents, s.class(p, "type")) || t.Name != "primitive" {
			continue
		}
		tied := false
		for _, other := range s.primitives {
			tied = tied || other != p && !s.isFencing(other) && (s.together(p, other) || s.together(other, p))
		}
		if !tied && len(s.primitives) > 1 {
			report(p, "put it in a group with its service, or colocate them", "nothing keeps address %s with a service", p.ID())
		}
	}
}
