package attributes

import (
	"cmp"
	"slices"
	"time"
)

// Key names one attribute of one host.
type Key struct{ Host, Name string }

// Update gives an attribute a value, or removes it.
type Update struct {
	Key
	Value  string
	Delete bool
	Set    string // id of the set to put it in; "": the usual one
	// Private keeps it out of the document.
	Private bool
}

// Damper is the pure core: it holds updates back until the attribute has stood still for
// its delay. The delay belongs to the attribute's name: an update that brings one changes it
// for those that follow. The zero value is ready.
type Damper struct {
	delays  map[string]time.Duration
	pending map[Key]held
}

type held struct {
	update Update
	due    time.Time
}

// Batch is what a Damper wants done.
type Batch struct {
	Writes []Update  // now, by host and name
	Wake   time.Time // call Tick then; zero: nothing is held back
}

// Update takes a new value. delay < 0 leaves the attribute's delay as it is.
func (d *Damper) Update(now time.Time, u Update, delay time.Duration) Batch {
	if d.delays == nil {
		d.delays, d.pending = map[string]time.Duration{}, map[Key]held{}
	}
	if delay >= 0 {
		d.delays[u.Name] = delay
	}
	wait := d.delays[u.Name]
	if old, ok := d.pending[u.Key]; ok && wait > 0 && old.update == u {
		return d.Tick(now) // the same again does not start the wait anew
	}
	d.pending[u.Key] = held{u, now.Add(wait)}
	return d.Tick(now)
}

// Delay changes the delay of an attribute. A value that is held back waits no longer than that from now on.
func (d *Damper) Delay(now time.Time, name string, delay time.Duration) Batch {
	if d.delays == nil {
		d.delays, d.pending = map[string]time.Duration{}, map[Key]held{}
	}
	d.delays[name] = delay
	for key, h := range d.pending {
		if due := now.Add(delay); key.Name == name && due.Before(h.due) {
			h.due = due
			d.pending[key] = h
		}
	}
	return d.Tick(now)
}

// Tick hands out what has stood still long enough.
func (d *Damper) Tick(now time.Time) Batch {
	var b Batch
	for key, h := range d.pending {
		if !h.due.After(now) {
			b.Writes = append(b.Writes, h.update)
			delete(d.pending, key)
		} else if b.Wake.IsZero() || h.due.Before(b.Wake) {
			b.Wake = h.due
		}
	}
	sortUpdates(b.Writes)
	return b
}

// Flush hands out everything that is held back.
func (d *Damper) Flush() []Update {
	var all []Update
	for _, h := range d.pending {
		all = append(all, h.update)
	}
	clear(d.pending)
	sortUpdates(all)
	return all
}

// Pending returns the value that an attribute is about to get.
func (d *Damper) Pending(key Key) (Update, bool) {
	h, ok := d.pending[key]
	return h.update, ok
}

func sortUpdates(updates []Update) {
	slices.SortFunc(updates, func(a, b Update) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name))
	})
}
