// Package replica is the replicated state: the document, its history of
// configurations and the last view, changed only by committed log entries, alike
// on every host. It is pure but for a mutex that lets others read, and starts no goroutine.
package replica

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/messaging/core"
)

// Replica is this host's copy of the replicated state: the document, its history and
// the last view. messaging's goroutine changes it; everyone may read it.
type Replica struct {
	// notify is called after each view and each applied entry, in their order, from
	// messaging's goroutine; it must not block. Set before the replica is used.
	notify func(controller.Event)

	told atomic.Uint64 // see Index

	mu       sync.Mutex // guards everything below
	doc      *cib.Document
	snapshot *cib.Document // a copy of doc for readers; nil when doc has changed since
	index    uint64
	view     core.View
	history  history
	fences   []controller.Fencing              // the newest last; replaced as a whole
	private  map[core.HostID]map[string]string // node attributes by name; inner maps are replaced as a whole
}

// New makes the state that every host begins with. notify is called after each view and
// each applied entry, in order, by whoever calls Apply and View; it must not block.
func New(notify func(controller.Event)) *Replica {
	return &Replica{doc: cib.New(), notify: notify}
}

// Document returns the document with all that was applied. The caller must not change it.
func (r *Replica) Document() *cib.Document {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.snapshot == nil {
		r.snapshot = r.doc.Clone()
	}
	return r.snapshot
}

// Live is the document itself, for a caller on the goroutine that changes the replica: it must neither
// change it nor keep any of it past the next entry.
func (r *Replica) Live() *cib.Document { return r.doc }

// QuorumIgnored tells whether no-quorum-policy is ignore, to messaging's goroutine.
func (r *Replica) QuorumIgnored() bool { return controller.QuorumIgnored(r.doc) }

// Index returns the index of the last entry that was applied and told to notify.
func (r *Replica) Index() uint64 { return r.told.Load() }

// LastView returns the last committed view.
func (r *Replica) LastView() core.View {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view
}

// View keeps a committed view.
func (r *Replica) View(index uint64, view core.View) {
	r.mu.Lock()
	again := r.view.Number == view.Number && r.view.Ballot == view.Ballot // Restore told it
	r.index, r.view = index, view
	r.orphanFencing()
	r.forgetPrivate()
	r.mu.Unlock()
	if !again {
		r.notify(controller.Viewed{View: view})
	}
	r.told.Store(index)
}

// Answer is what Apply tells the proposer, one for each entry.
type Answer struct {
	Code    Code   `json:"code,omitempty"` // "" when it was made
	Message string `json:"message,omitempty"`
	Version string `json:"version,omitempty"`
	XML     string `json:"xml,omitempty"`
	Retry   bool   `json:"retry,omitempty"` // the proposer is not in the view now; it may be later
}

// Batch is what one committed log entry says. Applying does not change it, so replicas in one
// process may share it.
type Batch struct {
	entries []*controller.Entry
	merges  map[*controller.Edit]fragment
	err     error
}

// fragment is what an edit merges.
type fragment struct {
	element *cib.Element
	err     error
}

// Decode reads an entry of the log, which holds one or more of ours.
func Decode(data []byte) *Batch {
	b := &Batch{merges: map[*controller.Edit]fragment{}}
	b.entries, b.err = controller.DecodeEntries(data)
	for _, e := range b.entries {
		b.parse(e)
	}
	return b
}

func (b *Batch) parse(e *controller.Entry) {
	for i := range e.Edits {
		if edit := &e.Edits[i]; edit.Merge != "" {
			element, err := cib.ParseElement("log entry", []byte(edit.Merge))
			b.merges[edit] = fragment{element, err}
		}
	}
}

// Apply applies one committed log entry.
func (r *Replica) Apply(index uint64, data []byte) []byte { return r.Carry(index, Decode(data)) }

// Carry is Apply of an entry that was decoded before.
func (r *Replica) Carry(index uint64, b *Batch) []byte {
	if b.err != nil {
		return encodeAnswers([]Answer{{Code: Invalid, Message: b.err.Error()}})
	}
	answers := make([]Answer, len(b.entries))
	applied := make([]bool, len(b.entries))
	r.mu.Lock()
	r.index = index
	for i, e := range b.entries {
		answers[i], applied[i] = r.apply(e, b)
	}
	r.mu.Unlock()
	for i, e := range b.entries {
		if applied[i] {
			r.notify(controller.Applied{Entry: e})
		}
	}
	r.told.Store(index)
	return encodeAnswers(answers)
}

func encodeAnswers(answers []Answer) []byte {
	text, err := json.Marshal(answers)
	if err != nil {
		panic(fmt.Sprintf("encode answers: %v", err)) // strings and booleans always encode
	}
	return text
}

// apply makes one entry's changes, unless it comes from a host or leader whose time is over.
func (r *Replica) apply(e *controller.Entry, b *Batch) (Answer, bool) {
	switch e.Kind {
	case controller.ResultEntry:
		if !r.member(e.Host, e.Boot) {
			return Answer{Code: Failed, Retry: true, Message: "the host is not in the view"}, false
		}
	case controller.HostsEntry, controller.FencedEntry:
		if e.Host != r.view.Leader || !r.member(e.Host, e.Boot) {
			return Answer{Code: Failed, Message: "the proposer leads no more"}, false
		}
	case controller.FencingEntry:
		r.fencing(*e.Fencing)
	case controller.PrivateEntry:
		r.setPrivate(*e.Private)
	case controller.AmnestyEntry:
		r.forgetFencing(e.Target)
	}
	cause := cib.Cause{When: e.Time, Client: "controller", Origin: e.Origin, User: e.User, Command: e.Cause}
	var err error
	if e.Kind == controller.ChangeEntry {
		return r.change(e, cause)
	}
	for i := range e.Edits {
		if err = r.edit(&e.Edits[i], b, cause); err != nil {
			return Answer{Code: Failed, Message: err.Error()}, true
		}
	}
	return Answer{Version: r.doc.Version().String()}, true
}

// Alone makes a replica of one host for itself: doc is copied, changed by edit, and
// takes entries from nobody else. notify is New's.
func Alone(doc *cib.Document, view core.View, edit func(*cib.Document), notify func(controller.Event)) *Replica {
	r := &Replica{doc: doc.Clone(), view: view, notify: notify}
	edit(r.doc)
	return r
}

// Revive makes the state of a log that lost to another: its snapshot, which ends at an index,
// with the entries after it.
func Revive(snapshot []byte, index uint64, tail [][]byte) (*Replica, error) {
	r := New(func(controller.Event) {})
	if len(snapshot) > 0 {
		if err := r.Restore(snapshot, core.Origin{}); err != nil {
			return nil, err
		}
	}
	for i, data := range tail {
		r.Apply(index+uint64(i)+1, data)
	}
	return r, nil
}

// Take applies one entry that comes from no log.
func (r *Replica) Take(e *controller.Entry) {
	b := &Batch{merges: map[*controller.Edit]fragment{}}
	b.parse(e)
	r.mu.Lock()
	_, applied := r.apply(e, b)
	r.mu.Unlock()
	if applied {
		r.notify(controller.Applied{Entry: e})
	}
}

func (r *Replica) member(id core.HostID, boot uint64) bool {
	i := slices.Index(r.view.Members, id)
	return i >= 0 && (i >= len(r.view.Boots) || r.view.Boots[i] == boot)
}

func (r *Replica) edit(edit *controller.Edit, b *Batch, cause cib.Cause) error {
	r.snapshot = nil
	if edit.Delete != "" {
		_, err := r.doc.Apply(cib.Request{Op: cib.OpDeleteAll, XPath: edit.Delete}, cause)
		if err != nil && !errors.Is(err, cib.ErrNotFound) {
			return fmt.Errorf("delete %s: %w", edit.Delete, err)
		}
	}
	if edit.Merge == "" {
		return nil
	}
	merge := b.merges[edit]
	if merge.err != nil {
		return merge.err
	}
	if _, err := r.doc.Apply(cib.Request{Op: cib.OpModify, Input: merge.element, AllowCreate: true, SkipSchema: true}, cause); err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	return nil
}

// snapshotVersion is the version of a snapshot's written form.
const snapshotVersion = 1

type written struct {
	Version  int                               `json:"v"`
	Index    uint64                            `json:"index"`
	View     core.View                         `json:"view"`
	Document string                            `json:"document"`
	History  history                           `json:"history"`
	Fences   []controller.Fencing              `json:"fences,omitempty"`
	Private  map[core.HostID]map[string]string `json:"private,omitempty"`
}

// Snapshot returns the whole state.
func (r *Replica) Snapshot() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Most of it is XML, whose brackets need no escapes outside a browser.
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	if err := to.Encode(written{Version: snapshotVersion, Index: r.index, View: r.view, Document: string(r.doc.Bytes()), History: r.history,
		Fences: r.fences, Private: r.private}); err != nil {
		return nil, fmt.Errorf("write snapshot at %d: %w", r.index, err)
	}
	return text.Bytes(), nil
}

// State is what a snapshot holds. Resuming from it does not change it, so replicas in one process may
// share it.
type State struct {
	written
	doc *cib.Document
}

// Read reads a snapshot.
func Read(snapshot []byte) (*State, error) {
	s := &State{}
	if err := json.Unmarshal(snapshot, &s.written); err != nil {
		return nil, fmt.Errorf("read snapshot of %d bytes: %w", len(snapshot), err)
	}
	if s.Version != snapshotVersion {
		return nil, fmt.Errorf("read snapshot: version %d, this build knows %d; upgrade this host", s.Version, snapshotVersion)
	}
	doc, err := cib.Parse("snapshot", []byte(s.Document))
	if err != nil {
		return nil, err
	}
	s.doc, s.Document, s.History = doc, "", s.History.reread()
	return s, nil
}

// Restore replaces the whole state.
func (r *Replica) Restore(snapshot []byte, from core.Origin) error {
	s, err := Read(snapshot)
	if err != nil {
		return err
	}
	r.resume(s, s.doc, from)
	return nil
}

// Resume is Restore of a snapshot that was read before.
func (r *Replica) Resume(s *State, from core.Origin) { r.resume(s, s.doc.Clone(), from) }

func (r *Replica) resume(s *State, doc *cib.Document, from core.Origin) {
	r.mu.Lock()
	r.doc, r.snapshot, r.index, r.view, r.history = doc, nil, s.Index, s.View, slices.Clone(s.History)
	r.fences, r.private = s.Fences, maps.Clone(s.Private)
	r.mu.Unlock()
	r.notify(controller.Restored{View: s.View, From: from})
	r.told.Store(s.Index)
}
