package adopt

import (
	"fmt"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/upgrade"
)

// readDocument reads a CIB of any age.
func (r *Result) readDocument(path, text string, options Options) error {
	if mended, repairs := repairClosing(text); len(repairs) > 0 {
		if _, err := cib.ParseElement(path, []byte(text)); err != nil {
			if !options.Repair {
				return fmt.Errorf("%s:%d: %s; %d such places; --repair mends them and says how", path, repairs[0].line, repairs[0].text, len(repairs))
			}
			for _, m := range repairs {
				r.Repairs = append(r.Repairs, fmt.Sprintf("%s:%d: %s", path, m.line, m.text))
			}
			text = mended
		}
	}
	root, err := cib.ParseElement(path, []byte(text))
	if err != nil {
		if !options.Repair {
			return fmt.Errorf("%w; --repair goes on without what cannot be read, and says what that is", err)
		}
		var flaws []*cib.SyntaxError
		if root, flaws, err = cib.Mend(path, []byte(text)); err != nil {
			return err
		}
		for _, f := range flaws {
			r.Repairs = append(r.Repairs, f.Error())
		}
	}
	doc := &cib.Document{Root: root, File: path}
	if root.Name != "cib" {
		if root.Name == "cluster" {
			return fmt.Errorf("%s:%d: <cluster> is cman's cluster.conf, which is not read; list its hosts in a corosync.conf, and give the CIB for the resources", path, root.Line)
		}
		if root.Name != "configuration" {
			return fmt.Errorf("%s:%d: the document is a <%s>; <cib> or <configuration> was expected", path, root.Line, root.Name)
		}
		doc.Root = cib.NewElement("cib", "validate-with", root.Get("validate-with"))
		doc.Root.Append(root)
	}
	report, err := upgrade.Upgrade(doc)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if status := doc.Root.Child("status"); status != nil {
		status.Children = nil // how things stood elsewhere
	}
	r.uniqueIDs(path, doc)
	r.understand("%s: a cluster's document, %s", path, count(doc))
	if len(report.Changes) > 0 {
		r.understand("%s: brought from schema %s to %s in %d changes", path, orNone(report.From), report.To, len(report.Changes))
	}
	for _, c := range report.Losses() {
		r.lose("%s:%d: %s: %s", path, c.Line, c.Element, c.Text)
	}
	for _, p := range doc.Validate() {
		r.lose("%s", p)
	}
	r.merge(path, doc)
	return nil
}

// uniqueIDs gives elements whose id is taken another one: in Heartbeat's documents ids were unique among elements of one kind.
func (r *Result) uniqueIDs(path string, doc *cib.Document) {
	seen := map[string]bool{}
	for e := range doc.Configuration().Descendants() {
		id := e.ID()
		if id == "" || e.Name == "resource_ref" || e.Name == "obj_ref" || e.Name == "role" {
			continue
		}
		if !seen[id] {
			seen[id] = true
			continue
		}
		fresh := id
		for n := 2; seen[fresh]; n++ {
			fresh = fmt.Sprintf("%s-%d", id, n)
		}
		e.Set("id", fresh)
		seen[fresh] = true
		r.understand("%s:%d: <%s> %s is now called %s: another element has that id", path, e.Line, e.Name, id, fresh)
	}
}

func orNone(schema string) string {
	if schema == "" {
		return "none"
	}
	return schema
}
