package core

import (
	"fmt"
	"time"

	"holdfast/cluster/messaging/quorum"
)

// Expected votes are what quorum is counted against. The configuration gives them; while
// the cluster runs, an operator may set them (Expect), last_man_standing lowers them to the votes
// that are left once a view has stood for its window, allow_downscale as soon as a host has left in
// an orderly way, and more votes than expected raise them. What is agreed is an entry of the
// log, and ends with a view of all hosts.

// Expect sets the expected votes by an operator's word. It counts on this host at once, as
// it may be what gives the cluster a leader, and is then brought into the log. The caller tells
// all hosts that are up.
type Expect struct{ Votes int }

// Unblock ends wait_for_all on this host by an operator's word, who knows that the hosts that are
// missing do nothing.
type Unblock struct{}

func (Expect) event()  {}
func (Unblock) event() {}

// DefaultWindow is last_man_standing_window's default, votequorum(5)'s.
const DefaultWindow = 10 * time.Second

// expect takes an operator's word.
func (c *Core) expect(votes int) {
	if votes > 0 && votes != c.agreed.Expected {
		c.asked, c.dirty = votes, true
	}
}

// expected is what quorum is counted against, 0 for what is configured.
func (c *Core) expected() int {
	if c.asked > 0 {
		return c.asked
	}
	return c.agreed.Expected
}

// considerExpected is the leader's: it brings changed expected votes into the log.
func (c *Core) considerExpected() {
	c.views.window = 0
	v := &c.agreed.View
	if !c.verdict.Quorate || c.verdict.Ignored || v.Leader != c.cfg.ID || v.Ballot != c.ballot {
		return
	}
	want := c.asked
	if want == 0 {
		want = c.downscaled(v)
	}
	now := c.agreed.Expected
	if now == 0 {
		now = c.cfg.Quorum.ExpectedVotes()
	}
	term := c.rn.BasicStatus().HardState.GetTerm()
	if want == now && c.asked == 0 || c.views.expected == [3]uint64{term, v.Number, uint64(want)} {
		return
	}
	if c.append(&entry{Kind: expectedEntry, Votes: want}) == 0 {
		c.views.expected = [3]uint64{term, v.Number, uint64(want)}
	}
}

// downscaled is what last_man_standing and allow_downscale make of the expected votes now.
func (c *Core) downscaled(v *View) int {
	o := &c.cfg.Quorum
	in := quorum.Input{Members: c.counted(v.Members), Expected: c.agreed.Expected}
	now := quorum.Downscale(&quorum.Options{Expected: o.Expected, Votes: o.Votes, Hosts: o.Hosts, DeviceVotes: o.DeviceVotes}, in, false)
	if o.AllowDownscale && len(v.Left) > 0 && len(v.Lost) == 0 {
		return quorum.Downscale(o, in, true)
	}
	lower := quorum.Downscale(o, in, false)
	if lower >= now {
		return now
	}
	window := o.Window
	if window <= 0 {
		window = DefaultWindow
	}
	if ripe := c.views.stood + window; c.now < ripe {
		c.views.window = ripe
		return now
	}
	return lower
}

// applyExpected takes agreed expected votes over.
func (c *Core) applyExpected(votes int) {
	c.agreed.Expected, c.asked, c.dirty = votes, 0, true
	c.change(Change{Kind: Expected, Text: fmt.Sprintf("expected votes are %d now", votes)})
}

// raiseExpected follows a view with more votes than were expected.
func (c *Core) raiseExpected(v *View) {
	c.views.stood = c.now
	votes := 0
	for _, h := range v.Members {
		votes += c.cfg.Quorum.HostVotes(h)
	}
	now := c.agreed.Expected
	if now == 0 {
		now = c.cfg.Quorum.ExpectedVotes()
	}
	if votes > now {
		c.agreed.Expected = votes
	}
}
