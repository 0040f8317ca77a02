package cib

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// xpathCases name what the sample holds, by ids or names joined by blanks.
var xpathCases = []struct{ xpath, want string }{
	{"/", "cib"},
	{"/cib", "cib"},
	{"//primitive", "ip web"},
	{"//primitive[@id='web']", "web"},
	{`//primitive[@id="web"]`, "web"},
	{"//primitive[1]", "ip"},
	{"//primitive[last()]", "web"},
	{"//primitive[position()<2]", "ip"},
	{"//primitive[@type='apache' or @type='IPaddr2']", "ip web"},
	{"//primitive[@type='apache' and @id='ip']", ""},
	{"//primitive[operations/op]", "ip"},
	{"//primitive[not(operations)]", "web"},
	{"//op/ancestor::primitive", "ip"},
	{"//op/ancestor::*[1]", "operations"},
	{"//op/../..", "ip"},
	{"//op/@name", "ip-monitor"},
	{"//@id", "opts opts-a ip ip-monitor web 1"},
	{"//*[@id='ip']/following-sibling::*", "web"},
	{"//*[@id='web']/preceding-sibling::*", "ip"},
	{"//resources | //nodes", "nodes resources"},
	{"//*[starts-with(@id,'opts')]", "opts opts-a"},
	{"//*[contains(@id, 'mon')]", "ip-monitor"},
	{"//primitive[count(.//op)=1]", "ip"},
	{"//primitive[string-length(@id)=2]", "ip"},
	{"//primitive[substring(@id,2)='eb']", "web"},
	{"(//primitive)[2]", "web"},
	{"/cib/configuration/*[2]", "nodes"},
	{"//nvpair[@value=1]", "opts-a"},
	{"//nvpair[@value>0 and @value<=1]", "opts-a"},
	{"//primitive[@nope]", ""},
	{"//configuration/comment()", "configuration"},
	{"//op/ancestor-or-self::*[@id]", "ip ip-monitor"},
	{"//primitive[name()='primitive'][translate(@id,'w','W')='Web']", "web"},
	{"descendant::op", "ip-monitor"},
	{"//crm_config/following::primitive", "ip web"},
	{"//status/preceding::op", "ip-monitor"},
}

func TestXPath(t *testing.T) {
	t.Parallel()
	d := mustParse(t, sample)
	for _, c := range xpathCases {
		found, err := d.Select(c.xpath)
		if err != nil {
			t.Errorf("%s: %v", c.xpath, err)
			continue
		}
		var names []string
		for _, e := range found {
			if id := e.ID(); id != "" {
				names = append(names, id)
			} else {
				names = append(names, e.Name)
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.xpath, got, c.want)
		}
	}
}

// TestXPathCountsAsLibxml compares the number of nodes with xmllint's.
func TestXPathCountsAsLibxml(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed")
	}
	file := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(file, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	d := mustParse(t, sample)
	for _, c := range xpathCases {
		x, err := CompileXPath("//cib[count(" + c.xpath + ") = 0] | //status[count(" + c.xpath + ")=1] | //nodes[count(" + c.xpath + ")>1]")
		if err != nil {
			t.Fatal(err)
		}
		found, err := x.Select(d.Root)
		if err != nil || strings.HasPrefix(c.xpath, "descendant") {
			continue // relative to the element that asks
		}
		theirs, err := exec.Command(tool, "--xpath", "name("+x.String()+")", file).Output()
		if err != nil || len(found) != 1 || strings.TrimSpace(string(theirs)) != found[0].Name {
			t.Errorf("%s: xmllint says %q (%v), here %v", c.xpath, theirs, err, found)
		}
	}
}

func TestXPathErrorsNameThePlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ xpath, want string }{
		{"", "expected"}, {"//", "expected"}, {"//a[", "expected"}, {"//a[@b='c]", "not closed"},
		{"//a[foo()]", "unknown function foo()"}, {"//a]", "end of expression"}, {"//a[contains(@x)]", "takes 2"},
		{"bad::a", "unknown axis"}, {"//a[$x]", "unexpected character"}, {"//x:a", "namespaces"},
		{strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200), "nested"},
	} {
		if _, err := CompileXPath(c.xpath); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q in it", c.xpath, err, c.want)
		}
	}
	if _, err := mustParse(t, sample).Select("1+1"); err == nil {
		t.Error("a number was taken for elements")
	}
}

func TestXPathCostIsBounded(t *testing.T) {
	t.Parallel()
	d := New()
	for range 300 {
		d.EnsureSection("resources").Append(NewElement("primitive", "id", "x"))
	}
	hostile := "//*[count(//*[count(//*[count(//*)>0])>0])>0]"
	if _, err := d.Select(hostile); !errors.Is(err, ErrXPathCost) {
		t.Errorf("got %v", err)
	}
}

func FuzzXPath(f *testing.F) {
	for _, c := range xpathCases {
		f.Add(c.xpath)
	}
	d, err := Parse("", []byte(sample))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := CompileXPath(text)
		if err != nil {
			return
		}
		_, _ = x.Select(d.Root)
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{sample, "<a/>", "<a b='&lt;'>x<!--c--><?p q?></a>", "<a><![CDATA[<]]></a>", "<a b='1' b='2'/>", "<!DOCTYPE a><a/>", "<a></b>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse("fuzz", []byte(text))
		if err != nil {
			return
		}
		written := d.Bytes()
		again, err := Parse("again", written)
		if err != nil {
			t.Fatalf("%v\nwrote %q\nof %q", err, written, text)
		}
		if second := again.Bytes(); string(second) != string(written) {
			t.Fatalf("%q became %q then %q", text, written, second)
		}
	})
}

func FuzzPatch(f *testing.F) {
	f.Add(`<diff format="2"><change operation="delete" path="//primitive"/><change operation="create" path="/cib" position="7"><x/></change><change operation="move" path="//resources" position="0"/></diff>`)
	d, err := Parse("", []byte(sample))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		patch, err := ParseElement("patch", []byte(text))
		if err != nil {
			return
		}
		target := d.Clone()
		if err := target.Patch(patch); err != nil && !target.Root.Identical(d.Root) {
			t.Fatalf("a refused patch left traces: %s", text)
		}
	})
}
