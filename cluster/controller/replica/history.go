package replica

import (
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
)

// Configurations that are kept with who, when and why: a number of them, and of bytes in
// all but the newest, so that large documents do not swell every snapshot.
const (
	historyKept  = 100
	historyBytes = 8 << 20
)

// Commit says when and why a configuration came to be.
type Commit struct {
	Index   uint64    `json:"index"` // of the log entry
	Version string    `json:"version"`
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	Cause   string    `json:"cause"`
}

// Past is one committed configuration.
type Past struct {
	Commit
	XML string `json:"xml"`
}

// history is what is kept of past configurations, the newest last. A change touches the root's
// version and seldom more than one other place, so the newest is kept whole and every
// other as what differs from the one after it.
type history []kept

// kept is one configuration. Its first line holds the version.
type kept struct {
	Commit
	XML   string `json:"xml,omitempty"`   // whole; "" when it is told by what follows
	First string `json:"first,omitempty"` // its first line
	Above int    `json:"above,omitempty"` // so many bytes after the first line are the next one's
	Own   string `json:"own,omitempty"`   // then it has these
	Below int    `json:"below,omitempty"` // and so many bytes at the end are the next one's
}

// line cuts a text after its first line.
func line(text string) (first, rest string) {
	end := strings.IndexByte(text, '\n') + 1
	return text[:end], text[end:]
}

// shrink tells a configuration by what differs from the next one. It cuts between lines, as
// half a character would not survive being written.
func (k *kept) shrink(next string) {
	first, mine := line(k.XML)
	_, next = line(next)
	above := 0
	for above < min(len(mine), len(next)) && mine[above] == next[above] {
		above++
	}
	above = strings.LastIndexByte(mine[:above], '\n') + 1
	below := 0
	for most := min(len(mine), len(next)) - above; below < most && mine[len(mine)-1-below] == next[len(next)-1-below]; {
		below++
	}
	if cut := strings.IndexByte(mine[len(mine)-below:], '\n'); cut >= 0 {
		below -= cut + 1
	} else {
		below = 0
	}
	k.XML, k.First, k.Above, k.Own, k.Below = "", first, above, strings.Clone(mine[above:len(mine)-below]), below
}

// whole returns a configuration, given the next one.
func (k *kept) whole(next string) string {
	if k.XML != "" {
		return k.XML
	}
	_, next = line(next)
	if k.Above < 0 || k.Below < 0 || k.Above > len(next)-k.Below {
		return k.First + k.Own // not what shrink writes
	}
	return k.First + next[:k.Above] + k.Own + next[len(next)-k.Below:]
}

// add keeps a configuration as the newest.
func (h history) add(p Past) history {
	if n := len(h); n > 0 && h[n-1].XML != "" {
		h[n-1].shrink(p.XML)
	}
	h = append(h, kept{Commit: p.Commit, XML: p.XML})
	size := 0
	for i := len(h) - 2; i >= 0; i-- {
		size += len(h[i].First) + len(h[i].Own)
		if size > historyBytes || len(h)-i > historyKept {
			return slices.Delete(h, 0, i+1)
		}
	}
	return h
}

// past returns the configurations, the newest last.
func (h history) past() []Past {
	all := make([]Past, len(h))
	next := ""
	for i := len(h) - 1; i >= 0; i-- {
		next = h[i].whole(next)
		all[i] = Past{h[i].Commit, next}
	}
	return all
}

// reread puts a history that was read into the form that add makes: earlier builds wrote
// every configuration whole.
func (h history) reread() history {
	if len(h) < 2 || !slices.ContainsFunc(h[:len(h)-1], func(k kept) bool { return k.XML != "" }) {
		return h
	}
	var again history
	for _, p := range h.past() {
		again = again.add(p)
	}
	return again
}

// remember keeps the configuration with who, when and why.
func (r *Replica) remember(e *controller.Entry, cause cib.Cause) {
	status := r.doc.Root.Child("status")
	var inside []*cib.Element
	if status != nil {
		inside, status.Children = status.Children, nil
	}
	text := string(r.doc.Bytes())
	if status != nil {
		status.Children = inside
	}
	r.history = r.history.add(Past{XML: text, Commit: Commit{Index: r.index, Version: r.doc.Version().String(), Time: e.Time, User: cause.User, Cause: cause.Command}})
}

// History returns the configurations kept, the newest last.
func (r *Replica) History() []Past {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history.past()
}
