// Package cache keeps answers for a while, as the `cache` sections of haproxy.cfg say and as far as HAProxy goes with RFC 9111: answers with status 200
// to GET, small ones, under the request's Host and target, and for at most the section's time.
//
// What may be stored, for how long, and what a request may be answered with is decided from heads alone (storable.go, request.go). A Cache is shared by
// all event loops and guarded by one mutex, which is held for a look-up and no longer: entries do not change once they are stored, and those who send
// one go on with it though it was dropped meanwhile. When there is no room, what was asked for the longest time ago goes. The clock is handed in.
package cache

import (
	"container/list"
	"sync"
	"time"
)

// Settings are a `cache` section.
type Settings struct {
	Name       string
	Size       int64         // bytes in all
	ObjectSize int64         // bytes of one answer; 0: a 256th of Size
	MaxAge     time.Duration // at most
	Vary       bool          // answers that depend on Accept-Encoding, Referer or Origin are stored
	Variants   int           // answers to one target that differ by these
}

// ObjectLimit is how many bytes an answer may have.
func (s *Settings) ObjectLimit() int64 {
	if s.ObjectSize > 0 {
		return s.ObjectSize
	}
	return s.Size / 256
}

// Cache is a store of answers.
type Cache struct {
	Settings
	mu      sync.Mutex // guards what follows
	entries map[string][]*list.Element
	recent  *list.List // of *Entry; the one asked for last is at the front
	used    int64
}

// Entry is a stored answer. It does not change.
type Entry struct {
	Key      string
	Fields   []byte // header lines, without those of the framing and without Age
	Body     []byte
	ETag     string // with its quotes; "": none
	Modified time.Time
	Stored   time.Time
	Age      time.Duration // it had when it was stored
	Expires  time.Time
	Dependence
}

// overhead is what an entry takes besides its bytes, about.
const overhead = 512

func (e *Entry) size() int64 {
	return int64(len(e.Key)+len(e.Fields)+len(e.Body)+len(e.Referer)+len(e.Origin)) + overhead
}

// AgeAt is the entry's age for an Age field (RFC 9111, 4.2.3).
func (e *Entry) AgeAt(now time.Time) time.Duration { return e.Age + max(0, now.Sub(e.Stored)) }

// New makes an empty cache.
func New(s Settings) *Cache {
	return &Cache{Settings: s, entries: map[string][]*list.Element{}, recent: list.New()}
}

// Find returns the entry that answers a request; nil: there is none. suits tells whether the request takes an answer that
// depends on its fields.
func (c *Cache) Find(key string, suits func(*Dependence) bool, now time.Time) *Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found *Entry
	for _, at := range c.entries[key] {
		e := at.Value.(*Entry)
		if !now.Before(e.Expires) {
			defer c.drop(at)
			continue
		}
		if found == nil && (e.On == 0 || suits(&e.Dependence)) {
			found = e
			c.recent.MoveToFront(at)
		}
	}
	return found
}

// Store puts an entry in the place of the one for the same request, if there is room for it.
func (c *Cache) Store(e *Entry, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.size() > c.Size || !now.Before(e.Expires) {
		return
	}
	variants := 0
	for _, at := range c.entries[e.Key] {
		switch old := at.Value.(*Entry); {
		case old.Dependence == e.Dependence, !now.Before(old.Expires):
			defer c.drop(at)
		default:
			variants++
		}
	}
	if e.On != 0 && variants >= c.Variants {
		return
	}
	for c.used+e.size() > c.Size {
		c.drop(c.recent.Back())
	}
	c.used += e.size()
	c.entries[e.Key] = append(c.entries[e.Key], c.recent.PushFront(e))
}

// Invalidate drops what is stored for a target, as it was changed (RFC 9111, 4.4).
func (c *Cache) Invalidate(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.entries[key]) > 0 {
		c.drop(c.entries[key][0])
	}
}

// drop takes an element out; one that went already stays gone.
func (c *Cache) drop(at *list.Element) {
	if at == nil {
		return
	}
	e := at.Value.(*Entry)
	same := c.entries[e.Key]
	for i := range same {
		if same[i] != at {
			continue
		}
		rest := append(append([]*list.Element(nil), same[:i]...), same[i+1:]...)
		if c.entries[e.Key] = rest; len(rest) == 0 {
			delete(c.entries, e.Key)
		}
		c.used -= e.size()
		c.recent.Remove(at)
		return
	}
}

// Entries lists what is stored, the one asked for last first, and how many bytes it takes.
func (c *Cache) Entries() (all []*Entry, used int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := c.recent.Front(); at != nil; at = at.Next() {
		all = append(all, at.Value.(*Entry))
	}
	return all, c.used
}
