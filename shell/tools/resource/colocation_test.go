package resource

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/cluster/cib"
)

// What crm_resource --constraints of Pacemaker 2.1.5 makes of sets.
func TestColocationsOfSets(t *testing.T) {
	t.Parallel()
	set := func(id, attributes string, names ...string) string {
		text := `<resource_set id="` + id + `" ` + attributes + `>`
		for _, name := range names {
			text += `<resource_ref id="` + name + `"/>`
		}
		return text + `</resource_set>`
	}
	for _, c := range []struct{ name, score, sets, want string }{
		{"one after the other", "INFINITY", set("s", "", "A", "B", "C"), "s: B with A, s: C with B"},
		{"away from all before", "-5", set("s", "", "A", "B", "C"), "s: B with A, s: C with A, s: C with B"},
		{"sequential sets", "9", set("s", "", "A", "B") + set("t", "", "C", "D"), "s: B with A, t: D with C, c: A with D"},
		{"sets without sequence", "9", set("s", `sequential="false"`, "A", "B") + set("t", `sequential="0"`, "C", "D"), "c: A with C, c: A with D, c: B with C, c: B with D"},
		{"roles", "9", set("s", `role="Promoted" sequential="no"`, "A") + set("t", `role="Started"`, "B"), "c: A(Promoted) with B"},
	} {
		doc, err := cib.Parse("sets.xml", fmt.Appendf(nil, `<cib><configuration><crm_config/><nodes/><resources/><constraints><rsc_colocation id="c" score="%s">%s</rsc_colocation>
</constraints></configuration><status/></cib>`, c.score, c.sets))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range colocationsOf(doc) {
			role := ""
			if p.role != "" {
				role = "(" + p.role + ")"
			}
			got = append(got, p.id+": "+p.rsc+role+" with "+p.with+p.withRole)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, strings.Join(got, ", "), c.want)
		}
	}
}
