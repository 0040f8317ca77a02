package controller

import (
	"crypto/md5"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/scheduler"
)

// Config is what a Controller starts from.
type Config struct {
	Self core.HostID
	Boot uint64 // of this daemon
	// Hosts are the configured hosts and their unames.
	Hosts map[core.HostID]string
	// Document returns the document with all that was applied. It is only read.
	Document func() *cib.Document
	// Plan is scheduler.Make; tests hand in their own.
	Plan func(doc *cib.Document, now time.Time) *scheduler.Plan
	// FirstWait is how long the first plan after a cold start waits for configured hosts
	// that have not been seen; 0 means DefaultFirstWait. dc-deadtime, when set, overrides it.
	FirstWait time.Duration
	// Lag is how much later than this host another may find out that the two do not hear each other.
	Lag time.Duration
	// Watchdog tells that this host has a watchdog: have-watchdog follows the leader's.
	Watchdog bool
	// Alone is not 0 for a Controller that acts on its own host only, because that has
	// lost quorum (package alone). It tells such Controllers of one boot apart.
	Alone uint64
}

// Times that the Controller keeps.
const (
	DefaultFirstWait = 10 * time.Second
	syncWait         = 3 * time.Second        // for a member's answer before it is asked again
	deafAfter        = 15 * time.Second       // without an answer to Sync, after which a member is to be fenced
	retryDelay       = 100 * time.Millisecond // before an undelivered request is sent again
	recheckInterval  = 15 * time.Minute       // cluster-recheck-interval's default
	busyPlans        = 20                     // plans in a row without an outside cause, after which they are spaced out
	busyPause        = time.Second
)

// member is a host of the view, as the leader knows it.
type member struct {
	boot     uint64
	synced   bool
	astray   int             // Reply.Astray
	watchdog time.Duration   // Reply.Watchdog
	features string          // Reply.FeatureSet
	answered time.Time       // when it last did, or was first asked
	reign    Reign           // that it obeys: what was sent before it left the view may still arrive
	retryAt  time.Time       // when Sync is to be sent again; zero: on its way
	inFlight map[string]bool // keys from before this reign, not yet seen in the log
	leaving  bool            // it was let go; the view has yet to follow
	fenced   bool            // this boot was confirmed dead; the view has yet to follow
	bemoaned bool            // it was told that everything waits for it
}

// awaited tells whether nothing is planned because of a member: before it has answered, and while it has in flight what the log does not
// tell of yet, it may run more than is known.
func (m *member) awaited() bool { return !m.synced || len(m.inFlight) > 0 }

// deaf tells whether a member that is heard, and awaited, does not answer its leader. It is given up then.
func (m *member) deaf(now time.Time) bool {
	return m.awaited() && !now.Before(m.answered.Add(deafAfter))
}

// ask has a member tell anew what it does.
func (m *member) ask(now time.Time) {
	m.synced, m.answered, m.retryAt, m.inFlight = false, now, now, map[string]bool{}
}

// Controller is the leader's half. It is not safe for concurrent use.
type Controller struct {
	cfg   Config
	names map[core.HostID]string
	boots map[core.HostID]uint64 // last seen in a view
	seen  map[core.HostID]bool   // in a view since this daemon started

	now     time.Time // of the last Step
	view    core.View
	quorate bool // as this host can tell now
	leading bool
	reign   Reign
	gone    map[core.HostID]uint64      // hosts whose end this daemon witnessed and that were not in a view since, and in which sweep
	groups  map[core.HostID]core.Ballot // whose views they were last in
	strays  map[core.HostID]bool        // see strayed
	uuid    string                      // of the reign, for transition keys
	begun   time.Time

	members    map[core.HostID]*member
	recent     map[string]bool // keys of the last results applied
	recentKeys []string        // the same, in order
	hostWrite  uint64          // Seq of the hosts entry that is on its way; 0: none
	seq        uint64          // of the last entry written

	transition *transition
	plans      uint64 // made in this reign
	inARow     int    // non-empty plans since the last outside event
	dirty      string // why a plan is needed; "" when none is
	notBefore  time.Time
	stopping   map[core.HostID]time.Time // hosts that were lost, and until when each may be stopping what it runs
	recheckAt  time.Time
	attempts   map[string]*attempts // to fence hosts, by uname, that failed
	fenceAt    time.Time            // when fencing is to be tried again, if nothing else asks for a plan before
	sweep      uint64               // counts attempts to fence that failed, and reigns (outdate)
	idle       bool

	out Batch
}

// New makes a Controller of a host that is in no view yet.
func New(cfg Config) *Controller {
	if cfg.FirstWait == 0 {
		cfg.FirstWait = DefaultFirstWait
	}
	c := &Controller{
		cfg: cfg, names: map[core.HostID]string{}, boots: map[core.HostID]uint64{},
		seen: map[core.HostID]bool{}, recent: map[string]bool{}, gone: map[core.HostID]uint64{}, groups: map[core.HostID]core.Ballot{}, strays: map[core.HostID]bool{}, stopping: map[core.HostID]time.Time{}, quorate: true,
	}
	c.configured(cfg.Hosts)
	return c
}

// configured takes the hosts' names. Hosts that are not among them any more are forgotten.
func (c *Controller) configured(hosts map[core.HostID]string) {
	for id := range c.names {
		if _, still := hosts[id]; !still {
			delete(c.names, id)
			delete(c.boots, id)
			delete(c.seen, id)
			delete(c.stopping, id)
			delete(c.gone, id)
			delete(c.groups, id)
			delete(c.strays, id)
		}
	}
	for id, name := range hosts {
		c.names[id] = name
	}
}

// Step takes in what happened at now and returns what is to be done.
func (c *Controller) Step(now time.Time, ev Event) Batch {
	c.out = Batch{}
	c.now = now
	switch ev := ev.(type) {
	case Viewed:
		c.viewed(now, ev.View)
	case Applied:
		c.applied(now, ev.Entry)
	case Restored:
		c.restored(now, ev)
	case Replied:
		c.replied(now, ev)
	case Undelivered:
		c.undelivered(now, ev)
	case FenceDone:
		c.fenceDone(now, ev)
	case QuorumHere:
		c.quorumHere(now, ev.Quorate)
	case Confirmed:
		c.confirmed(now, ev)
	case Configured:
		c.configured(ev.Hosts)
	}
	if c.leading {
		c.advance(now)
	}
	return c.out
}

// Next returns when Step must be called at the latest; the zero time means never.
func (c *Controller) Next() time.Time {
	if !c.leading {
		return time.Time{}
	}
	var next time.Time
	earlier := func(t time.Time) {
		// What was due by the last Step was done then, or waits for something that will happen.
		if t.After(c.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	earlier(c.recheckAt)
	for _, m := range c.members {
		earlier(m.retryAt)
		if m.awaited() {
			earlier(m.answered.Add(deafAfter))
		}
	}
	if c.transition != nil {
		for _, r := range c.transition.inFlight {
			earlier(r.patience())
			earlier(r.retryAt)
		}
	} else if c.dirty == "" {
		earlier(c.fenceAt)
	} else {
		earlier(c.planAt())
		if c.unseen() {
			earlier(c.begun.Add(c.firstWait()))
		}
	}
	return next
}

// Leading tells whether this host leads, and its reign.
func (c *Controller) Leading() (Reign, bool) { return c.reign, c.leading }

// Boot is the boot of a host's daemon in the last view that it was in; 0: it was in none that this host knows.
func (c *Controller) Boot(host core.HostID) uint64 { return c.boots[host] }

// Idle tells whether this host leads and nothing remains to be done.
func (c *Controller) Idle() bool {
	return c.leading && c.transition == nil && c.dirty == "" && c.hostWrite == 0 && c.idle
}

// quorumHere notes whether this host has quorum. A leader that lost it and has it back has
// to ask all members again what they did meanwhile, itself included: each may have stopped
// by itself what it ran, and the log does not tell of that yet.
func (c *Controller) quorumHere(now time.Time, quorate bool) {
	back := quorate && !c.quorate
	c.quorate = quorate
	if !back || !c.leading {
		return
	}
	for _, m := range c.members {
		m.ask(now)
	}
	c.markDirty("quorum is back")
}

// advance does whatever has become possible.
func (c *Controller) advance(now time.Time) {
	c.synchronize(now)
	for c.proceed(now) {
		// A plan that was over at once leaves room for the next.
	}
}

// proceed takes the transition a step further, or begins the next. It tells whether
// there may be more to do at once.
func (c *Controller) proceed(now time.Time) bool {
	if t := c.transition; t != nil {
		c.overdue(now)
		if !c.acting() {
			t.halt("quorum lost")
		}
		c.dispatchReady(now)
		if !t.over() {
			return false
		}
		c.endTransition(now)
	}
	if !c.recheckAt.IsZero() && !now.Before(c.recheckAt) {
		c.recheckAt = time.Time{}
		c.forgive()
		c.markDirty("time alone may have changed the plan")
	}
	if !c.fenceAt.IsZero() && !now.Before(c.fenceAt) {
		c.fenceAt = time.Time{}
		c.markDirty("fencing is tried again")
	}
	if c.dirty == "" || !c.acting() || !c.settled(now) || c.hostWrite != 0 {
		return false
	}
	if edits := c.hostEdits(c.cfg.Document()); len(edits) > 0 {
		c.hostWrite = c.write(&Entry{Kind: HostsEntry, Edits: edits})
		return false
	}
	if now.Before(c.planAt()) {
		return false
	}
	c.plan(now)
	return c.transition == nil && c.dirty != ""
}

// planAt is when the next plan may be made.
func (c *Controller) planAt() time.Time {
	if stopped := c.stopped(); stopped.After(c.notBefore) {
		return stopped
	}
	return c.notBefore
}

// acting tells whether this side of the cluster may act.
func (c *Controller) acting() bool {
	return c.cfg.Alone > 0 || (c.view.Quorate && c.quorate) || QuorumIgnored(c.cfg.Document())
}

// settled tells whether enough is known about the hosts to plan.
func (c *Controller) settled(now time.Time) bool {
	for _, id := range sortedHosts(c.members) {
		if m := c.members[id]; m.awaited() && !c.givesUpOn(now, id, m) {
			return false
		}
	}
	return !c.unseen() || !now.Before(c.begun.Add(c.firstWait()))
}

// givesUpOn tells whether nobody waits any longer for what a member runs: it is fenced instead. Where nothing is fenced it is waited for, and that
// is told: it is alive, and what it runs must not be started elsewhere.
func (c *Controller) givesUpOn(now time.Time, id core.HostID, m *member) bool {
	if !m.deaf(now) {
		return false
	}
	if FencingEnabled(c.cfg.Document()) {
		return true
	}
	if !m.bemoaned {
		m.bemoaned = true
		c.note(Note{Kind: Trouble, Subject: c.names[id], Detail: fmt.Sprintf("%s is heard and does not answer, and fencing is off: nothing is planned until it does. "+
			"Mend the path to it (heartbeats get through, nothing longer), or stop its daemon or switch it off", c.names[id])})
	}
	return false
}

// markDirty asks for a plan because of something outside the plan's own course.
func (c *Controller) markDirty(why string) {
	if c.dirty == "" {
		c.dirty = why
	}
	c.idle = false
	if c.transition != nil {
		c.transition.abort(why)
	}
}

// plan asks the scheduler and begins what it says.
func (c *Controller) plan(now time.Time) {
	doc := c.cfg.Document()
	why := c.dirty
	c.dirty = ""
	plan := c.cfg.Plan(doc, now)
	c.plans++
	c.recheckAt = c.nextRecheck(doc, plan.Graph, now)
	if len(plan.Graph.Actions) == 0 {
		c.inARow = 0
		if !c.idle {
			c.idle = true
			c.note(Note{Kind: WentIdle, Transition: c.plans})
		}
		return
	}
	c.idle = false
	if c.onlyFarewells(plan.Graph) {
		return // the next view asks for a plan
	}
	if c.inARow++; c.inARow > busyPlans {
		c.notBefore = now.Add(busyPause)
	}
	c.transition = newTransition(c.plans, plan.Graph, now)
	c.note(Note{Kind: PlanMade, Transition: c.plans, Count: len(plan.Graph.Actions), Detail: why})
	c.dispatchReady(now)
	if c.transition.over() {
		c.endTransition(now)
	}
}

// onlyFarewells tells whether all that is left to do is to let hosts go that were let go.
func (c *Controller) onlyFarewells(graph *scheduler.Graph) bool {
	for _, a := range graph.Actions {
		id, _ := c.hostNamed(a.Node)
		if m := c.members[id]; a.Task != "do_shutdown" || m == nil || !m.leaving {
			return false
		}
	}
	return true
}

func (c *Controller) nextRecheck(doc *cib.Document, graph *scheduler.Graph, now time.Time) time.Time {
	at := now.Add(option(doc, "cluster-recheck-interval", recheckInterval))
	if r := graph.Settings.RecheckAt; !r.IsZero() && r.Before(at) {
		// A time that has come already would plan without pause.
		at = now.Add(max(r.Sub(now), time.Second))
	}
	return at
}

// endTransition reports how the transition went and asks for the next plan: what
// was learnt may call for more, and an empty plan is the proof that nothing does.
func (c *Controller) endTransition(now time.Time) {
	t := c.transition
	c.transition = nil
	detail := "complete"
	switch {
	case t.aborted != "":
		detail = "given up: " + t.aborted
	case c.onlyPostponed(t):
		c.note(Note{Kind: PlanDone, Transition: t.number, Took: now.Sub(t.started), Detail: "fencing failed before and waits"})
		return
	case !t.complete():
		detail = "incomplete: " + fmt.Sprint(t.left) + " actions were not reached"
	}
	c.note(Note{Kind: PlanDone, Transition: t.number, Took: now.Sub(t.started), Detail: detail})
	if c.dirty == "" {
		c.dirty = "transition " + fmt.Sprint(t.number) + " ended: " + detail
	}
}

func (c *Controller) note(n Note) { c.out.Notes = append(c.out.Notes, n) }

// write hands an entry out to be proposed and returns its number.
func (c *Controller) write(e *Entry) uint64 {
	c.seq++
	e.Host, e.Boot, e.Seq, e.Reign = c.cfg.Self, c.cfg.Boot, c.seq, c.reign
	c.out.Writes = append(c.out.Writes, e)
	return e.Seq
}

// reignUUID names a reign in the form of a UUID, as transition keys carry one.
func reignUUID(cfg Config, r Reign) string {
	sum := md5.Sum(fmt.Appendf(nil, "%d %d %d %s", cfg.Self, cfg.Boot, cfg.Alone, r))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:])
}

// hostNamed returns the id of the host of that uname.
func (c *Controller) hostNamed(name string) (core.HostID, bool) {
	for _, id := range sortedHosts(c.names) {
		if c.names[id] == name {
			return id, true
		}
	}
	return 0, false
}

func sortedHosts[V any](m map[core.HostID]V) []core.HostID {
	ids := make([]core.HostID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
