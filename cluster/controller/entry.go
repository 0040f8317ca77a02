package controller

import (
	"encoding/json"
	"fmt"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
)

// EntryKind says who wrote an entry and what for.
type EntryKind string

// The kinds of entry.
const (
	ChangeEntry    EntryKind = "change"    // a person's or tool's change of the document: Change
	ResultEntry    EntryKind = "result"    // a worker's result: Result and the Edits that record it
	HostsEntry     EntryKind = "hosts"     // the leader's knowledge of hosts
	FencedEntry    EntryKind = "fenced"    // a host was fenced: Target
	AttributeEntry EntryKind = "attribute" // transient node attributes
	ForgetEntry    EntryKind = "forget"    // refresh or cleanup
	FencingEntry   EntryKind = "fencing"   // a fencing operation began or ended: Fencing
	PrivateEntry   EntryKind = "private"   // a node attribute that is not part of the document: Private
	AmnestyEntry   EntryKind = "amnesty"   // the history of fencing Target ("*": of all) is forgotten
)

// FormatVersion is the version of the written form of entries.
const FormatVersion = 1

// Entry is one entry of the replicated log, as everything above messaging writes it.
type Entry struct {
	Kind   EntryKind       `json:"kind"`
	Host   core.HostID     `json:"host"` // who proposed it
	Boot   uint64          `json:"boot"`
	Seq    uint64          `json:"seq"`  // grows with each entry that this boot proposes
	Time   time.Time       `json:"time"` // the proposer's wall clock
	Edits  []Edit          `json:"edits,omitempty"`
	Change json.RawMessage `json:"change,omitempty"`
	Result *Outcome        `json:"result,omitempty"`
	Target string          `json:"target,omitempty"` // uname of a host that was fenced
	// Fencing belongs to FencingEntry.
	Fencing *Fencing `json:"fencing,omitempty"`
	// Private belongs to PrivateEntry.
	Private *PrivateAttribute `json:"private,omitempty"`
	Key     string            `json:"key,omitempty"`    // transition key of the action that is done with this entry
	Cause   string            `json:"cause,omitempty"`  // for people
	User    string            `json:"user,omitempty"`   // on whose behalf
	Origin  string            `json:"origin,omitempty"` // uname of the proposer
	Reign   Reign             `json:"reign"`
}

// PrivateAttribute is a transient node attribute that every host knows and the document does not show.
type PrivateAttribute struct {
	Host  core.HostID `json:"host"`
	Name  string      `json:"name"`
	Value *string     `json:"value"` // nil: it is removed
}

// Outcome is the part of a result that the Controller needs.
type Outcome struct {
	Key      string        `json:"key"` // transition key of the request
	Node     string        `json:"node"`
	Resource string        `json:"resource"`
	Task     string        `json:"task"`
	Interval time.Duration `json:"interval,omitempty"`
	Code     int           `json:"code"`
	Status   int           `json:"status"`
	Target   int           `json:"target"`           // expected code
	Repeat   bool          `json:"repeat,omitempty"` // not the first report of a recurring operation
	Reason   string        `json:"reason,omitempty"`
	Took     time.Duration `json:"took"`
}

// OK tells whether the operation ended as the plan expected.
func (o *Outcome) OK() bool { return o.Status == 0 && o.Code == o.Target }

// Edit is one change of the document: a merge, or a deletion.
type Edit struct {
	Merge  string `json:"merge,omitempty"`  // XML of a <cib> fragment: attributes are set, children merged by name and id, missing ones made
	Delete string `json:"delete,omitempty"` // XPath of elements to be removed, if there are any
}

// MergeEdit makes an Edit that merges the fragment, a <cib> element.
func MergeEdit(fragment *cib.Element) Edit { return Edit{Merge: fragment.String()} }

// EncodeEntries returns the written form of entries that go into the log together.
func EncodeEntries(entries []*Entry) ([]byte, error) {
	text, err := json.Marshal(written{Version: FormatVersion, Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("encode %d log entries: %w", len(entries), err)
	}
	return text, nil
}

// DecodeEntries reads what EncodeEntries wrote.
func DecodeEntries(text []byte) ([]*Entry, error) {
	var w written
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("decode log entry of %d bytes: %w", len(text), err)
	}
	if w.Version != FormatVersion {
		return nil, fmt.Errorf("decode log entry: version %d, this build knows %d; upgrade this host", w.Version, FormatVersion)
	}
	for _, e := range w.Entries {
		if e == nil || (e.Kind == ResultEntry && e.Result == nil) || (e.Kind == FencingEntry && e.Fencing == nil) ||
			(e.Kind == PrivateEntry && e.Private == nil) {
			return nil, fmt.Errorf("decode log entry: an entry without content")
		}
	}
	return w.Entries, nil
}

type written struct {
	Version int      `json:"v"`
	Entries []*Entry `json:"entries"`
}
