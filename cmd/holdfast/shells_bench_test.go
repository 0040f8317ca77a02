package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkShells starts the built program as a user does and tells how long each call takes: make bench-shells.
func BenchmarkShells(b *testing.B) {
	binary, err := filepath.Abs("../../bin/holdfast")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		b.Skipf("the program is not built: %v; 'make build' builds it", err)
	}
	dir := b.TempDir()
	document := func(name string, resources int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(manyResources(resources)), 0o600); err != nil {
			b.Fatal(err)
		}
		return path
	}
	small, large := document("small.xml", 20), document("large.xml", 5000)
	for _, c := range []struct{ name, file, call string }{
		{"crm-help", small, "crm --help"},
		{"pcs-help", small, "pcs --help"},
		{"crm_mon", small, "crm_mon -1"},
		{"crm-show-5000", large, "crm configure show"},
		{"pcs-config-5000", large, "pcs -f " + large + " resource config"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(binary, strings.Fields(c.call)...)
				cmd.Env = append(os.Environ(), "CIB_file="+c.file, "HOME="+dir)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%s: %v\n%.500s", c.call, err, out)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/call")
		})
	}
}

// manyResources is a document of a host and as many resources as asked for, each with a parameter, a
// monitor and a place.
func manyResources(n int) string {
	var resources, places strings.Builder
	for i := range n {
		fmt.Fprintf(&resources, `<primitive id="r%d" class="ocf" provider="pacemaker" type="Dummy"><instance_attributes id="r%[1]d-i"><nvpair id="r%[1]d-i-f" name="fake" value="%[1]d"/></instance_attributes>`+
			`<operations><op id="r%[1]d-m" name="monitor" interval="10s" timeout="20s"/></operations></primitive>`, i)
		fmt.Fprintf(&places, `<rsc_location id="l%d" rsc="r%[1]d" node="n1" score="%[1]d"/>`, i)
	}
	return `<cib validate-with="pacemaker-3.7" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config><cluster_property_set id="o">` +
		`<nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config><nodes><node id="1" uname="n1"/></nodes><resources>` +
		resources.String() + `</resources><constraints>` + places.String() + `</constraints></configuration><status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/></status></cib>`
}
