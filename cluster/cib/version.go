package cib

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// Version orders the states of a document: AdminEpoch first (set by people, to force
// one document over another), then Epoch (configuration), then NumUpdates (status).
type Version struct {
	AdminEpoch, Epoch, NumUpdates int
}

// Compare returns -1, 0 or +1 as v is older than, the same as, or newer than w.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.AdminEpoch, w.AdminEpoch), cmp.Compare(v.Epoch, w.Epoch),
		cmp.Compare(v.NumUpdates, w.NumUpdates))
}

// String returns the version as Pacemaker prints it: admin_epoch.epoch.num_updates.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.AdminEpoch, v.Epoch, v.NumUpdates) }

// ParseVersion reads what String writes.
func ParseVersion(s string) (Version, error) {
	var v Version
	var rest string
	if n, _ := fmt.Sscanf(s+"\n", "%d.%d.%d%s", &v.AdminEpoch, &v.Epoch, &v.NumUpdates, &rest); n != 3 ||
		v.AdminEpoch < 0 || v.Epoch < 0 || v.NumUpdates < 0 {
		return Version{}, fmt.Errorf("version %q: expected admin_epoch.epoch.num_updates, such as 0.12.3", s)
	}
	return v, nil
}

// VersionOf reads the version attributes of a <cib> element; absent ones and those
// that are no number count as 0.
func VersionOf(e *Element) Version {
	number := func(name string) int {
		n, err := strconv.Atoi(e.Get(name))
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	return Version{number("admin_epoch"), number("epoch"), number("num_updates")}
}

// Version returns the document's version.
func (d *Document) Version() Version { return VersionOf(d.Root) }

// SetVersion writes the version's three attributes.
func (d *Document) SetVersion(v Version) {
	d.Root.Set("epoch", strconv.Itoa(v.Epoch))
	d.Root.Set("num_updates", strconv.Itoa(v.NumUpdates))
	d.Root.Set("admin_epoch", strconv.Itoa(v.AdminEpoch))
}

// Cause says who changed a document, from where and why; history keeps it.
type Cause struct {
	User    string    `json:"user,omitempty"`   // login name
	Client  string    `json:"client,omitempty"` // program: crm, pcs, cibadmin, …
	Origin  string    `json:"origin,omitempty"` // host it came from
	Command string    `json:"command,omitempty"`
	When    time.Time `json:"when"`
}

// stamp records the cause in the attributes that Pacemaker keeps on <cib>.
func (d *Document) stamp(cause Cause) {
	for _, a := range []Attr{{"update-origin", cause.Origin}, {"update-client", cause.Client}, {"update-user", cause.User}} {
		if a.Value != "" {
			d.Root.Set(a.Name, a.Value)
		}
	}
	if !cause.When.IsZero() {
		d.Root.Set("cib-last-written", cause.When.UTC().Format("Mon Jan _2 15:04:05 2006"))
	}
}

// Touch moves after's version on from before's as Pacemaker does: epoch when anything
// outside <status> differs (num_updates starts again at 0), num_updates when only the
// status does. It reports whether there was a difference at all; a version that after
// already carries beyond before's is kept. cause is recorded with a configuration change.
func Touch(before, after *Document, cause Cause) bool {
	configuration := !sameAttrs(contentAttrs(before.Root), contentAttrs(after.Root)) ||
		!sameOutsideStatus(before.Root, after.Root)
	status := !before.Root.Child("status").Identical(after.Root.Child("status"))
	if !configuration && !status {
		return after.Version() != before.Version()
	}
	if after.Version().Compare(before.Version()) > 0 {
		if configuration {
			after.stamp(cause)
		}
		return true
	}
	v := before.Version()
	if configuration {
		v.Epoch, v.NumUpdates = v.Epoch+1, 0
		after.stamp(cause)
	} else {
		v.NumUpdates++
	}
	after.SetVersion(v)
	return true
}

// contentAttrs leaves out what moves by itself.
func contentAttrs(root *Element) []Attr {
	var attrs []Attr
	for _, a := range root.Attrs {
		switch a.Name {
		case "epoch", "num_updates", "admin_epoch", "cib-last-written", "update-origin", "update-client", "update-user",
			"have-quorum", "dc-uuid":
		default:
			attrs = append(attrs, a)
		}
	}
	return attrs
}

func sameOutsideStatus(a, b *Element) bool {
	rest := func(root *Element) (out []*Element) {
		for _, c := range root.Children {
			if c.Kind != ElementNode || c.Name != "status" {
				out = append(out, c)
			}
		}
		return out
	}
	x, y := rest(a), rest(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !x[i].Identical(y[i]) {
			return false
		}
	}
	return true
}
