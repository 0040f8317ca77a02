package node

import (
	"context"
	"fmt"
	"testing"

	"holdfast/cluster/node/client"
)

// BenchmarkChange measures acknowledged configuration changes from one client of a
// follower, on a cluster of three hosts.
func BenchmarkChange(b *testing.B) {
	c := newTestCluster(b, 3)
	for i := range 3 {
		c.await(i, view(3))
	}
	api := c.client(1)
	ctx := context.Background()
	if _, err := api.Change(ctx, client.Change{Op: client.Create, Section: "crm_config",
		XML: `<cluster_property_set id="p"><nvpair id="p-n" name="n" value="0"/></cluster_property_set>`}); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		xml := fmt.Sprintf(`<nvpair id="p-n" name="n" value="%d"/>`, n)
		if _, err := api.Change(ctx, client.Change{Op: client.Modify, XPath: "//cluster_property_set[@id='p']/nvpair", XML: xml}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
}
