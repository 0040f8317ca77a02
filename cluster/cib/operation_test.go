package cib

import (
	"errors"
	"strings"
	"testing"
)

// sample is a small document that the tests of this package change.
const sample = `<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="4" num_updates="2" admin_epoch="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="opts">
        <nvpair id="opts-a" name="a" value="1"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <!-- the web -->
    <resources>
      <primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2">
        <operations>
          <op id="ip-monitor" name="monitor" interval="10s"/>
        </operations>
      </primitive>
      <primitive id="web" class="ocf" provider="heartbeat" type="apache"/>
    </resources>
    <constraints/>
  </configuration>
  <status>
    <node_state id="1" uname="n1"/>
  </status>
</cib>
`

func mustParse(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Parse("test.xml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustElement(t testing.TB, text string) *Element {
	t.Helper()
	if text == "" {
		return nil
	}
	e, err := ParseElement("input", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const primitive = `<primitive id="db" class="ocf" provider="heartbeat" type="pgsql"/>`

// applyCases are changes of the sample and what has to come of them.
var applyCases = []struct {
	name    string
	request Request
	input   string
	err     error
	version string // after
	count   string // xpath that must match exactly once afterwards
	none    string // xpath that must match nothing
}{
	{"create in a section", Request{Op: OpCreate, Section: "resources"}, primitive, nil, "0.5.0", "/cib/configuration/resources/primitive[3][@id='db']", ""},
	{"create many", Request{Op: OpCreate, Section: "resources"}, "<resources>" + primitive + "</resources>", nil, "0.5.0", "//primitive[@id='db']", ""},
	{"create what exists", Request{Op: OpCreate, Section: "resources"}, `<primitive id="ip"/>`, ErrExists, "0.4.2", "//primitive[@id='ip'][@class]", ""},
	{"create the second of two that exists", Request{Op: OpCreate, Section: "resources"},
		"<resources>" + primitive + `<primitive id="ip"/></resources>`, ErrExists, "0.4.2", "", "//primitive[@id='db']"},
	{"create by xpath", Request{Op: OpCreate, XPath: "//primitive[@id='web']"}, `<operations/>`, nil, "0.5.0", "//primitive[@id='web']/operations", ""},
	{"modify anywhere", Request{Op: OpModify}, `<nvpair id="opts-a" value="2"/>`, nil, "0.5.0", "//nvpair[@name='a' and @value='2']", ""},
	{"modify to the same", Request{Op: OpModify}, `<nvpair id="opts-a" value="1"/>`, nil, "0.4.2", "//nvpair", ""},
	{"modify merges children", Request{Op: OpModify, Section: "resources"},
		`<primitive id="ip"><operations><op id="ip-monitor" interval="5s"/><op id="s" name="stop" interval="0"/></operations></primitive>`,
		nil, "0.5.0", "//op[@id='ip-monitor'][@name='monitor'][@interval='5s']/following-sibling::op[@id='s']", ""},
	{"modify what is missing", Request{Op: OpModify, Section: "resources"}, primitive, ErrNotFound, "0.4.2", "", "//primitive[@id='db']"},
	{"modify with create", Request{Op: OpModify, Section: "resources", AllowCreate: true}, primitive, nil, "0.5.0", "//primitive[@id='db']", ""},
	{"modify without an id finds none with", Request{Op: OpModify}, `<primitive description="x"/>`, ErrNotFound, "0.4.2", "", "//@description"},
	{"modify makes a section", Request{Op: OpModify, Section: "tags"}, `<tags><tag id="t"/></tags>`, nil, "0.5.0", "/cib/configuration/tags/tag", ""},
	{"replace an object", Request{Op: OpReplace}, `<primitive id="ip" class="lsb" type="x"/>`, nil, "0.5.0", "//primitive[@class='lsb'][not(*)]", "//op"},
	{"replace a section", Request{Op: OpReplace, Section: "resources"}, `<resources/>`, nil, "0.5.0", "//resources[not(*)]", "//primitive"},
	{"replace what is missing", Request{Op: OpReplace}, primitive, ErrNotFound, "0.4.2", "", "//primitive[@id='db']"},
	{"replace all by an older", Request{Op: OpReplace}, `<cib epoch="3" num_updates="9"/>`, ErrOlder, "0.4.2", "//primitive[@id='ip']", ""},
	{"replace all by a newer", Request{Op: OpReplace}, `<cib admin_epoch="1" epoch="3" num_updates="9"><configuration/></cib>`, nil, "1.3.9", "/cib", "//primitive"},
	{"replace all by the same version", Request{Op: OpReplace}, `<cib epoch="4" num_updates="2"><configuration/></cib>`, nil, "0.5.0", "/cib", "//primitive"},
	{"delete by id", Request{Op: OpDelete}, `<primitive id="ip"/>`, nil, "0.5.0", "//primitive", "//primitive[@id='ip']"},
	{"delete needs every attribute", Request{Op: OpDelete}, `<primitive id="ip" class="lsb"/>`, nil, "0.4.2", "//primitive[@id='ip']", ""},
	{"delete what is missing", Request{Op: OpDelete}, primitive, nil, "0.4.2", "", ""},
	{"delete the first match", Request{Op: OpDelete, XPath: "//primitive"}, "", nil, "0.5.0", "//primitive[@id='web']", "//primitive[@id='ip']"},
	{"delete every match", Request{Op: OpDeleteAll, XPath: "//primitive"}, "", nil, "0.5.0", "", "//primitive"},
	{"delete nothing by xpath", Request{Op: OpDelete, XPath: "//clone"}, "", nil, "0.4.2", "", ""},
	{"wrong xpath", Request{Op: OpDelete, XPath: "//["}, "", ErrInput, "0.4.2", "", ""},
	{"status counts num_updates", Request{Op: OpModify, Section: "status"}, `<node_state id="1" crmd="online"/>`, nil, "0.4.3", "//node_state[@uname='n1'][@crmd]", ""},
	{"erase", Request{Op: OpErase}, "", nil, "1.5.0", "/cib/configuration/resources", "//primitive"},
	{"bump", Request{Op: OpBump}, "", nil, "0.5.0", "/cib", ""},
	{"counting", Request{Op: OpModify}, `<nvpair id="opts-a" value="value++"/>`, nil, "0.5.0", "//nvpair[@value=2]", ""},
	{"counting far", Request{Op: OpModify}, `<cib admin_epoch="admin_epoch+=9999999"/>`, nil, "1000000.4.2", "/cib", ""},
	{"no input", Request{Op: OpModify}, "", ErrInput, "0.4.2", "", ""},
}

func TestApply(t *testing.T) {
	t.Parallel()
	for _, c := range applyCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := mustParse(t, sample)
			before := d.Clone()
			c.request.Input = mustElement(t, c.input)
			result, err := d.Apply(c.request, Cause{})
			if !errors.Is(err, c.err) || (err != nil) != (c.err != nil) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if got := d.Version().String(); got != c.version || result.After.String() != c.version {
				t.Errorf("version %s, result %s, want %s", got, result.After, c.version)
			}
			if err != nil && !d.Root.Identical(before.Root) {
				t.Errorf("a refused change left traces:\n%s", d.Bytes())
			}
			if c.count != "" {
				if found, err := d.Select(c.count); err != nil || len(found) != 1 {
					t.Errorf("%s: %d matches, %v\n%s", c.count, len(found), err, d.Bytes())
				}
			}
			if c.none != "" {
				if found, err := d.Select(c.none); err != nil || len(found) != 0 {
					t.Errorf("%s: %d matches, %v\n%s", c.none, len(found), err, d.Bytes())
				}
			}
			if err == nil && !strings.Contains(string(d.Bytes()), "the web") && c.request.Op != OpErase && c.request.Op != OpReplace {
				t.Error("a comment is lost")
			}
		})
	}
}
