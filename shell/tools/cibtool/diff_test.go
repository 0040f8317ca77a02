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

func TestDiffOptions(t *testing.T) {
	t.Parallel()
	cibOf := func(attributes, inner string) string {
		return `<cib crm_feature_set="3.1.0" ` + attributes + `>` + inner + `</cib>`
	}
	before := cibOf(`epoch="1" num_updates="2" admin_epoch="0" have-quorum="1"`, `<p id="a" x="1"/>`)
	for name, c := range map[string]struct {
		after, option string
		status        int
		stdout        string
	}{
		"no version":       {cibOf(`epoch="7" num_updates="2" admin_epoch="0" have-quorum="1"`, `<p id="a" x="1"/>`), "-u", 0, ""},
		"quorum only":      {cibOf(`epoch="7" num_updates="2" admin_epoch="0"`, `<p id="a" x="1"/>`), "-u", 1, `<cib crm_feature_set="3.1.0" epoch="1" num_updates="2" admin_epoch="0"/>`},
		"order":            {cibOf(`epoch="1" num_updates="2" admin_epoch="0" have-quorum="1"`, `<p x="1" id="a"/>`), "-u", 1, `<change-attr name="id" operation="set" value="a"/>`},
		"order, as a cib":  {cibOf(`epoch="1" num_updates="2" admin_epoch="0" have-quorum="1"`, `<p x="1" id="a"/>`), "-c", 0, ""},
		"character data":   {cibOf(`epoch="1" num_updates="2" admin_epoch="0" have-quorum="1"`, `<p id="a" x="1">text</p>`), "-u", 0, ""},
		"broken":           {"<cib", "-u", 65, ""},
		"nothing to meet":  {"", "-u", 65, ""},
		"a cib without":    {before, "-uc", 64, ""},
		"no version twice": {before, "-u", 0, ""},
	} {
		args := []string{"-O", before, c.option, "-N", c.after}
		if c.after == "" {
			args = args[:3]
		}
		var out, errs bytes.Buffer
		if status := Diff(args, nil, &out, &errs); status != c.status || !strings.Contains(out.String(), c.stdout) || (c.stdout == "" && out.Len() > 0) {
			t.Errorf("%s: status %d, stdout %s, stderr %s", name, status, &out, &errs)
		}
	}
}
