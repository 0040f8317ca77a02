package plane

// wheel finds the connections whose deadline has passed. A connection sits in the slot of a deadline it once had; when the slot
// comes up and the deadline has moved on, so does the connection. So putting a deadline off, which happens on every
// request, is one assignment.
type wheel struct {
	slots [wheelSlots]*conn // heads of rings of connections
	tick  int64             // the last one that was looked at
	count int
	due   []*conn
}

const (
	wheelSlots  = 512
	tickLength  = 50 // milliseconds
	maximumTick = wheelSlots - 1
)

// set gives c a deadline, in the loop's milliseconds; 0: none.
func (w *wheel) set(c *conn, deadline int64) {
	c.deadline = deadline
	if deadline == 0 {
		return
	}
	at := max(deadline/tickLength+1, w.tick+1)
	at = min(at, w.tick+maximumTick)
	if c.inWheel {
		if c.wheelTick <= at {
			return
		}
		w.take(c)
	}
	w.put(c, at)
}

func (w *wheel) put(c *conn, at int64) {
	slot := &w.slots[at%wheelSlots]
	c.wheelTick, c.inWheel = at, true
	c.wheelNext, c.wheelLast = *slot, nil
	if *slot != nil {
		(*slot).wheelLast = c
	}
	*slot = c
	w.count++
}

func (w *wheel) take(c *conn) {
	if !c.inWheel {
		return
	}
	if c.wheelLast != nil {
		c.wheelLast.wheelNext = c.wheelNext
	} else {
		w.slots[c.wheelTick%wheelSlots] = c.wheelNext
	}
	if c.wheelNext != nil {
		c.wheelNext.wheelLast = c.wheelLast
	}
	c.wheelNext, c.wheelLast, c.inWheel = nil, nil, false
	w.count--
}

// advance calls expired for each connection whose deadline is at or before now.
func (w *wheel) advance(now int64, expired func(*conn)) {
	last := now / tickLength
	if w.count == 0 || last-w.tick > wheelSlots {
		if w.count == 0 {
			w.tick = last
			return
		}
	}
	for ; w.tick < last; w.tick++ {
		// Taken out first: what is called for one may drop others.
		w.due = w.due[:0]
		for c := w.slots[(w.tick+1)%wheelSlots]; c != nil; c = c.wheelNext {
			if c.wheelTick <= w.tick+1 {
				w.due = append(w.due, c)
			}
		}
		for _, c := range w.due {
			w.take(c)
			switch {
			case c.role == free, c.deadline == 0:
			case c.deadline <= now:
				expired(c)
			default:
				w.put(c, min(max(c.deadline/tickLength+1, w.tick+2), w.tick+1+maximumTick))
			}
		}
	}
}

// wait is how long the loop may sleep, in milliseconds; -1 for ever.
func (w *wheel) wait(now int64) int {
	if w.count == 0 {
		return -1
	}
	return int((now/tickLength+1)*tickLength - now)
}
