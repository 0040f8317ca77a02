package peers

import (
	"errors"
	"fmt"
	"time"

	"holdfast/traffic/proxy/stick"
)

// Times of the protocol.
const (
	heartbeatEvery = 3 * time.Second // without having said anything else
	silenceLimit   = 5 * time.Second // after which the peer counts as dead
)

const (
	mostTables = 256      // that a peer may announce
	batchBytes = 64 << 10 // that are put together before they are sent
)

// session is the protocol on one connection, once the two have greeted. It is told what came and what time it is, and leaves in out what
// is to be sent.
type session struct {
	tables   []*shared
	remote   map[uint64]*announced
	current  *announced // the table of the peer's that updates are for; nil: one that is not exchanged
	last     *shared    // the one that was announced to the peer last
	sent     sentNames
	received receivedNames

	out         []byte
	heard, said time.Time
	asked       bool // for a resync, and not answered yet
	teaching    bool // the peer asked for one
	complete    bool // this process has all that there is to know: it says so when it has taught
	confirmed   bool // the peer has it all
	learnt      func(whole bool)
}

// shared is a table of this process.
type shared struct {
	table    *stick.Table
	def      definition
	progress *progress
	defined  bool     // to this peer
	teach    []string // keys that it is still to be told
	changes  []stick.Change
}

// progress is how far a peer has a table; it outlives connections.
type progress struct {
	pushed uint64 // last change that was sent
	acked  uint64 // last one that the peer says it has
}

// announced is a peer's table.
type announced struct {
	definition
	table   *stick.Table // nil: it is not exchanged
	number  uint32       // of the last update
	pending bool         // it is to be acknowledged
}

// newSession begins with tables, of which a peer has as much as progress tells.
func newSession(tables []*stick.Table, of []*progress, now time.Time) *session {
	s := &session{remote: map[uint64]*announced{}, heard: now, said: now, learnt: func(bool) {}}
	for i, t := range tables {
		of[i].pushed = of[i].acked // what was not acknowledged is sent again
		s.tables = append(s.tables, &shared{table: t, def: definitionOf(uint64(i+1), t), progress: of[i]})
	}
	return s
}

func (s *session) control(kind byte) { s.out = append(s.out, classControl, kind) }

// ask asks the peer for all it knows.
func (s *session) ask() {
	s.asked = true
	s.control(resyncRequest)
}

// receive takes a message. An error ends the connection.
func (s *session) receive(m *message, now time.Time) error {
	s.heard = now
	switch m.class {
	case classControl:
		return s.receiveControl(m.kind)
	case classError:
		if m.kind == sizeError {
			return errors.New("the peer says that a message is too long for it")
		}
		return errors.New("the peer says that the protocol was not kept")
	case classTable:
		return s.receiveTable(m, now)
	}
	return fmt.Errorf("%w: class %d", errMalformed, m.class)
}

func (s *session) receiveControl(kind byte) error {
	switch kind {
	case resyncRequest:
		s.teaching, s.confirmed = true, false
		for _, t := range s.tables {
			t.teach = t.table.Keys()
		}
	case resyncFinished, resyncPartial:
		s.control(resyncConfirmed)
		if s.asked {
			s.asked = false
			s.learnt(kind == resyncFinished)
		}
	case resyncConfirmed:
		s.confirmed = true
	case heartbeat:
	default:
		return fmt.Errorf("%w: control message %d", errMalformed, kind)
	}
	return nil
}

func (s *session) receiveTable(m *message, now time.Time) error {
	r := reader{b: m.body}
	switch m.kind {
	case tableDefinition:
		return s.define(m.body)
	case tableSwitch:
		s.current = s.remote[r.number()]
	case acknowledgement:
		id, number := r.number(), r.fixed()
		if r.failed || id == 0 || id > uint64(len(s.tables)) {
			return fmt.Errorf("%w: an acknowledgement", errMalformed)
		}
		s.tables[id-1].progress.acknowledge(number)
	case entryUpdate, nextUpdate, entryUpdateTimed, nextUpdateTimed:
		a := s.current
		if a == nil || a.table == nil {
			return nil
		}
		c, err := a.change(m, a.number+1, &s.received)
		if err != nil {
			return err
		}
		a.number, a.pending = uint32(c.Update), true
		a.table.Learn(&c, &a.layout, now)
	default:
		return fmt.Errorf("%w: message %d about tables", errMalformed, m.kind)
	}
	if r.failed {
		return errMalformed
	}
	return nil
}

// define takes the definition of a peer's table, which is the one that updates are for from now on.
func (s *session) define(body []byte) error {
	d, err := parseDefinition(body)
	s.current = nil
	if errors.Is(err, errUnknownData) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.remote[d.id] == nil && len(s.remote) >= mostTables {
		return fmt.Errorf("the peer has more than %d tables", mostTables)
	}
	a := &announced{definition: d}
	for _, t := range s.tables {
		if t.def.name == d.name && d.fits(t.table) {
			a.table = t.table
		}
	}
	if before := s.remote[d.id]; before != nil {
		a.number, a.pending = before.number, before.pending
	}
	s.remote[d.id], s.current = a, a
	return nil
}

// acknowledge notes that the peer has all changes up to one, of whose number it tells the lower half.
func (p *progress) acknowledge(number uint32) {
	if behind := uint32(p.pushed) - number; uint64(behind) <= p.pushed-p.acked {
		p.acked = p.pushed - uint64(behind)
	}
}

// fill puts together what there is to say, up to about a batch, and tells whether there is more.
func (s *session) fill(now time.Time) (more bool) {
	for id, a := range s.remote {
		if a.pending {
			a.pending = false
			body := appendNumber(nil, id)
			s.out = appendMessage(s.out, acknowledgement, append(body, byte(a.number>>24), byte(a.number>>16), byte(a.number>>8), byte(a.number)))
		}
	}
	for _, t := range s.tables {
		if s.push(t, now) || s.teachTable(t, now) {
			return true
		}
	}
	if s.teaching {
		s.teaching = false
		if s.complete {
			s.control(resyncFinished)
		} else {
			s.control(resyncPartial)
		}
	}
	if len(s.out) == 0 && now.Sub(s.said) >= heartbeatEvery {
		s.control(heartbeat)
	}
	if len(s.out) > 0 {
		s.said = now
	}
	return false
}

// push tells of what changed here. An entry may have changed again since its change was listed: then it is told of twice.
func (s *session) push(t *shared, now time.Time) (more bool) {
	if len(t.changes) == 0 {
		t.changes = t.table.Changed(t.progress.pushed)
	}
	for len(t.changes) > 0 {
		number := t.changes[0].Update
		c, ok := t.table.Change(t.changes[0].Key, now)
		t.changes = t.changes[1:]
		t.progress.pushed = number
		if !ok {
			continue
		}
		c.Update = number
		s.update(t, &c)
		if len(s.out) >= batchBytes {
			s.said = now
			return true
		}
	}
	t.changes = nil
	return false
}

// teachTable tells of what the peer asked for.
func (s *session) teachTable(t *shared, now time.Time) (more bool) {
	for len(t.teach) > 0 {
		c, ok := t.table.Change(t.teach[0], now)
		t.teach = t.teach[1:]
		if !ok {
			continue
		}
		c.Update = t.progress.pushed // nothing new is acknowledged by it
		s.update(t, &c)
		if len(s.out) >= batchBytes {
			s.said = now
			return true
		}
	}
	t.teach = nil
	return false
}

// update appends an update of an entry, behind what says of which table.
func (s *session) update(t *shared, c *stick.Change) {
	switch {
	case !t.defined:
		s.out = appendMessage(s.out, tableDefinition, appendDefinition(nil, &t.def))
		t.defined = true
	case s.last != t:
		s.out = appendMessage(s.out, tableSwitch, appendNumber(nil, t.def.id))
	}
	s.last = t
	s.out = appendMessage(s.out, entryUpdateTimed, t.def.appendChange(nil, c, true, &s.sent))
}

// dead tells whether the peer has been silent for too long.
func (s *session) dead(now time.Time) bool { return now.Sub(s.heard) >= silenceLimit }
