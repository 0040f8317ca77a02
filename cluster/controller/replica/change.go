package replica

import (
	"encoding/json"
	"errors"
	"fmt"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
)

// Code classes refusals; the local API hands them out as they are.
type Code string

// The classes of refusal that a change can meet.
const (
	Invalid  Code = "invalid"
	NotFound Code = "not-found"
	Exists   Code = "exists"
	Conflict Code = "conflict"
	Denied   Code = "denied"
	Failed   Code = "failed"
)

// Change is one request to change the document, as it travels in an entry.
type Change struct {
	Op          string `json:"op"` // cib.Op
	Section     string `json:"section,omitempty"`
	XPath       string `json:"xpath,omitempty"`
	ID          string `json:"id,omitempty"`
	XML         string `json:"xml,omitempty"`
	AllowCreate bool   `json:"allow_create,omitempty"`
	All         bool   `json:"all,omitempty"`
	IfVersion   string `json:"if_version,omitempty"`
	DryRun      bool   `json:"dry_run,omitempty"`
}

// change makes a person's or tool's change.
func (r *Replica) change(e *controller.Entry, cause cib.Cause) (Answer, bool) {
	var c Change
	if err := json.Unmarshal(e.Change, &c); err != nil {
		return Answer{Code: Invalid, Message: "decode change: " + err.Error()}, false
	}
	if refusal := conflict(r.doc.Version(), c.IfVersion); refusal != "" {
		return Answer{Code: Conflict, Message: refusal}, false
	}
	request, err := changeRequest(r.doc, c)
	if err != nil {
		return Answer{Code: codeOf(err), Message: err.Error()}, false
	}
	doc := r.doc
	if c.DryRun {
		doc = doc.Clone()
	}
	ids := hostIDs(doc)
	result, err := doc.Apply(request, cause)
	if err != nil {
		return Answer{Code: codeOf(err), Message: fmt.Sprintf("%s: %v", c.Op, err), Version: r.doc.Version().String()}, false
	}
	settleNodeIDs(doc, ids)
	if c.DryRun {
		return Answer{Version: doc.Version().String(), XML: string(doc.Bytes())}, false
	}
	r.snapshot = nil
	if result.Configuration {
		r.remember(e, cause)
	}
	return Answer{Version: r.doc.Version().String()}, result.Changed()
}

// conflict returns why a change that was conditional on a version is refused, "" when it is not.
func conflict(have cib.Version, want string) string {
	if want == "" || want == have.String() || want == fmt.Sprintf("%d.%d", have.AdminEpoch, have.Epoch) {
		return ""
	}
	return fmt.Sprintf("the document is at version %s, not %s: it was changed meanwhile; read it again and repeat the change", have, want)
}

// changeRequest turns a Change into the document's own request.
func changeRequest(doc *cib.Document, c Change) (cib.Request, error) {
	request := cib.Request{Op: cib.Op(c.Op), Section: c.Section, XPath: c.XPath, AllowCreate: c.AllowCreate}
	if c.ID != "" {
		if doc.ByID(c.ID) == nil {
			return request, fmt.Errorf("%s element with id %q: %w", c.Op, c.ID, cib.ErrNotFound)
		}
		request.XPath = "//*[@id='" + c.ID + "']"
	}
	if c.Op == "delete" && c.All {
		request.Op = cib.OpDeleteAll
	}
	if c.XML == "" {
		return request, nil
	}
	input, err := cib.ParseElement("the change", []byte(c.XML))
	if err != nil {
		return request, fmt.Errorf("%w: %w", cib.ErrInput, err)
	}
	if c.Op == string(cib.OpReplace) && c.Section == "" && c.XPath == "" && c.ID == "" && input.Name == "cib" {
		return replaceConfiguration(doc, input), nil
	}
	request.Input = input
	return request, nil
}

// replaceConfiguration puts a whole document in the place of the present one, except for
// the status, which is the cluster's own knowledge and newer than the caller's copy.
func replaceConfiguration(doc *cib.Document, input *cib.Element) cib.Request {
	if status := input.Child("status"); status != nil {
		status.Remove()
	}
	if status := doc.Section("status"); status != nil {
		input.Append(status.Clone())
	}
	for _, name := range []string{"have-quorum", "dc-uuid"} {
		if value, ok := doc.Root.Lookup(name); ok {
			input.Set(name, value)
		}
	}
	// The caller's version only tells what it was read at; IfVersion is the check.
	version := doc.Version()
	if given := cib.VersionOf(input); given.Compare(version) <= 0 {
		version.Epoch, version.NumUpdates = version.Epoch+1, 0
		(&cib.Document{Root: input}).SetVersion(version)
	}
	return cib.Request{Op: cib.OpReplace, Input: input}
}

func codeOf(err error) Code {
	switch {
	case errors.Is(err, cib.ErrNotFound):
		return NotFound
	case errors.Is(err, cib.ErrExists):
		return Exists
	case errors.Is(err, cib.ErrOlder), errors.Is(err, cib.ErrPatch):
		return Conflict
	case errors.Is(err, cib.ErrDenied):
		return Denied
	}
	return Invalid
}
