package cibtool

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDiffAndPatchMeet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, resources string, epoch string) string {
		path := filepath.Join(dir, name)
		text := `<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="` + epoch + `" num_updates="0"><configuration><crm_config/><nodes/><resources>` +
			resources + `</resources><constraints/></configuration><status/></cib>`
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	before := write("old", `<primitive id="a" class="ocf" type="x"/>`, "1")
	after := write("new", `<primitive id="b" class="ocf" type="x"/><primitive id="a" class="ocf" type="y"/>`, "2")
	var patch, result, empty, errs bytes.Buffer
	if status := Diff([]string{"-o", before, "-n", after}, nil, &patch, &errs); status != 1 {
		t.Fatalf("status %d, %s", status, errs.String())
	}
	file := filepath.Join(dir, "patch")
	if err := os.WriteFile(file, patch.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := Diff([]string{"-o", before, "-p", file}, nil, &result, &errs); status != 0 {
		t.Fatalf("status %d, %s", status, errs.String())
	}
	merged := filepath.Join(dir, "merged")
	if err := os.WriteFile(merged, result.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := Diff([]string{"-o", after, "-n", merged}, nil, &empty, &errs); status != 0 || empty.Len() > 0 {
		t.Errorf("the patched document differs from the new one: %s", empty.String())
	}
	if status := Diff([]string{"-o", after, "-p", file}, nil, &empty, &errs); status == 0 || !strings.Contains(errs.String(), "0.1.0") {
		t.Errorf("a patch for another version was applied: %s", errs.String())
	}
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cib.xml")
	text := "<cib validate-with=\"pacemaker-3.9\">\n<configuration>\n<resources>\n<op id=\"x\" name=\"y\"/>\n</resources>\n</configuration>\n</cib>\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if status := Verify([]string{"-x", path, "-V"}, nil, &out, &errs); status != 78 || !strings.Contains(errs.String(), path+":4: <op id=\"x\">: does not belong into <resources>") {
		t.Errorf("status %d, %s", status, errs.String())
	}
}
