package pcs

import (
	"strings"
	"testing"
)

const threeNodes = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.7"><configuration><crm_config/><nodes>
<node id="1" uname="a"/><node id="2" uname="b"/><node id="3" uname="c"/></nodes><resources/><constraints/></configuration><status/></cib>`

// Values that pcs 0.11.5 takes or refuses, as it was seen to.
func TestPropertyValues(t *testing.T) {
	t.Parallel()
	for call, status := range map[string]int{
		"property set stonith-enabled=TRUE":                    0,
		"property set stonith-enabled=maybe":                   1,
		"property set stonith-enabled=maybe --force":           0,
		"property set cluster-delay=5min":                      0,
		"property set cluster-delay=PT5M":                      1,
		"property set batch-limit=0x10":                        1,
		"property set node-health-green=+5":                    0,
		"property set node-health-green=-infinity":             1,
		"property set load-threshold=80":                       1,
		"property set load-threshold=200%":                     0,
		"property set no-quorum-policy=frz":                    1,
		"property set fence-reaction=anything":                 0,
		"property set stonith-watchdog-timeout=x --force":      1,
		"property set have-watchdog=true --force":              1,
		"property set cluster-name=x --force":                  1,
		"property set unheard-of=1":                            1,
		"property set unheard-of=1 --force":                    0,
		"property set batch-limit=1 batch-limit=2":             1,
		"property unset batch-limit":                           1,
		"property config --all --defaults":                     1,
		"property config batch-limit --all":                    1,
		"property config batch-limit cluster-delay":            1,
		"node standby a --all":                                 1,
		"node attribute a missing=":                            1,
		"node attribute a missing= --force":                    0,
		"node utilization a cpu=many":                          1,
		"node utilization nobody":                              1,
		"resource defaults set create meta x=1 meta y=2":       1,
		"resource defaults set create id= meta x=1":            1,
		"resource defaults set create score= meta x=1":         1,
		"resource defaults set create meta x=1 rule":           0,
		"resource defaults set create meta x=1 rule #uname eq": 1,
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			_, after, got := on(t, threeNodes, call)
			if got != status || status != 0 && after != threeNodes {
				t.Errorf("status %d, want %d; the document is\n%s", got, status, after)
			}
		})
	}
}

func TestPropertyIsShownWithWhatHoldsWhenUnset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		calls []string
		want  string
	}{
		{[]string{"property config cluster-delay"}, "Cluster Properties:\n cluster-delay: 60s\n"},
		{[]string{"property set cluster-delay=5", "property config cluster-delay"}, "Cluster Properties:\n cluster-delay: 5\n"},
		{[]string{"property config dc-version"}, "Cluster Properties:\n"},
		{[]string{"node attribute a x=1 y=2", "node attribute --name y"}, "Node Attributes:\n a: y=2\n"},
	} {
		if got, _, _ := on(t, threeNodes, c.calls...); got != c.want {
			t.Errorf("%v printed %q, want %q", c.calls, got, c.want)
		}
	}
	all, _, _ := on(t, threeNodes, "property config --all")
	if lines := strings.Count(all, "\n"); lines != 46 || !strings.Contains(all, "\n have-watchdog: false\n") {
		t.Errorf("%d lines:\n%s", lines, all)
	}
}

func TestPropertyIDIsCut(t *testing.T) {
	t.Parallel()
	_, after, _ := on(t, threeNodes, "property set join-finalization-timeout=5 batch-limit=3")
	for _, want := range []string{`id="cib-bootstrap-options-join-finalization-ti"`, `id="cib-bootstrap-options-batch-limit"`} {
		if !strings.Contains(after, want) {
			t.Errorf("no %s in\n%s", want, after)
		}
	}
}

func TestRulesOfDefaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, want string }{
		{"resource ocf:pacemaker:Dummy", "  Rule: boolean-op=and score=INFINITY\n    Expression: resource ocf:pacemaker:Dummy\n"},
		{"op monitor interval=5m", "  Rule: boolean-op=and score=INFINITY\n    Expression: op monitor interval=5m\n"},
		{"op a or op b and resource ::", "  Rule: boolean-op=and score=INFINITY\n    Rule: boolean-op=or score=0\n      Expression: op a\n      Expression: op b\n    Expression: resource ::\n"},
		{"(op a and op b) and op c", "  Rule: boolean-op=and score=INFINITY\n    Rule: boolean-op=and score=0\n      Expression: op a\n      Expression: op b\n    Expression: op c\n"},
		{"date lt 2001-01-01", "  Rule (expired): boolean-op=and score=INFINITY\n    Expression: date lt 2001-01-01\n"},
		{"date gt 9001-01-01", "  Rule (not yet in effect): boolean-op=and score=INFINITY\n    Expression: date gt 9001-01-01\n"},
		{"date-spec years=2001", "  Rule (expired): boolean-op=and score=INFINITY\n    Expression:\n      Date Spec: years=2001\n"},
		{"date-spec hours=24", ""}, {"date-spec hours=5-5", ""}, {"date in_range 2021-01-01 to 2020-01-01", ""}, {"date gt 2020-13-01", ""},
		{"resource lsb:foo", ""}, {"op", ""}, {"op monitor xor op start", ""}, {"(op monitor", ""}, {"a eq integer x", ""}, {"a eq", ""},
		{"#uname eq a and defined b", "  Rule: boolean-op=and score=INFINITY\n    Expression: #uname eq a\n    Expression: defined b\n"},
	} {
		calls := []string{"resource op defaults set create id=s meta timeout=5 rule " + c.rule, "resource op defaults config --all"}
		if c.want == "" {
			calls = calls[:1]
		}
		stdout, _, status := on(t, threeNodes, calls...)
		if (status != 0) != (c.want == "") || !strings.HasSuffix(stdout, c.want) {
			t.Errorf("%s: status %d, printed\n%s, want at its end\n%s", c.rule, status, stdout, c.want)
		}
	}
	for _, rule := range []string{"op start", "#uname eq a", "defined a"} {
		if _, _, status := on(t, threeNodes, "resource defaults set create meta x=1 rule "+rule); status == 0 {
			t.Errorf("'%s' was taken in the defaults of resources", rule)
		}
	}
	hidden, _, _ := on(t, threeNodes, "resource defaults set create meta x=1 rule date lt 2001-01-01", "resource defaults")
	if hidden != "" {
		t.Errorf("an expired set is shown without --all:\n%s", hidden)
	}
}
