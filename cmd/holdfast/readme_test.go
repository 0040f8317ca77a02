package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadmeNamesTwoSetUpCommands(t *testing.T) {
	t.Parallel()
	var found []string
	for _, line := range strings.Split(readme(t), "\n") {
		if command, ok := strings.CutPrefix(line, "    make "); ok {
			found = append(found, command)
		}
	}
	if !slices.Equal(found, []string{"demo", "test"}) {
		t.Errorf("commands shown: make %v; want demo and test", found)
	}
}

func TestReadmeNamesCommandsThatExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, command := range natives() {
		known[command.Name()] = true
	}
	for _, match := range regexp.MustCompile("`holdfast ([a-z_]+)").FindAllStringSubmatch(readme(t), -1) {
		if _, tool := tools[match[1]]; !tool && !known[match[1]] {
			t.Errorf("the README names 'holdfast %s', which does not exist", match[1])
		}
	}
}

// The commands under "Looking at it" are run as they stand, on a document in a file.
func TestReadmeExamplesRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary := filepath.Join(dir, "holdfast")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if err := link(binary, dir, slices.Sorted(maps.Keys(tools)), false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cluster.xml", "new.xml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(readmeCluster), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, block, _ := strings.Cut(readme(t), "## Looking at it")
	ran := 0
	for _, line := range strings.Split(block, "\n## ")[:1] {
		for _, text := range strings.Split(line, "\n") {
			if !strings.HasPrefix(text, "    ") {
				continue
			}
			command, _, _ := strings.Cut(strings.TrimSpace(text), "  ")
			run := exec.Command("sh", "-c", command)
			run.Dir = dir
			run.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CIB_file=cluster.xml")
			out, err := run.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("AppWebServer")) && !strings.Contains(command, "plan") {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
			ran++
		}
	}
	if ran < 5 {
		t.Errorf("%d examples were found to run, want at least 5", ran)
	}
}

const readmeCluster = `<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1">
  <configuration>
    <crm_config><cluster_property_set id="options"><nvpair id="options-stonith" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
    <nodes><node id="1" uname="web1"/></nodes>
    <resources><primitive id="AppWebServer" class="ocf" provider="heartbeat" type="apache"/></resources>
    <constraints/>
  </configuration>
  <status><node_state id="1" uname="web1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources>
    <lrm_resource id="AppWebServer" class="ocf" provider="heartbeat" type="apache">
      <lrm_rsc_op id="AppWebServer_last_0" operation_key="AppWebServer_start_0" operation="start" call-id="5" rc-code="0" op-status="0" interval="0"
        transition-key="1:1:0:00000000-0000-0000-0000-000000000000" transition-magic="0:0;1:1:0:00000000-0000-0000-0000-000000000000"/>
    </lrm_resource></lrm_resources></lrm></node_state></status>
</cib>
`
