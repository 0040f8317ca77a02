package controller

import (
	"strconv"

	"holdfast/cluster/cib"
)

// haveWatchdog is the property by which tools and the scheduler know of watchdogs.
const haveWatchdog = "have-watchdog"

// infrastructure is what the document shows to tools as the cluster's.
const infrastructure = "holdfast"

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
	present := doc.Property(haveWatchdog)
	if has := strconv.FormatBool(c.cfg.Watchdog); present != has && (c.cfg.Watchdog || present != "") && c.cfg.Alone == 0 {
		missing = append(missing, cib.Attr{Name: haveWatchdog, Value: has})
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
