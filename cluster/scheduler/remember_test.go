package scheduler_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
)

// A remembered plan is what planning anew gives, at whatever later time one asks: on the
// small cases, which hold failures that expire, shutdown locks and rules.
func TestRememberedPlansAreWhatPlanningAnewGives(t *testing.T) {
	t.Parallel()
	later := []time.Duration{
		0, time.Second, 29 * time.Second, 30 * time.Second, 31 * time.Second, time.Minute, time.Minute + 1, 5 * time.Minute,
		10*time.Minute + 1, time.Hour, time.Hour + time.Second, 12 * time.Hour, 24 * time.Hour, 400 * 24 * time.Hour,
	}
	for _, c := range smallCases(t) {
		doc := c.document(t)
		remembering := scheduler.Remembering()
		for _, d := range later {
			at := scenario.Start.Add(d)
			if got, want := drawn(t, remembering(doc, at)), drawn(t, scheduler.Make(doc, at)); got != want {
				t.Errorf("%s, after %v: the remembered plan is not the one made anew", c.path, d)
				break
			}
		}
	}
}

// Every kind of condition on the date ends the memory in time.
func TestRememberedPlansHeedDates(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, condition := range []string{
		`<date_expression id="d" operation="gt" start="2026-11-20 10:00:00Z"/>`,
		`<date_expression id="d" operation="lt" end="2026-11-20 10:00:00Z"/>`,
		`<date_expression id="d" operation="in_range" start="2026-11-20 09:00:00Z" end="2026-11-20 10:00:00Z"/>`,
		`<date_expression id="d" operation="in_range" start="2026-11-20 09:00:00Z"><duration id="u" hours="2"/></date_expression>`,
		`<date_expression id="d" operation="gt" start="10:00:00"/>`,
		`<date_expression id="d" operation="date_spec"><date_spec id="s" hours="9-17"/></date_expression>`,
		`<date_expression id="d" operation="date_spec"><date_spec id="s" weekdays="6-7" hours="10"/></date_expression>`,
		`<date_expression id="d" operation="date_spec"><date_spec id="s" years="2027"/></date_expression>`,
	} {
		location := fmt.Sprintf(`<rsc_location id="l" rsc="WebApp"><rule id="r" score="-INFINITY">%s</rule></rsc_location>`, condition)
		doc := parsed(t, bytes.Replace([]byte(twoHosts), []byte("CONSTRAINTS"), []byte(location), 1))
		remembering := scheduler.Remembering()
		changes, last := 0, ""
		for at := day; at.Before(day.AddDate(0, 0, 3)); at = at.Add(10*time.Minute - time.Nanosecond) {
			want := drawn(t, scheduler.Make(doc, at))
			if got := drawn(t, remembering(doc, at)); got != want {
				t.Errorf("%s at %v: the remembered plan is not the one made anew", condition, at)
				break
			}
			if last != "" && last != want {
				changes++
			}
			last = want
		}
		if changes == 0 && !bytes.Contains([]byte(condition), []byte("2027")) {
			t.Errorf("%s: the plan never changes, so that this proves nothing", condition)
		}
	}
}

func TestUnchangedDocumentIsNotPlannedAgain(t *testing.T) {
	t.Parallel()
	doc := parsed(t, bytes.Replace([]byte(twoHosts), []byte("CONSTRAINTS"), nil, 1))
	remembering := scheduler.Remembering()
	first := remembering(doc, scenario.Start)
	if remembering(doc, scenario.Start.Add(time.Hour)) != first {
		t.Error("an hour later, nothing in the document being about time, it was planned again")
	}
	if remembering(doc.Clone(), scenario.Start.Add(time.Hour)) == first {
		t.Error("another document got the plan of the first")
	}
	if remembering(doc, scenario.Start.Add(-time.Hour)) == first {
		t.Error("an earlier time got the plan of a later one")
	}
}

func parsed(t *testing.T, text []byte) *cib.Document {
	t.Helper()
	doc, err := cib.Parse("case.xml", text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// A remembered plan is right only if all that asks for the time says so: only cluster.go,
// where the questions are, may know it.
func TestTimeIsAskedForInOnePlace(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name != "cluster.go" && name != "remember_test.go" && bytes.Contains(text, []byte("c.now")) {
			t.Errorf("%s compares c.now itself; use after or reached, which remember the moment", name)
		}
	}
}
