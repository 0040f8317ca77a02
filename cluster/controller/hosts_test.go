package controller

import (
	"testing"
	"time"

	"holdfast/cluster/cib"
)

// TestOption: times of crm_config are read in every spelling that the tools write.
func TestOption(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"20": 20 * time.Second, "500ms": 500 * time.Millisecond, "15min": 15 * time.Minute, "PT15M": 15 * time.Minute,
		"": time.Second, "soon": time.Second, "0": time.Second, "-5s": time.Second,
	} {
		doc := cib.New()
		doc.Section("crm_config").Append(cib.NewElement("cluster_property_set", "id", "set")).
			Append(cib.NewElement("nvpair", "id", "a", "name", "dc-deadtime", "value", text))
		if got := option(doc, "dc-deadtime", time.Second); got != want {
			t.Errorf("dc-deadtime %q is read as %v, not %v", text, got, want)
		}
	}
}
