package pcs

import (
	"strings"
	"testing"
)

// someResources makes what the constraints of these tests are about.
var someResources = []string{
	"resource create A ocf:heartbeat:Dummy --force", "resource create B ocf:heartbeat:Dummy --force",
	"resource create U ocf:heartbeat:Dummy --force", "resource create S ocf:heartbeat:Dummy --force promotable",
}

func TestLocationRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, want string }{
		{"#uname eq n1", "Rule: score=INFINITY\n        Expression: #uname eq n1\n"},
		{"a eq 1 or b eq 2 and c eq 3", "Rule: boolean-op=and score=INFINITY\n        Rule: boolean-op=or score=0\n          Expression: a eq 1\n          Expression: b eq 2\n        Expression: c eq 3\n"},
		{"( a eq 1 or b eq 2 ) or defined c", "Rule: boolean-op=or score=INFINITY\n        Expression: a eq 1\n        Expression: b eq 2\n        Expression: defined c\n"},
		{"score=5 (a) eq (string b)", "Rule: score=5\n        Expression: a eq string b\n"},
		{"a eq string and and b eq c", "Rule: boolean-op=and score=INFINITY\n        Expression: a eq string and\n        Expression: b eq c\n"},
		{"date in_range 2020-01-01 to duration years=30", "Rule: score=INFINITY\n        Expression: date in_range 2020-01-01 to duration\n          Duration: years=30\n"},
		{"date gt integer 3", "Rule: score=INFINITY\n        Expression: date gt integer 3\n"},
		{"date-spec hours=9-16 weekdays=1-5", "Rule: score=INFINITY\n        Expression:\n          Date Spec: hours=9-16 weekdays=1-5\n"},
		{"a eq integer x", ""}, {"a eq number inf", ""}, {"a eq version 1.x", ""}, {"a eq", ""}, {"a", ""}, {"and", ""}, {"defined and", ""},
		{"a eq b c eq d", ""}, {"( a eq b", ""}, {"a eq b )", ""}, {"eq eq eq", ""}, {"date gt 2021-02-30", ""}, {"date in_range to 2021-01-01", ""},
		{"date-spec hours=24", ""}, {"date-spec hours=5-5", ""}, {"date-spec yearsdays=3", ""}, {"date in_range 2020-01-01 to duration hours=3-4", ""},
		{"score=infinity defined a", ""}, {"score-attribute= defined a", ""}, {"resource-discovery=maybe defined a", ""}, {"role=Started defined a", ""},
	} {
		calls := append(someResources[:2:2], "constraint location A rule "+c.rule)
		if c.want != "" {
			calls = append(calls, "constraint location config")
		}
		stdout, _, status := on(t, threeNodes, calls...)
		if (status != 0) != (c.want == "") || !strings.HasSuffix(stdout, c.want) {
			t.Errorf("%s: status %d, printed\n%s, want at its end\n%s", c.rule, status, stdout, c.want)
		}
	}
}

func TestConstraintsRefuse(t *testing.T) {
	t.Parallel()
	for call, fine := range map[string]bool{
		"constraint order A then B symmetrical=True":                 true,
		"constraint order A then B symmetrical=1":                    false,
		"constraint order A then B colour=red --force":               false,
		"constraint order promote S-clone then A":                    true,
		"constraint colocation add A with B 5 node-attribute=rack":   true,
		"constraint colocation add A with B +INFINITY":               false,
		"constraint colocation add A with B colour=red":              false,
		"constraint colocation set A B role=promoted":                false,
		"constraint colocation set A B role=Promoted":                true,
		"constraint ticket add T1 A":                                 true,
		"constraint ticket add T@1 A":                                false,
		"constraint ticket add T1 A id=":                             false,
		"constraint location add l1 A n1 5":                          true,
		"constraint location add B A n1 5":                           false,
		"constraint location add l1 A n1 5 resource-discovery=bogus": false,
		"constraint location A prefers n1=infinity":                  false,
		"constraint location A rule role=Master defined a":           true,
		"resource ban A n9":                                          false,
		"resource ban A a lifetime=nonsense":                         false,
		"resource ban A a lifetime=PT5M":                             true,
		"resource ban S a --promoted":                                false,
		"resource move-with-constraint S-clone a --promoted":         true,
		"resource clear A n9":                                        false,
		"resource bundle create X container docker image=i network":  false,
		"resource bundle create X container docker image=i port-map": false,
		"resource bundle create X container docker image=i":          true,
		"stonith level clear n1 n2":                                  false,
		"stonith level add 1 attrib%=x A --force":                    false,
	} {
		if _, stderr, status := on(t, threeNodes, append(someResources[:4:4], call)...); (status == 0) != fine {
			t.Errorf("pcs %s: status %d: %s", call, status, stderr)
		}
	}
}

func TestConstraintsDelete(t *testing.T) {
	t.Parallel()
	made := append(someResources[:3:3], "constraint location A prefers n1=5", "constraint colocation add A with B", "constraint order A then B")
	for _, c := range []struct {
		call   string
		status int
		left   []string
		gone   string
	}{
		{"constraint delete nowhere location-A-n1-5", 1, []string{"order-A-B-mandatory"}, "location-A-n1-5"},
		{"constraint colocation remove B A", 0, []string{"location-A-n1-5"}, "colocation-A-B-INFINITY"},
		{"constraint order remove B", 0, []string{"colocation-A-B-INFINITY"}, "order-A-B-mandatory"},
	} {
		_, after, status := on(t, threeNodes, append(made[:6:6], c.call)...)
		if status != c.status || strings.Contains(after, c.gone) {
			t.Errorf("pcs %s: status %d, left\n%s", c.call, status, after)
		}
		for _, id := range c.left {
			if !strings.Contains(after, id) {
				t.Errorf("pcs %s: %s is gone", c.call, id)
			}
		}
	}
}

func TestConfigurationAsCommands(t *testing.T) {
	t.Parallel()
	made := []string{
		"resource create A ocf:heartbeat:Dummy fake=x --force --no-default-ops op monitor interval=7s timeout=9 meta priority=2", "resource utilization A cpu=2",
		"resource create B ocf:heartbeat:Dummy --force --no-default-ops --group G", "resource clone G C meta clone-max=2",
	}
	printed, before, _ := on(t, threeNodes, append(made[:4:4], "resource config --output-format cmd")...)
	var again []string
	for command := range strings.SplitSeq(strings.ReplaceAll(printed, "\\\n", ""), ";\n") {
		again = append(again, strings.Join(strings.Fields(command)[1:], " "))
	}
	_, after, status := on(t, threeNodes, again...)
	resources := func(text string) string { _, s, _ := strings.Cut(text, "<resources>"); return s }
	if status != 0 || resources(after) != resources(before) || resources(after) == "" {
		t.Errorf("status %d; these commands\n%s\nmade\n%s\nof\n%s", status, printed, after, before)
	}
}

func TestChosenResourcesComeByID(t *testing.T) {
	t.Parallel()
	made := []string{"resource create C ocf:heartbeat:Dummy --force --no-default-ops op monitor interval=7s", "resource create A ocf:heartbeat:Dummy --force --no-default-ops op monitor interval=7s --group G"}
	for _, c := range []struct{ call, first, second string }{
		{"resource config C A --output-format=cmd", "-- A ocf", "-- C ocf"},
		{"resource config G C --output-format=json", `"id": "A"`, `"id": "C"`},
		{"resource config --output-format=cmd", "-- C ocf", "-- A ocf"},
		{"resource config G C", "Resource: C", "Group: G"},
	} {
		stdout, _, _ := on(t, threeNodes, append(made[:2:2], c.call)...)
		if first, second := strings.Index(stdout, c.first), strings.Index(stdout, c.second); first < 0 || second < first {
			t.Errorf("pcs %s printed\n%s", c.call, stdout)
		}
	}
}

func TestOperationsAreRemovedByAllTheirProperties(t *testing.T) {
	t.Parallel()
	made := "resource create A ocf:heartbeat:Dummy --force --no-default-ops op monitor interval=7s timeout=9s"
	for call, status := range map[string]int{
		"resource op delete A monitor interval=7s":            1,
		"resource op delete A monitor timeout=9s interval=7s": 0,
		"resource op delete A monitor":                        0,
	} {
		if _, after, got := on(t, threeNodes, made, call); got != status || strings.Contains(after, `name="monitor"`) != (status != 0) {
			t.Errorf("pcs %s: status %d, left\n%s", call, got, after)
		}
	}
}

func TestExpiredIsSaidWithAllOnly(t *testing.T) {
	t.Parallel()
	made := []string{someResources[0], "constraint location A rule date lt 2001-01-01", "constraint location A rule defined x or date lt 2001-01-01"}
	for _, c := range []struct {
		call string
		want int
	}{{"constraint location", 0}, {"constraint location --all", 4}} {
		if stdout, _, _ := on(t, threeNodes, append(made[:3:3], c.call)...); strings.Count(stdout, "(expired)") != c.want {
			t.Errorf("pcs %s printed\n%s", c.call, stdout)
		}
	}
}
