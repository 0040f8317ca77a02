package controller

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
	"holdfast/cluster/messaging/core"
)

// viewed takes a committed view in: leadership begins or ends with it, hosts come and go.
func (c *Controller) viewed(now time.Time, v core.View) {
	old := c.view
	c.view = v
	for i, id := range v.Members {
		c.seen[id] = true
		c.boots[id] = v.Boots[i]
		c.groups[id] = v.Ballot
		delete(c.gone, id)
		delete(c.strays, id)
	}
	for _, id := range v.Left {
		if slices.Contains(old.Members, id) {
			c.witnessed(id)
		}
	}
	c.letStop(now, old.Members)
	// A view of an earlier life of this daemon, read from its log, gives it no leadership.
	if v.Leader != c.cfg.Self || c.boots[c.cfg.Self] != c.cfg.Boot {
		c.abdicate()
		return
	}
	if !c.leading || old.Ballot != v.Ballot {
		c.beginReign(now)
	}
	c.refreshMembers(now)
	c.forgive()
	c.markDirty(fmt.Sprintf("view %d: members %v", v.Number, v.Members))
	c.inARow = 0
}

// restored takes a state in that came as a whole. Where the log is another group's now, a view of the group before gives no leadership: what
// hosts did since may be lost with their logs, so they have to be asked anew, by whom the group's first view says.
func (c *Controller) restored(now time.Time, ev Restored) {
	c.viewed(now, ev.View)
	c.strayed(ev.From.Lost)
	if ev.View.Ballot != ev.From.Group {
		c.abdicate()
	}
}

func (c *Controller) abdicate() {
	c.leading, c.transition, c.members, c.dirty, c.hostWrite = false, nil, nil, "", 0
}

func (c *Controller) beginReign(now time.Time) {
	c.leading = true
	c.sweep++
	c.reign = Reign{Ballot: c.view.Ballot, View: c.view.Number}
	c.uuid = reignUUID(c.cfg, c.reign)
	c.begun = now
	c.members, c.attempts, c.fenceAt = map[core.HostID]*member{}, map[string]*attempts{}, time.Time{}
	c.transition, c.hostWrite, c.plans, c.idle, c.notBefore = nil, 0, 0, false, time.Time{}
}

// refreshMembers follows the view: a host that is new in it, or whose daemon was
// restarted, has to be synchronized; what was in flight on one that is gone has failed.
func (c *Controller) refreshMembers(now time.Time) {
	current := map[core.HostID]uint64{}
	for i, id := range c.view.Members {
		current[id] = c.view.Boots[i]
	}
	for _, id := range sortedHosts(c.members) {
		if boot, ok := current[id]; !ok || boot != c.members[id].boot {
			delete(c.members, id)
			c.forsake(c.names[id], true)
		}
	}
	for _, id := range sortedHosts(current) {
		if c.members[id] == nil {
			c.members[id] = &member{boot: current[id], answered: now, reign: Reign{Ballot: c.reign.Ballot, View: c.view.Number}, retryAt: now, inFlight: map[string]bool{}}
		}
	}
}

// forsake gives up on what a host was doing; that it left is what was wanted, where it is gone. Fencing goes on: another host does it.
func (c *Controller) forsake(name string, gone bool) {
	if c.transition == nil {
		return
	}
	for _, key := range sortedKeys(c.transition.inFlight) {
		r := c.transition.inFlight[key]
		if r.host != name || r.fence {
			continue
		}
		delete(c.transition.inFlight, key)
		c.transition.finish(r.action.ID, gone && r.action.Task == "do_shutdown")
	}
}

// synchronize sends the Sync requests that are due.
func (c *Controller) synchronize(now time.Time) {
	for _, id := range sortedHosts(c.members) {
		m := c.members[id]
		if !m.awaited() || m.retryAt.IsZero() || now.Before(m.retryAt) {
			continue
		}
		m.retryAt = time.Time{}
		c.out.Requests = append(c.out.Requests, Addressed{Host: id, Limit: syncWait, Request: Request{
			Kind: SyncRequest, Reign: m.reign, Boot: m.boot,
		}})
	}
}

func (c *Controller) replied(now time.Time, ev Replied) {
	m := c.members[ev.Host]
	if !c.leading || m == nil || ev.Reign != m.reign || m.boot != ev.Boot {
		return
	}
	if ev.Kind == SyncRequest {
		c.synced(ev, m)
		return
	}
	if ev.Kind == LeaveRequest {
		m.leaving = true
	}
	if c.transition == nil || c.transition.inFlight[ev.Key] == nil {
		return
	}
	r := c.transition.inFlight[ev.Key]
	r.unsent = time.Time{}
	if ev.Kind == LeaveRequest {
		delete(c.transition.inFlight, ev.Key)
		c.transition.finish(r.action.ID, true)
	}
}

func (c *Controller) synced(ev Replied, m *member) {
	back := m.deaf(c.now)
	m.answered, m.bemoaned = c.now, false
	if m.synced {
		if back {
			c.markDirty("host " + c.names[ev.Host] + " answers again")
		}
		// Asked again: what the host no longer has in flight is in the log, and came here in a
		// snapshot, which tells of no entries.
		for _, key := range sortedKeys(m.inFlight) {
			if !slices.Contains(ev.Reply.InFlight, key) {
				delete(m.inFlight, key)
			}
		}
		c.askAgain(m)
		return
	}
	m.synced, m.astray, m.watchdog, m.features = true, ev.Reply.Astray, ev.Reply.Watchdog, ev.Reply.FeatureSet
	if ev.Reply.Name != "" {
		c.names[ev.Host] = ev.Reply.Name
	}
	for _, key := range ev.Reply.InFlight {
		if !c.recent[key] {
			m.inFlight[key] = true
		}
	}
	c.learnStrays(ev.Reply.Strays)
	c.askAgain(m)
	c.note(Note{Kind: HostJoined, Subject: c.names[ev.Host], Count: len(m.inFlight)})
	c.markDirty("host " + c.names[ev.Host] + " joined")
}

// askAgain has a member asked later what it still has in flight.
func (c *Controller) askAgain(m *member) {
	if len(m.inFlight) > 0 {
		m.retryAt = c.now.Add(syncWait)
	}
}

func (c *Controller) undelivered(now time.Time, ev Undelivered) {
	m := c.members[ev.Host]
	if !c.leading || m == nil || ev.Reign != m.reign || m.boot != ev.Boot {
		return
	}
	if ev.Kind == SyncRequest {
		m.retryAt = now.Add(retryDelay)
		return
	}
	if c.transition == nil || c.transition.inFlight[ev.Key] == nil {
		return
	}
	// It may have arrived: the worker knows the key and will not do it again.
	r := c.transition.inFlight[ev.Key]
	r.retryAt = now.Add(retryDelay)
	switch {
	case ev.Refused:
		r.unsent = time.Time{}
	case r.unsent.IsZero():
		r.unsent = now
	}
}

// unseen tells whether a configured host has not been in a view since this
// daemon started, though the document does not say that it is down.
func (c *Controller) unseen() bool {
	status := c.cfg.Document().Section("status")
	for _, id := range c.view.Lost {
		if c.seen[id] {
			continue
		}
		state := nodeState(status, id)
		if state == nil || state.Get("in_ccm") == "true" {
			return true
		}
	}
	return false
}

func (c *Controller) firstWait() time.Duration {
	return option(c.cfg.Document(), "dc-deadtime", c.cfg.FirstWait)
}

// hostEdits returns what has to change in the document so that it tells of the hosts what
// the view tells; nothing when it does already.
func (c *Controller) hostEdits(doc *cib.Document) []Edit {
	fragment := cib.NewElement("cib")
	var edits []Edit
	c.rootEdits(doc, fragment)
	c.nodesEdits(doc, fragment)
	c.optionsEdits(doc, fragment)
	status := doc.Section("status")
	for _, id := range c.view.Members {
		edits = append(edits, c.memberEdits(status, id, fragment)...)
	}
	for _, id := range c.view.Lost {
		edits = append(edits, c.lostEdits(status, id, fragment)...)
	}
	for _, id := range c.view.Left {
		if c.doubtful(id) {
			edits = append(edits, c.lostEdits(status, id, fragment)...)
			continue
		}
		edits = append(edits, c.leftEdits(status, id, fragment)...)
	}
	if len(fragment.Attrs) > 0 || len(fragment.Children) > 0 {
		edits = append(edits, MergeEdit(fragment))
	}
	return edits
}

func (c *Controller) rootEdits(doc *cib.Document, fragment *cib.Element) {
	// Readers tell by the feature set how fail counts are called: a document from elsewhere may say another one than ours.
	want := map[string]string{"have-quorum": "0", "dc-uuid": hostID(c.cfg.Self), "crm_feature_set": cib.FeatureSet}
	if c.view.Quorate {
		want["have-quorum"] = "1"
	}
	for _, name := range []string{"have-quorum", "dc-uuid", "crm_feature_set"} {
		if doc.Root.Get(name) != want[name] {
			fragment.Set(name, want[name])
		}
	}
}

// nodesEdits adds the hosts that <nodes> does not name.
func (c *Controller) nodesEdits(doc *cib.Document, fragment *cib.Element) {
	known := map[string]bool{}
	for node := range doc.Section("nodes").All("node") {
		known[node.ID()] = true
	}
	for _, id := range sortedHosts(c.names) {
		// What no view tells of was added a moment ago: nothing is known of its state yet.
		inView := slices.Contains(c.view.Members, id) || slices.Contains(c.view.Lost, id) || slices.Contains(c.view.Left, id)
		if name := c.names[id]; name != "" && inView && !known[hostID(id)] {
			fragment.Ensure("configuration").Ensure("nodes").Append(cib.NewElement("node", "id", hostID(id), "uname", name))
		}
	}
}

// memberEdits makes node_state tell that the host is in the view, and whether it is
// synchronized. The history of an earlier daemon on it is erased: probes follow.
func (c *Controller) memberEdits(status *cib.Element, id core.HostID, fragment *cib.Element) []Edit {
	m := c.members[id]
	name := c.names[id]
	if m == nil || name == "" || m.fenced {
		return nil
	}
	state := nodeState(status, id)
	origin := bootMark(m.boot, m.astray)
	if !m.synced && state != nil && strings.HasPrefix(state.Get("crm-debug-origin")+"-", origin+"-") {
		origin = state.Get("crm-debug-origin") // whether it went astray is not known yet
	}
	join, crmd := "member", "online"
	if !m.synced {
		join = "pending"
	}
	if m.deaf(c.now) {
		crmd = "offline" // which the scheduler has it fenced for
	}
	want := cib.NewElement("node_state", "id", hostID(id), "uname", name, "in_ccm", "true", "crmd", crmd,
		"crm-debug-origin", origin, "join", join, "expected", "member")
	if m.synced && (m.watchdog > 0 || state != nil && state.Get(WatchdogMark) != "") {
		want.Set(WatchdogMark, strconv.FormatInt(m.watchdog.Milliseconds(), 10))
	}
	begunAnew := state == nil || state.Get("crm-debug-origin") != origin
	lacksFeatures := m.features != "" && (begunAnew || TransientAttribute(c.cfg.Document(), hostID(id), FeatureSetAttribute) != m.features)
	if lacksFeatures {
		appendAttribute(transientSet(want, hostID(id)), hostID(id), FeatureSetAttribute, m.features)
	}
	if begunAnew {
		lrm := want.Append(cib.NewElement("lrm", "id", hostID(id)))
		lrm.Append(cib.NewElement("lrm_resources"))
		fragment.Ensure("status").Append(want)
		return eraseEdits(id)
	}
	if lacksFeatures || differs(state, want) {
		fragment.Ensure("status").Append(want)
	}
	return nil
}

// FeatureSetAttribute is the transient attribute by which status displays and the scheduler know a host's
// feature set, and so whether hosts of different versions are together.
const FeatureSetAttribute = "#feature-set"

// lostEdits makes node_state tell that the host is gone. "expected" stays: a host that
// was expected to be here is unclean until it is fenced, and so is one whose end is doubtful.
// That it was asked to go counts no more: the scheduler takes a host that goes for one that has stopped what it runs.
func (c *Controller) lostEdits(status *cib.Element, id core.HostID, fragment *cib.Element) []Edit {
	state := nodeState(status, id)
	if state == nil {
		return nil
	}
	want := cib.NewElement("node_state", "id", hostID(id), "uname", state.Get("uname"),
		"in_ccm", "false", "crmd", "offline", "join", "down")
	if c.doubtful(id) && state.Get("crm-debug-origin") != Added {
		want.Set("expected", "member")
	}
	if differs(state, want) {
		fragment.Ensure("status").Append(want)
	}
	var edits []Edit
	for _, name := range []string{"shutdown", "terminate"} {
		if TransientAttribute(c.cfg.Document(), hostID(id), name) != "" {
			edits = append(edits, AttributeEdits(hostID(id), state.Get("uname"), name, nil)...)
		}
	}
	return edits
}

// witnessed notes that a host left or was confirmed dead, if this daemon was in the view when
// it happened: what is read from the log afterwards is no witness.
func (c *Controller) witnessed(id core.HostID) {
	if boot, here := c.view.BootOf(c.cfg.Self); here && boot == c.cfg.Boot {
		c.gone[id] = c.sweep
		delete(c.strays, id)
	}
}

// doubtful tells whether the end of a host that the document knows proves nothing. Where another
// side could have been quorate as well, the host may have come back there, and have this
// host's side fenced; whoever was never fenced since knows that it did not. And of a stray it is known that it did.
func (c *Controller) doubtful(id core.HostID) bool {
	_, witnessed := c.gone[id]
	return c.strays[id] || c.contested() && !witnessed
}

// contested tells whether another side may act as this one does.
func (c *Controller) contested() bool { return c.view.Contested || QuorumIgnored(c.cfg.Document()) }

// outdate forgets, where another side may act, the deaths of before the last failed attempt to fence somebody, once all that
// the view has lost are dead: while that one lived, the others may have come back to it, and run what this side is about to start.
func (c *Controller) outdate() {
	if !c.contested() || slices.ContainsFunc(c.view.Lost, c.doubtful) {
		return
	}
	for _, id := range c.view.Lost {
		if c.gone[id] < c.sweep {
			delete(c.gone, id)
			c.outside("host " + c.names[id] + " was fenced too long ago to be dead for certain")
		}
	}
}

// leftEdits makes node_state tell that the host stopped everything and left.
func (c *Controller) leftEdits(status *cib.Element, id core.HostID, fragment *cib.Element) []Edit {
	state := nodeState(status, id)
	if state == nil && c.names[id] != "" {
		// It was added and has not come yet. Without this it would be taken for a host of
		// which nobody knows what it runs, and be fenced.
		fragment.Ensure("status").Append(downState(id, c.names[id])).Set("crm-debug-origin", Added)
	}
	if state == nil || state.Get("crm-debug-origin") == Added {
		return nil
	}
	want := downState(id, state.Get("uname"))
	if !differs(state, want) {
		return nil
	}
	fragment.Ensure("status").Append(want)
	return eraseEdits(id)
}

// WatchdogMark is the attribute of node_state that tells the time, in milliseconds, within which
// the host's watchdog resets it. It outlives the host: others count on it when it is lost.
const WatchdogMark = "watchdog-ms"

// Added is the crm-debug-origin of a host that was added and has never been in a view.
const Added = "added"

// downState is the node_state of a host that certainly runs nothing.
func downState(id core.HostID, name string) *cib.Element {
	return cib.NewElement("node_state", "id", hostID(id), "uname", name, "in_ccm", "false", "crmd", "offline",
		"crm-debug-origin", "down", "join", "down", "expected", "down")
}

// eraseEdits removes what a host ran and its transient attributes.
func eraseEdits(id core.HostID) []Edit {
	path := "/cib/status/node_state[@id='" + hostID(id) + "']/"
	return []Edit{{Delete: path + "lrm"}, {Delete: path + "transient_attributes"}}
}

// differs tells whether state lacks an attribute of want or has another value for it.
func differs(state, want *cib.Element) bool {
	for _, a := range want.Attrs {
		if state.Get(a.Name) != a.Value {
			return true
		}
	}
	return false
}

func nodeState(status *cib.Element, id core.HostID) *cib.Element {
	for state := range status.All("node_state") {
		if state.ID() == hostID(id) {
			return state
		}
	}
	return nil
}

// bootMark is kept in node_state's crm-debug-origin, whose text is free: the history
// below that node_state is of this boot of the host's daemon, and was begun anew so many
// times because some of it went into a log that lost.
func bootMark(boot uint64, astray int) string {
	mark := "boot-" + strconv.FormatUint(boot, 16)
	if astray > 0 {
		mark += "-" + strconv.Itoa(astray)
	}
	return mark
}

// LastBoot returns the boot id that the document's history of a host is of; 0: it tells none.
func LastBoot(doc *cib.Document, id core.HostID) uint64 {
	state := nodeState(doc.Section("status"), id)
	if state == nil {
		return 0
	}
	mark, _, _ := strings.Cut(strings.TrimPrefix(state.Get("crm-debug-origin"), "boot-"), "-")
	boot, _ := strconv.ParseUint(mark, 16, 64)
	return boot
}

func hostID(id core.HostID) string { return strconv.FormatUint(uint64(id), 10) }

// option reads a duration of crm_config, in any of its spellings.
func option(doc *cib.Document, name string, otherwise time.Duration) time.Duration {
	if d, err := rule.ParseInterval(doc.Property(name)); err == nil && d > 0 {
		return d
	}
	return otherwise
}

// QuorumIgnored tells whether no-quorum-policy is ignore.
func QuorumIgnored(doc *cib.Document) bool {
	return strings.EqualFold(doc.Property("no-quorum-policy"), "ignore")
}
