package rule

import (
	"testing"
	"time"

	"holdfast/cluster/cib"
)

// FuzzTexts reads what users write in rules: moments, intervals and scores.
func FuzzTexts(f *testing.F) {
	for _, seed := range []string{"2019-09-24 00:30:00 +01:00", "2019-W39-2", "2019-267T12", "24:00:00Z", "P1Y2MT3S", "PT36H", "10min", "90", "-INFINITY", "+1000000", "1e3"} {
		f.Add(seed)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = ParseTime(text, now)
		_, _ = ParseInterval(text)
		if score, ok := ParseScore(text); ok && (score < -1_000_000 || score > 1_000_000) {
			t.Errorf("%q is the score %d, beyond infinity", text, score)
		}
	})
}

// FuzzHolds judges rules that a user's file holds.
func FuzzHolds(f *testing.F) {
	for _, seed := range []string{
		`<rule id="r" score="5" boolean-op="or"><expression id="e" attribute="#uname" operation="eq" value="n1"/></rule>`,
		`<rule id="r"><date_expression id="d" operation="in_range" start="2020-01-01"><duration id="u" months="2"/></date_expression></rule>`,
		`<rule id="r"><date_expression id="d" operation="date_spec"><date_spec id="s" hours="9-16" weekdays="1-5" moon="1"/></date_expression></rule>`,
		`<rule id="r"><rule id="q"><expression id="e" attribute="a" operation="lt" type="version" value="1.2.3"/></rule></rule>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		e, err := cib.ParseElement("rule", []byte(text))
		if err != nil {
			return
		}
		facts := &Context{Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Attribute: func(name string) (string, bool) { return "1", name == "a" }}
		_ = facts.Holds(e)
	})
}
