package crm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"holdfast/cluster/cib"
	"pgregory.net/rapid"
)

// drawScript draws a configuration as commands. Every object that a command names is defined
// before it.
func drawScript(t *rapid.T) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	resources := rapid.IntRange(2, 7).Draw(t, "primitives")
	for i := range resources {
		add("primitive p%d %s%s", i, pick(t, "Dummy", "IPaddr2", "ocf:pacemaker:ping", "systemd:x", "stonith:fence_x"), drawParts(t))
	}
	if rapid.Bool().Draw(t, "template") {
		add("rsc_template tmpl Dummy%s", drawParts(t))
		add("primitive made @tmpl%s", drawParts(t))
	}
	if rapid.Bool().Draw(t, "references") { // lists that others refer to, whole or by an attribute
		add("primitive owner Dummy params $id=shared fake=%s meta $id=shared-meta target-role=Started operations $id=shared-ops op monitor interval=7s", value(t))
		add("primitive user Dummy params %s meta $id-ref=shared-meta operations $id-ref=shared-ops", pick(t, "$id-ref=shared", "@shared-fake", "@shared-fake:other"))
	}
	tops := drawContainers(t, resources, add)
	for i := range rapid.IntRange(0, 5).Draw(t, "constraints") {
		drawConstraint(t, i, tops, add)
	}
	drawOthers(t, add)
	return lines
}

func pick(t *rapid.T, choices ...string) string { return rapid.SampledFrom(choices).Draw(t, "choice") }

// value draws an attribute's value, quoted as the language wants it.
func value(t *rapid.T) string {
	return quote(rapid.StringMatching(`[a-zA-Z0-9 "'\\#$@:/=.,äß%!{}\[\]()<>&|;*?~+-]{1,12}`).Draw(t, "value"))
}

func pairs(t *rapid.T) string {
	text := ""
	for i := range rapid.IntRange(1, 3).Draw(t, "pairs") {
		text += fmt.Sprintf(" n%d=%s", i, value(t))
	}
	return text
}

func drawParts(t *rapid.T) string {
	text := ""
	if rapid.Bool().Draw(t, "description") {
		text += " description=" + value(t)
	}
	for _, part := range []string{"params", "meta", "utilization"} {
		if rapid.Bool().Draw(t, part) {
			text += " " + part
			if rapid.Bool().Draw(t, "rule") {
				text += " " + drawRule(t)
			}
			text += pairs(t)
		}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "ops") {
		text += fmt.Sprintf(" op %s interval=%ds timeout=%ds", pick(t, "monitor", "start"), i+1, i+10)
		if rapid.Bool().Draw(t, "op_params") {
			text += " op_params" + pairs(t)
		}
	}
	return text
}

func drawRule(t *rapid.T) string {
	text := "rule " + pick(t, "", "100: ", "-inf: ", "inf: ", "$role=Started 5: ", "pingd: ")
	operator := pick(t, " and ", " or ")
	var expressions []string
	for range rapid.IntRange(1, 3).Draw(t, "expressions") {
		expressions = append(expressions, pick(t, "#uname eq alpha", "defined a", "not_defined b", "mem number:lte 5", "x string:ne y",
			"date gt 2030-01-01", "date in start=2030-01-01 end=2031-01-01", "date in start=2030-01-01 hours=3",
			"date spec hours=9-17 weekdays=1-5", "v version:gt 1.0", "a eq meta{b}"))
	}
	return text + strings.Join(expressions, operator)
}

// drawContainers puts some primitives into containers and returns what is on top.
func drawContainers(t *rapid.T, resources int, add func(string, ...any)) []string {
	var tops []string
	for i := 0; i < resources; i++ {
		switch rapid.IntRange(0, 5).Draw(t, "container") {
		case 0:
			add("clone c%d p%d meta interleave=true%s", i, i, pairs(t))
			tops = append(tops, fmt.Sprintf("c%d", i))
		case 1:
			add("ms m%d p%d", i, i)
			tops = append(tops, fmt.Sprintf("m%d", i))
		case 2:
			if i+1 < resources {
				add("group g%d p%d p%d meta%s", i, i+1, i, pairs(t))
				tops = append(tops, fmt.Sprintf("g%d", i))
				i++
				continue
			}
			tops = append(tops, fmt.Sprintf("p%d", i))
		case 3:
			add("bundle b%d docker image=%s network port-mapping id=b%d-p port=80 storage storage-mapping id=b%d-s target-dir=/a source-dir=/b primitive p%d", i, value(t), i, i, i)
			tops = append(tops, fmt.Sprintf("b%d", i))
		default:
			tops = append(tops, fmt.Sprintf("p%d", i))
		}
	}
	return tops
}

func drawConstraint(t *rapid.T, i int, tops []string, add func(string, ...any)) {
	one := rapid.SampledFrom(tops)
	set := func() string {
		var words []string
		for range rapid.IntRange(1, 3).Draw(t, "set") {
			words = append(words, one.Draw(t, "member"))
		}
		text := strings.Join(words, " ")
		switch rapid.IntRange(0, 3).Draw(t, "brackets") {
		case 0:
			return "( " + text + " )"
		case 1:
			return "[ " + text + " ]"
		case 2:
			return "[ " + text + " sequential=true ]"
		}
		return text
	}
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 5:
		add("location l%d %s %s%s: alpha", i, pick(t, "/p[0-9]/", "{ "+set()+" }", "{ "+set()+" "+set()+" }"),
			pick(t, "", "resource-discovery=never ", "role=Stopped "), pick(t, "inf", "-7"))
	case 6:
		add("%s l%d %s: _rsc_set_ %s", pick(t, "colocation", "order", "rsc_ticket"), i, pick(t, "inf", "Mandatory"), set())
	case 0:
		add("location l%d %s %s: alpha", i, one.Draw(t, "rsc"), pick(t, "inf", "-inf", "100", "0"))
	case 1:
		add("location l%d %s role=Started %s %s", i, one.Draw(t, "rsc"), drawRule(t), drawRule(t))
	case 2:
		add("colocation l%d %s: %s %s", i, pick(t, "inf", "-10", "attr"), set(), set())
	case 3:
		add("order l%d %s %s %s%s", i, pick(t, "", "Mandatory:", "Optional:", "Serialize:"), set(), set(), pick(t, "", " symmetrical=false"))
	default:
		add("rsc_ticket l%d site: %s loss-policy=stop", i, set())
	}
}

func drawOthers(t *rapid.T, add func(string, ...any)) {
	for _, line := range []string{
		"node alpha attributes" + pairs(t), "node 7: gamma utilization" + pairs(t), "property" + pairs(t), "rsc_defaults" + pairs(t),
		"op_defaults $id=other " + drawRule(t) + pairs(t), "tag t p0 p1", "fencing_topology p0 p1,p0",
		"fencing_topology alpha: p0 pattern:a.* p1", "role r read meta:p0 write xpath:" + quote("//a[@b='c']"), "acl_target u r",
		"alert a " + value(t) + " attributes" + pairs(t) + " select nodes attributes { x } to " + value(t) + " meta" + pairs(t),
	} {
		if rapid.Bool().Draw(t, "other") {
			add("%s", line)
		}
	}
}

// build runs a script on an empty document; commands that are refused change nothing.
func build(script []string) *model {
	m := newModel(cib.New(), noAgents{}, func(string) {})
	for _, line := range script {
		words, err := splitWords(line)
		if err != nil || len(words) == 0 {
			continue
		}
		if k, e, err := m.parse(words[0].text, words[1:]); err == nil {
			_ = m.define(k, e)
		}
	}
	return m
}

// contents describes every object of a model without the ids that are given, not chosen.
func contents(m *model) map[string]string {
	all := map[string]string{}
	for name, e := range m.objects {
		c := canonical(skeleton(e), true)
		if name == topologyID { // the order of levels counts for each target only
			slices.SortStableFunc(c.Children, func(a, b *cib.Element) int { return strings.Compare(targetText(a), targetText(b)) })
		}
		all[name] = c.String()
	}
	return all
}

// TestShowLoadsBack: what show prints makes the same objects in an empty document.
func TestShowLoadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := build(drawScript(t))
		shown := first.text(first.all(), true)
		second := newModel(cib.New(), noAgents{}, func(string) {})
		if err := second.load("shown", shown, loadUpdate, nil); err != nil {
			t.Fatalf("what was shown does not load: %v\n%s", err, shown)
		}
		if diff := cmp.Diff(contents(first), contents(second)); diff != "" {
			t.Fatalf("loading changed it (-shown +loaded):\n%s\nshown:\n%s", diff, shown)
		}
		if again := second.text(second.all(), true); again != shown {
			t.Fatalf("shown again it differs:\n%s", cmp.Diff(shown, again))
		}
	})
}

// FuzzLine: no line makes the shell panic, and what it makes of a definition shows and loads back.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		"primitive a Dummy params x=1 op monitor interval=10s", "location l a rule inf: #uname eq b or date lt 2030",
		"order o [ a b ] ( c:start ) d", "colocation c inf: a b:Master node-attribute=x", "property a=b # comment",
		`xml <primitive id="x" class="ocf" type="y"/>`, "bundle b docker image=x storage storage-mapping id=s primitive a",
		"alert a /x select attributes { a } to { b }", "fencing_topology a: b,c pattern:x y", "role r write meta:a:b", "tag t: a", "rsc_ticket t k: a:Master",
		`primitive a Dummy "params x`, "monitor a 10s:20s", "node 1: a:remote attributes x=y", "group g a b meta x=y", "op_defaults rule 5: a eq b c=d",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m := build([]string{"primitive a Dummy", "primitive b Dummy", line})
		shown := m.text(m.all(), true)
		other := newModel(cib.New(), noAgents{}, func(string) {})
		if err := other.load("shown", shown, loadUpdate, nil); err != nil {
			t.Fatalf("%q shows as what does not load: %v\n%s", line, err, shown)
		}
	})
}
