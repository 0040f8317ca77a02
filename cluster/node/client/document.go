package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"holdfast/cluster/cib"
)

// Op is what a Change does.
type Op string

// The operations on the document, with cibadmin's meaning.
const (
	Create  Op = "create"  // add XML below the section or the element that XPath finds; its id must be new
	Modify  Op = "modify"  // merge XML into the element of the same name and id; see Change.AllowCreate
	Replace Op = "replace" // put XML in the place of the element, the section or the whole document
	Delete  Op = "delete"  // remove the element that ID, XPath or XML's name and id finds
	Patch   Op = "patch"   // apply XML, a <diff> as crm_diff writes it
	Bump    Op = "bump"    // raise epoch, nothing else
	Erase   Op = "erase"   // empty the configuration and the status
	Upgrade Op = "upgrade" // to the newest schema
)

// Change is one request to change the document. It is made wholly or not at all.
type Change struct {
	Op          Op     `json:"op"`
	Section     string `json:"section,omitempty"`      // resources, constraints, crm_config, nodes, status, …; "": the whole document
	XPath       string `json:"xpath,omitempty"`        // instead of Section: the element meant
	ID          string `json:"id,omitempty"`           // instead of XPath: the element with this id
	XML         string `json:"xml,omitempty"`          // the element, document or patch
	AllowCreate bool   `json:"allow_create,omitempty"` // Modify: create what is not there
	All         bool   `json:"all,omitempty"`          // Delete with XPath: every match, not just a single one
	IfVersion   string `json:"if_version,omitempty"`   // "admin_epoch.epoch.num_updates" or "admin_epoch.epoch": refuse with Conflict when the document has another
	DryRun      bool   `json:"dry_run,omitempty"`      // check only
	Cause       string `json:"cause,omitempty"`        // the command typed, for the history
	User        string `json:"user,omitempty"`         // on whose behalf; the daemon fills in the socket's peer
}

// ChangeAnswer tells about a Change that was made.
type ChangeAnswer struct {
	Version string `json:"version"`       // of the document afterwards, "admin_epoch.epoch.num_updates"
	XML     string `json:"xml,omitempty"` // what DryRun would have made
}

// Document returns the whole document as this host has it.
func (c *Client) Document(ctx context.Context) (*cib.Document, error) {
	text, err := c.do(ctx, http.MethodGet, "/v1/document", nil)
	if err != nil {
		return nil, err
	}
	return cib.Parse("", text)
}

// Query returns the XML text of the elements that xpath finds, one after the other.
func (c *Client) Query(ctx context.Context, xpath string) (string, error) {
	text, err := c.do(ctx, http.MethodGet, "/v1/document?"+url.Values{"xpath": {xpath}}.Encode(), nil)
	return string(text), err
}

// Change asks for a change and returns when it is durable on enough hosts. On an
// error with code Unconfirmed the change may yet turn out to have been made.
func (c *Client) Change(ctx context.Context, change Change) (ChangeAnswer, error) {
	var answer ChangeAnswer
	err := c.post(ctx, "/v1/change", change, &answer)
	return answer, err
}

// Wait returns when the cluster has nothing more to do: no action is running, and
// none follows from the document as it is now. It is what crm_resource --wait does.
func (c *Client) Wait(ctx context.Context, limit time.Duration) error {
	return c.post(ctx, "/v1/wait", map[string]int64{"limit_ms": limit.Milliseconds()}, nil)
}

// HistoryEntry is one committed configuration.
type HistoryEntry struct {
	Index   uint64    `json:"index"` // names the entry
	Version string    `json:"version"`
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	Cause   string    `json:"cause"`
}

// History lists the configurations that were committed, the newest last.
func (c *Client) History(ctx context.Context) ([]HistoryEntry, error) {
	var entries []HistoryEntry
	err := c.get(ctx, "/v1/history", nil, &entries)
	return entries, err
}

// HistoryDocument returns the configuration as it was committed at index.
func (c *Client) HistoryDocument(ctx context.Context, index uint64) (*cib.Document, error) {
	text, err := c.do(ctx, http.MethodGet, "/v1/history/"+itoa(index), nil)
	if err != nil {
		return nil, err
	}
	return cib.Parse("", text)
}
