package pcs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/cluster/scheduler"
	"holdfast/shell/source"
)

// scsiAgents are the fence agents that shut hosts out of disks, those of their parameter "devices".
var scsiAgents = []string{"fence_scsi", "fence_mpath"}

func scsiCommands() []command {
	return []command{
		{path: "stonith update-scsi-devices", syntax: "ID (set DEVICE... | add DEVICE... [remove DEVICE...] | remove DEVICE...)", help: "Changes the disks that a fence_scsi or fence_mpath device guards, and restarts nothing.", document: true, options: "skip-offline", run: updateSCSIDevices},
	}
}

// diskChange is what the words of the command ask for.
type diskChange struct {
	set         bool     // the disks are those of add, and no others
	add, remove []string // paths
}

func parseDiskChange(words []string) (diskChange, error) {
	var c diskChange
	list := sections(words, "set", "add", "remove")
	if len(list[0].words) > 0 || len(list) < 2 {
		return c, usageError{"'set', 'add' or 'remove' was expected after the device's id"}
	}
	if err := onceEach(list); err != nil {
		return c, usageError{err.Error()}
	}
	for _, s := range list[1:] {
		if len(s.words) == 0 {
			return c, usageError{fmt.Sprintf("no device follows '%s'", s.keyword)}
		}
	}
	all, set := gather(list, "set")
	add, _ := gather(list, "add")
	remove, _ := gather(list, "remove")
	if set && len(list) > 2 {
		return c, usageError{"'set' names all devices: 'add' and 'remove' cannot stand beside it"}
	}
	return diskChange{set: set, add: append(all, add...), remove: remove}, nil
}

// carryOut returns the disks after the change and those of them that are new.
func (c diskChange) carryOut(r *reports, disks []string) (after, fresh []string, err error) {
	if !c.set {
		refuse := func(wrong []string, why string) {
			if len(wrong) > 0 {
				r.fail("%s %s %s", plural(len(wrong), "device", "devices"), quoted(wrong), why)
			}
		}
		refuse(lacking(c.add, lacking(c.add, c.remove)), "cannot be added and removed at once")
		refuse(lacking(c.add, lacking(c.add, disks)), "cannot be added: the fence device has that already")
		refuse(lacking(c.remove, disks), "cannot be removed: the fence device does not have that")
		after = lacking(disks, c.remove)
	}
	after = append(after, lacking(c.add, after)...)
	if len(after) == 0 {
		r.fail("all devices cannot be removed: the fence device would guard nothing")
	}
	return after, lacking(after, disks), r.err()
}

// lacking are the disks that others do not have, each once.
func lacking(disks, others []string) []string {
	var out []string
	for _, d := range disks {
		if !slices.Contains(others, d) && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// scsiDevice finds the fence device that the command is about, and what its "devices" are.
func (s *session) scsiDevice(id string) (devices *cib.Element, err error) {
	e := s.find(id)
	switch {
	case e == nil || e.Name != "primitive":
		return nil, fmt.Errorf("resource '%s' does not exist", id)
	case e.Get("class") != "stonith":
		return nil, fmt.Errorf("resource '%s' is not a fence device", id)
	case !slices.Contains(scsiAgents, e.Get("type")):
		return nil, fmt.Errorf("resource '%s' is of agent '%s'; the devices of %s can be changed so", id, e.Get("type"), quoted(scsiAgents))
	}
	for set := range e.All("instance_attributes") {
		if nv := set.Pair("devices"); nv != nil && nv.Get("value") != "" {
			devices = nv
		}
	}
	if devices == nil {
		return nil, fmt.Errorf("resource '%s' has no devices: 'pcs stonith update %s devices=PATH[,PATH]...' sets the first", id, id)
	}
	if len(s.observed(e)) == 0 {
		return nil, fmt.Errorf("resource '%s' is not running on any node", id)
	}
	return devices, nil
}

func updateSCSIDevices(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	change, err := parseDiskChange(s.args[1:])
	if err != nil {
		return err
	}
	if !s.source.Live() {
		return errors.New("this changes what runs: it needs a running cluster, not a file")
	}
	id := s.args[0]
	devices, err := s.scsiDevice(id)
	if err != nil {
		return err
	}
	after, fresh, err := change.carryOut(s.reports(), splitDevices(devices.Get("value")))
	if err != nil {
		return err
	}
	if err := s.unfence(id, fresh, client.New("").Unfence); err != nil {
		return err
	}
	return s.takeOver(id, devices.ID(), joinDevices(after))
}

// unfence lets every host that is online in at the disks.
func (s *session) unfence(id string, disks []string, on func(context.Context, client.Unfence) error) error {
	if len(disks) == 0 {
		return nil
	}
	var hosts []string
	for _, n := range scheduler.Observe(s.doc, s.now).Nodes {
		if n.Online && !n.Unclean && n.Kind == scheduler.MemberNode {
			hosts = append(hosts, n.Name)
		}
	}
	failed := make([]error, len(hosts))
	var asked sync.WaitGroup
	for i, host := range hosts {
		asked.Go(func() {
			failed[i] = on(contextOf(), client.Unfence{Target: host, Device: id, Params: []client.Param{{Name: "devices", Value: joinDevices(disks)}}})
		})
	}
	asked.Wait()
	r := s.reports()
	for i, err := range failed {
		if err != nil {
			r.fail("%s gets no access to %s: %v", hosts[i], joinDevices(disks), err)
		}
	}
	return r.err()
}

// takeOver gives pair, the parameter "devices" of a fence device, its value, together with a status
// that tells that it is in use.
func (s *session) takeOver(id, pair, value string) error {
	before := s.doc
	for range tries {
		cause := cib.Cause{Client: "pcs", Command: "pcs " + strings.Join(source.WithoutSecrets(s.words), " "), When: time.Now()}
		after := withDisks(before, id, pair, value, s.now)
		if !cib.Touch(before, after, cause) {
			return nil
		}
		// A patch reaches the status, too, and is refused when that has moved on.
		_, err := s.source.Apply(cib.Request{Op: cib.OpPatch, Input: cib.Diff(before, after)}, cause)
		if !errors.Is(err, client.Conflict) {
			return err
		}
		if before, err = s.source.Load(); err != nil {
			return err
		}
		if now := before.Version(); now.AdminEpoch != s.version.AdminEpoch || now.Epoch != s.version.Epoch {
			return errChanged
		}
	}
	return errChanged
}

func withDisks(before *cib.Document, id, pair, value string, now time.Time) *cib.Document {
	after := before.Clone()
	after.ByID(pair).Set("value", value)
	scheduler.Redefine(before, after, id, now)
	return after
}
