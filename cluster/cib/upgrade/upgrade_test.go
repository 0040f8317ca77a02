package upgrade_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/upgrade"
	"holdfast/golden"
)

// described is what a golden file has below the separator: what the report says, and the document.
func described(report upgrade.Report, doc *cib.Document) string {
	var b strings.Builder
	for _, c := range report.Changes {
		loss := ""
		if c.Loss {
			loss = "LOST "
		}
		fmt.Fprintf(&b, "%s%v\n", loss, c)
	}
	return b.String() + golden.Separator + string(doc.Bytes())
}

// TestSteps runs one golden file per step: the old document, the report, the new document. A file
// whose name begins with 4.0 is upgraded to that schema, the others to the current one.
func TestSteps(t *testing.T) {
	t.Parallel()
	golden.Parted(t, "testdata/*.txt", golden.Separator, func(t *testing.T, file, before string) string {
		doc, err := cib.Parse(filepath.Base(file), []byte(before))
		if err != nil {
			t.Fatal(err)
		}
		goal := cib.NewestSchema
		if strings.HasPrefix(filepath.Base(file), "4.0") {
			goal = "pacemaker-4.0"
		}
		report, err := upgrade.To(doc, goal)
		if err != nil {
			t.Fatal(err)
		}
		if problems := doc.Validate(); len(problems) > 0 {
			t.Errorf("the new document is not valid: %v", problems)
		}
		return described(report, doc)
	})
}

func TestSchemasThatAreNotUpgraded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schema, after string
		err           error
	}{
		{"pacemaker-3.9", "pacemaker-3.9", nil},
		{"pacemaker-3.10", "pacemaker-3.10", nil},
		{"pacemaker-4.0", "pacemaker-4.0", nil},
		{"none", "none", nil},
		{"pacemaker-9.0", "pacemaker-9.0", upgrade.ErrUnknownSchema},
		{"pacemaker-4.99", "pacemaker-4.99", upgrade.ErrUnknownSchema},
	} {
		doc := cib.New()
		doc.Root.Set("validate-with", c.schema)
		before := string(doc.Bytes())
		report, err := upgrade.Upgrade(doc)
		if !errors.Is(err, c.err) || len(report.Changes) > 0 || string(doc.Bytes()) != before {
			t.Errorf("%s: %v, %v: the document must stay as it is", c.schema, report, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.schema) {
			t.Errorf("%q does not name %s", err, c.schema)
		}
	}
}

// TestHeartbeatListing upgrades a published Heartbeat 2 document whose closing tags are broken.
func TestHeartbeatListing(t *testing.T) {
	t.Parallel()
	file := "../../../../shared/listings/heartbeat-lvs/cib.xml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skip("the published listings are not here: ", err)
	}
	root, _, err := cib.Mend(file, text)
	if err != nil {
		t.Fatal(err)
	}
	doc := &cib.Document{Root: root, File: file}
	report, err := upgrade.Upgrade(doc)
	if err != nil || len(report.Changes) == 0 {
		t.Fatal(report, err)
	}
	for _, path := range []string{"//attributes", "//@score_attribute", "//crm_config//nvpair[contains(@name,'_')]"} {
		if left, err := doc.Select(path); err != nil || len(left) > 0 {
			t.Errorf("%s: %d left, %v", path, len(left), err)
		}
	}
	stickiness, err := doc.Select("//rsc_defaults/meta_attributes/nvpair[@name='resource-stickiness']")
	if err != nil || len(stickiness) != 1 || stickiness[0].Get("value") != "0" {
		t.Errorf("default stickiness: %v, %v", stickiness, err)
	}
}

// FuzzUpgrade: any document that parses is refused or upgraded, and then stays as it is.
func FuzzUpgrade(f *testing.F) {
	for _, before := range golden.Inputs(f, "testdata/*.txt", golden.Separator) {
		f.Add([]byte(before))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := cib.Parse("fuzz", text)
		if err != nil {
			t.Skip()
		}
		before := string(doc.Bytes())
		if _, err := upgrade.To(doc, "pacemaker-4.0"); err != nil {
			if string(doc.Bytes()) != before {
				t.Error("refused and changed")
			}
			return
		}
		after := string(doc.Bytes())
		again, err := cib.Parse("again", []byte(after))
		if err != nil {
			t.Fatalf("%v\n%s", err, after)
		}
		if report, err := upgrade.To(again, "pacemaker-4.0"); err != nil || len(report.Changes) > 0 {
			t.Errorf("a second upgrade: %v, %v", report, err)
		}
	})
}
