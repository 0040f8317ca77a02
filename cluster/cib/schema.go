package cib

// structure checks that <cib> has its two parts, which everything else relies on.
func (d *Document) structure() []Problem {
	if d.Root.Name != "cib" {
		return []Problem{d.problem(d.Root, "expected <cib>")}
	}
	return nil
}
