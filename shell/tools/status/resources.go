package status

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast/cluster/scheduler"
)

// Options narrow or widen what is written.
type Options struct {
	ActiveOnly bool // leave out what is not running: members of groups, nodes without an instance
	Detail     bool // every instance of a clone and every part of a bundle on a line of its own
	// Release21 words what Pacemaker 2.1's crm_mon and crm_resource word otherwise than crm_simulate's newest summaries:
	// "disabled" after "unmanaged" in the titles of groups and clones, and why a probe failed in lower case, with a blank after it.
	Release21 bool
	Placeless bool // primitives without where they run, as crm_resource --list has them
	Internal  bool // the connections into guests that run nowhere, too: the cluster made them by itself
	Brief     bool // members of groups are counted, not named
	// FailedProbe says why a stopped primitive cannot run, "" when nothing is known; nil: nobody asks.
	FailedProbe func(*scheduler.ResourceStatus) string
}

// Resources writes the full list of resources.
func Resources(w io.Writer, s *scheduler.Status, indent string) {
	ResourcesWith(w, s, indent, Options{})
}

// ResourcesWith is Resources with options.
func ResourcesWith(w io.Writer, s *scheduler.Status, indent string, options Options) {
	p := printer{w: w, s: s, Options: options}
	for _, r := range s.Resources {
		// What was removed from the configuration is worth a line only while it is active.
		if r.Orphan && !active(r) || r.Internal && !(options.Internal && !active(r)) {
			continue
		}
		p.resource(r, indent)
	}
}

// Resource writes one resource of the list.
func Resource(w io.Writer, s *scheduler.Status, r *scheduler.ResourceStatus, options Options) {
	p := printer{w: w, s: s, Options: options}
	p.resource(r, "")
}

type printer struct {
	w io.Writer
	s *scheduler.Status
	Options
}

func (p *printer) resource(r *scheduler.ResourceStatus, indent string) {
	switch r.Variant {
	case scheduler.GroupResource:
		p.group(r, indent)
	case scheduler.CloneResource:
		p.clone(r, indent)
	case scheduler.BundleResource:
		p.bundle(r, indent)
	default:
		fmt.Fprintf(p.w, "%s* %s\n", indent, p.primitive(r))
	}
}

// primitive is a primitive's line, with the reason why it cannot run when a probe told.
func (p *printer) primitive(r *scheduler.ResourceStatus) string {
	if p.Placeless {
		bare := *r
		bare.Nodes = nil
		r = &bare
	}
	if p.FailedProbe != nil && r.Role == "Stopped" {
		if why := p.FailedProbe(r); why != "" {
			line := Primitive(r, r.ID) + " (" + why + ")"
			if p.Release21 {
				line += " "
			}
			return line
		}
	}
	return Primitive(r, r.ID)
}

// active reports whether r, or some part of it, is up as far as is known: not what was on a
// host or guest that is down for certain, unless the cluster may not touch it.
func active(r *scheduler.ResourceStatus) bool {
	if r.Variant == scheduler.PrimitiveResource {
		return slices.ContainsFunc(r.Nodes, func(n scheduler.Placed) bool { return n.Online || n.Unclean || !r.Managed })
	}
	for _, c := range r.Children {
		if active(c) {
			return true
		}
	}
	return false
}

// Primitive describes one primitive under a name: its agent, state, places and flags.
func Primitive(r *scheduler.ResourceStatus, name string) string {
	return primitiveAt(r, name, nil)
}

func primitiveAt(r *scheduler.ResourceStatus, name string, at *scheduler.Placed) string {
	var b strings.Builder
	agent := r.Agent.Class + ":"
	if r.Agent.Provider != "" {
		agent += r.Agent.Provider + ":"
	}
	fmt.Fprintf(&b, "%s\t(%s%s):\t", name, agent, r.Agent.Type)
	if r.Orphan {
		b.WriteString(" ORPHANED")
	}
	role := displayRole(r)
	switch {
	case r.Failed && r.Role == "Promoted":
		b.WriteString(" FAILED " + r.Role)
	case r.Failed:
		b.WriteString(" FAILED")
	default:
		b.WriteString(" " + role)
	}
	if at == nil && len(r.Nodes) > 0 {
		at = &r.Nodes[0]
		for i := range r.Nodes {
			if r.Nodes[i].Online && !r.Nodes[i].Unclean && (!at.Online || at.Unclean) {
				at = &r.Nodes[i]
			}
		}
	}
	several := len(r.Nodes) > 1
	switch {
	case at != nil && !several:
		b.WriteString(" " + at.Node)
	case at == nil && r.LockedTo != "":
		b.WriteString(" " + r.LockedTo)
	case at == nil && r.PendingNode != "":
		b.WriteString(" " + r.PendingNode)
	}
	if flags := flagsOf(r, at); len(flags) > 0 {
		b.WriteString(" (" + strings.Join(flags, ", ") + ")")
	}
	if several {
		var names []string
		for _, n := range r.Nodes {
			names = append(names, n.Node)
		}
		b.WriteString(" [ " + strings.Join(names, " ") + " ]")
	}
	return b.String()
}

func displayRole(r *scheduler.ResourceStatus) string {
	if r.PendingText != "" && r.PendingText != "Monitoring" && r.PendingTask != "monitor" {
		return r.PendingText
	}
	return r.Role
}

func flagsOf(r *scheduler.ResourceStatus, at *scheduler.Placed) []string {
	var flags []string
	if at != nil && !at.Online && at.Unclean {
		flags = append(flags, "UNCLEAN")
	}
	if r.LockedTo != "" {
		flags = append(flags, "LOCKED")
	}
	if r.PendingText == "Monitoring" {
		flags = append(flags, "Monitoring")
	}
	if r.Disabled {
		flags = append(flags, "disabled")
	} else if r.DisabledUnpromoted && r.Role == "Promoted" {
		flags = append(flags, "disabled")
	}
	switch {
	case r.Blocked:
		flags = append(flags, "blocked")
	case r.Maintenance:
		flags = append(flags, "maintenance")
	case !r.Managed:
		flags = append(flags, "unmanaged")
	}
	if r.FailIgnored {
		flags = append(flags, "failure ignored")
	}
	return flags
}

// collectiveFlags are the flags after a group's or clone's title. Releases of Pacemaker differ in which of the last two comes first.
func (p *printer) collectiveFlags(r *scheduler.ResourceStatus) []string {
	var flags []string
	if r.Promotable {
		flags = append(flags, "promotable")
	}
	if r.Unique && r.Variant != scheduler.GroupResource {
		flags = append(flags, "unique")
	}
	if r.Disabled && !p.Release21 {
		flags = append(flags, "disabled")
	}
	switch {
	case r.Maintenance:
		flags = append(flags, "maintenance")
	case !r.Managed:
		flags = append(flags, "unmanaged")
	}
	if r.Disabled && p.Release21 {
		flags = append(flags, "disabled")
	}
	return flags
}

func withFlags(title string, flags []string) string {
	if len(flags) > 0 {
		title += " (" + strings.Join(flags, ", ") + ")"
	}
	return title + ":"
}

func (p *printer) group(r *scheduler.ResourceStatus, indent string) {
	flags := p.collectiveFlags(r)
	if r.Promotable {
		flags = flags[1:]
	}
	id := r.LongID
	title := "Resource Group: " + id
	inactive := 0
	for _, member := range members(r) {
		if p.ActiveOnly && !active(member) {
			inactive++
		}
	}
	if inactive > 0 {
		plural := "s"
		if inactive == 1 {
			plural = ""
		}
		flags = append([]string{fmt.Sprintf("%d member%s inactive", inactive, plural)}, flags...)
	}
	fmt.Fprintf(p.w, "%s* %s\n", indent, withFlags(title, flags))
	if p.Brief {
		Brief(p.w, r.Children, indent+"  ", true)
		return
	}
	for _, member := range r.Children {
		if !p.ActiveOnly || active(member) {
			p.resource(member, indent+"  ")
		}
	}
}

func (p *printer) bundle(r *scheduler.ResourceStatus, indent string) {
	kind := "Container bundle"
	if Members(r) > 1 {
		kind = "Container bundle set"
	}
	var flags []string
	if r.Unique {
		flags = append(flags, "unique")
	}
	switch {
	case r.Maintenance:
		flags = append(flags, "maintenance")
	case !r.Managed:
		flags = append(flags, "unmanaged")
	}
	fmt.Fprintf(p.w, "%s* %s\n", indent, withFlags(fmt.Sprintf("%s: %s [%s]", kind, r.ID, r.Image), flags))
	for _, replica := range r.Children {
		if line := p.replicaLine(replica); line != "" && !p.Detail && len(replica.Children) == Members(replica) {
			fmt.Fprintf(p.w, "%s  * %s\n", indent, line)
			continue
		}
		if Members(r) > 1 {
			fmt.Fprintf(p.w, "%s  * Replica[%d]\n", indent, replica.Replica)
		}
		for _, part := range replica.Children {
			p.resource(part, indent+"    ")
		}
	}
}

// replicaLine describes a replica by what runs inside it, else by its container; "" when it is known only in part.
func (p *printer) replicaLine(replica *scheduler.ResourceStatus) string {
	var address string
	var container, connection, inner *scheduler.ResourceStatus
	for _, part := range replica.Children {
		switch {
		case part.Agent.Type == "IPaddr2" && strings.HasPrefix(part.LongID, replica.ID+"-ip-"):
			address = strings.TrimPrefix(part.LongID, replica.ID+"-ip-")
		case part.Agent.Type == "remote" && part.Agent.Provider == "pacemaker":
			connection = part
		case strings.HasPrefix(part.LongID, replica.ID+"-docker-") || strings.HasPrefix(part.LongID, replica.ID+"-podman-") || strings.HasPrefix(part.LongID, replica.ID+"-rkt-"):
			container = part
		default:
			inner = part
		}
	}
	if container == nil {
		return ""
	}
	shown := inner
	if shown == nil {
		shown = container
	}
	name := container.LongID
	if connection != nil {
		name = connection.LongID
	}
	if address != "" {
		name += " (" + address + ")"
	}
	copied := *shown
	copied.Nodes = nil
	var at *scheduler.Placed
	if len(container.Nodes) > 0 && !p.Placeless {
		at = &container.Nodes[0]
	}
	copied.Maintenance, copied.Managed = false, shown.Managed || shown.Maintenance
	line := primitiveAt(&copied, name, at)
	return line
}
