package lint

import (
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// agents are those that the examples use.
var agents = map[string]*metadata.Agent{
	"ocf:t:Plain": {Class: "ocf", Params: []metadata.Parameter{{Name: "path"}, {Name: "password"}},
		Actions: []metadata.Action{{Name: "start", Timeout: "20s"}, {Name: "stop", Timeout: "20s"}, {Name: "monitor", Timeout: "20s"}}},
	"ocf:t:Slow":       {Class: "ocf", Actions: []metadata.Action{{Name: "start", Timeout: "300s"}, {Name: "stop", Timeout: "20s"}, {Name: "monitor", Timeout: "20s"}}},
	"ocf:t:IPaddr2":    {Class: "ocf", Params: []metadata.Parameter{{Name: "ip", Required: true}, {Name: "nic"}}, Actions: []metadata.Action{{Name: "monitor"}}},
	"ocf:t:Filesystem": {Class: "ocf", Params: []metadata.Parameter{{Name: "device"}, {Name: "directory"}, {Name: "fstype"}}, Actions: []metadata.Action{{Name: "monitor"}}},
	"ocf:t:drbd":       {Class: "ocf", Params: []metadata.Parameter{{Name: "drbd_resource"}}, Actions: []metadata.Action{{Name: "monitor"}, {Name: "promote"}, {Name: "demote"}}},
	"stonith:fence_t":  {Class: "stonith", Params: []metadata.Parameter{{Name: "ip"}}, Actions: []metadata.Action{{Name: "monitor"}}},
	"stonith:null":     {Class: "stonith", Actions: []metadata.Action{{Name: "monitor"}}},
}

func describe(class, provider, kind string) (*metadata.Agent, error) {
	name := class + ":" + kind
	if provider != "" {
		name = class + ":" + provider + ":" + kind
	}
	if a := agents[name]; a != nil {
		return a, nil
	}
	return nil, errors.New("not installed")
}

const watch = `<operations><op id="ID-m" name="monitor" interval="30s" timeout="30s"/></operations>`

// prim is a primitive of type ocf:t:KIND with a monitor and parameters "name=value name=value".
func prim(id, kind, params string, inner ...string) string {
	class := `class="ocf" provider="t"`
	if strings.HasPrefix(kind, "fence") || kind == "null" {
		class = `class="stonith"`
	}
	body := strings.Join(inner, "")
	if !strings.Contains(body, "<operations>") {
		body += strings.ReplaceAll(watch, "ID", id)
	}
	return `<primitive id="` + id + `" ` + class + ` type="` + kind + `">` + set("instance_attributes", id, params) + body + `</primitive>`
}

func set(kind, id, params string) string {
	if params == "" {
		return ""
	}
	text := "<" + kind + ` id="` + id + "-" + kind + `">`
	for _, p := range strings.Fields(params) {
		name, value, _ := strings.Cut(p, "=")
		text += `<nvpair id="` + id + "-" + kind + "-" + name + `" name="` + name + `" value="` + value + `"/>`
	}
	return text + "</" + kind + ">"
}

func meta(id, params string) string { return set("meta_attributes", id, params) }

func ops(id string, attrs ...string) string {
	text := "<operations>"
	for i, a := range attrs {
		text += `<op id="` + id + "-op" + string(rune('0'+i)) + `" ` + a + `/>`
	}
	return text + "</operations>"
}

func opt(name, value string) string {
	return `<nvpair id="o-` + name + `" name="` + name + `" value="` + value + `"/>`
}

const hosts = `<node id="1" uname="a"/><node id="2" uname="b"/>`

// where says into which part of the document an element of an example goes.
func where(name string) string {
	switch {
	case name == "nvpair":
		return "crm_config"
	case name == "node":
		return "nodes"
	case strings.HasPrefix(name, "rsc_") && name != "rsc_defaults":
		return "constraints"
	case strings.Contains(" primitive group clone master bundle template ", " "+name+" "):
		return "resources"
	}
	return ""
}

func example(t *testing.T, text string) *cib.Document {
	t.Helper()
	doc, err := cib.Parse("empty", []byte(`<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>`))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := cib.ParseElement("example", []byte("<example>\n"+text+"</example>"))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, e := range parts.Children {
		switch section := where(e.Name); {
		case e.Name == "schema":
			doc.Root.Set("validate-with", e.ID())
		case e.Name == "nvpair":
			doc.Section("crm_config").Ensure("cluster_property_set").Append(e)
		case section != "":
			doc.Section(section).Append(e)
		default:
			doc.Configuration().Append(e)
		}
	}
	if options := doc.Section("crm_config").Child("cluster_property_set"); options != nil {
		options.Set("id", "options")
	}
	return doc
}

func found(t *testing.T, text, check string) []Finding {
	t.Helper()
	var all []Finding
	for _, f := range Run(Input{Document: example(t, text), Agents: describe, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}) {
		if f.Check == check {
			all = append(all, f)
		}
	}
	return all
}

// TestChecks makes every check find its wrong example and pass its right one.
func TestChecks(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for _, e := range examples() {
		tested[e.check] = true
		t.Run(e.check, func(t *testing.T) {
			t.Parallel()
			bad := found(t, e.wrong, e.check)
			if len(bad) == 0 {
				t.Errorf("not found in\n%s", e.wrong)
			}
			for _, f := range bad {
				if f.Problem == "" || f.Why == "" || f.Fix == "" || f.Line == 0 && e.check != "no-fence-device" && e.check != "old-schema" {
					t.Errorf("finding without line, problem, why or fix: %+v", f)
				}
			}
			for _, f := range found(t, e.right, e.check) {
				t.Errorf("found in the right example: %s\n%s", f.Problem, e.right)
			}
		})
	}
	for _, c := range Checks() {
		if !tested[c.Name] {
			t.Errorf("%s has no example", c.Name)
		}
	}
	if n := len(Checks()); n < 40 {
		t.Errorf("%d checks", n)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"interleaved": "interleave", "stonith-enable": "stonith-enabled", "xyzzy": ""} {
		if got := nearest(word, append(cloneMeta, optionNames()...)); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func FuzzRun(f *testing.F) {
	for _, e := range examples() {
		f.Add(e.wrong)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		root, err := cib.ParseElement("fuzz", []byte("<cib><configuration><resources/><constraints>"+text+"</constraints></configuration></cib>"))
		if err != nil {
			return
		}
		Run(Input{Document: &cib.Document{Root: root}, Agents: describe})
	})
}
