package controller

import "holdfast/cluster/cib"

// Feature set and infrastructure that the document shows to tools.
const (
	FeatureSet     = "3.16.1"
	infrastructure = "holdfast"
)

// optionsEdits sets the cluster properties that a controller announces itself with,
// once: tools read them.
func (c *Controller) optionsEdits(doc *cib.Document, fragment *cib.Element) {
	var missing []cib.Attr
	for _, want := range []cib.Attr{
		{Name: "cluster-infrastructure", Value: infrastructure},
		{Name: "dc-version", Value: "holdfast"},
	} {
		if doc.Property(want.Name) == "" {
			missing = append(missing, want)
		}
	}
	if len(missing) == 0 {
		return
	}
	const set = "cib-bootstrap-options"
	properties := fragment.Ensure("configuration").Ensure("crm_config").
		Append(cib.NewElement("cluster_property_set", "id", set))
	for _, m := range missing {
		properties.Append(cib.NewElement("nvpair", "id", set+"-"+m.Name, "name", m.Name, "value", m.Value))
	}
}
