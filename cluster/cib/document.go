// Package cib holds the cluster's document: the Cluster Information Base, in
// the XML that Pacemaker defined and its users, files, tools and agents speak.
//
// A Document is a tree of Elements, faithful to what was read: unknown elements
// and comments stay. Configuration lives under <configuration>, what the cluster
// observed lives under <status>. Every change moves the version, three numbers
// compared in order: admin_epoch, epoch (configuration changed), num_updates
// (status changed).
//
// The package does no I/O except through readers and writers it is handed, and
// starts no goroutine.
package cib

// Document is one CIB. The zero value is not usable: use New or Parse.
type Document struct {
	Root *Element // the <cib> element
	File string   // where it was read from, for messages; "" when made in memory
}

// FeatureSet is the feature set of Pacemaker that documents made here conform to;
// NewestSchema the schema they are valid by.
const (
	FeatureSet   = "3.16.1"
	NewestSchema = "pacemaker-3.9"
)

// New returns an empty document with all sections in place.
func New() *Document {
	root := NewElement("cib",
		"crm_feature_set", FeatureSet, "validate-with", NewestSchema, "epoch", "0", "num_updates", "0", "admin_epoch", "0")
	configuration := root.Append(NewElement("configuration"))
	for _, section := range []string{"crm_config", "nodes", "resources", "constraints"} {
		configuration.Append(NewElement(section))
	}
	root.Append(NewElement("status"))
	return &Document{Root: root}
}

// Clone returns a deep copy.
func (d *Document) Clone() *Document {
	return &Document{Root: d.Root.Clone(), File: d.File}
}

// Configuration returns the <configuration> element, made when it is missing.
func (d *Document) Configuration() *Element { return d.Root.Ensure("configuration") }

// Section returns a section below <configuration> (crm_config, nodes, resources,
// constraints, tags, acls, alerts, op_defaults, rsc_defaults, fencing-topology),
// or <status>; nil when it is missing.
func (d *Document) Section(name string) *Element {
	if name == "status" {
		return d.Root.Child("status")
	}
	return d.Root.Child("configuration").child(name)
}

func (e *Element) child(name string) *Element {
	if e == nil {
		return nil
	}
	return e.Child(name)
}

// EnsureSection is Section, making the section when it is missing.
func (d *Document) EnsureSection(name string) *Element {
	if name == "status" {
		return d.Root.Ensure("status")
	}
	return d.Configuration().Ensure(name)
}

// Property returns the cluster property of the first of these names that is set, "" when none
// is. Rules on sets of properties are the scheduler's business: this reads every set.
func (d *Document) Property(names ...string) string {
	for _, name := range names {
		if pair := d.Section("crm_config").PairIn("cluster_property_set", name); pair != nil {
			return pair.Get("value")
		}
	}
	return ""
}

// ByID finds the element with that id, in <configuration> first; nil when there is none.
// It walks the tree: index when you look up many.
func (d *Document) ByID(id string) *Element {
	for e := range d.Root.Descendants() {
		if v, ok := e.Lookup("id"); ok && v == id {
			return e
		}
	}
	return nil
}
