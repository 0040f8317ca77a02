package rules

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/shell/tools/exit"
)

const dated = `<cib><configuration><constraints><rsc_location id="l" rsc="d">
<rule id="until"><date_expression id="a" operation="lt" end="2019-01-01 15:00:00 -07:00"/></rule>
<rule id="from"><date_expression id="b" operation="gt" start="2019-01-01"/></rule>
<rule id="range"><date_expression id="c" operation="in_range" start="2019-01-01" end="2019-02-01"/></rule>
<rule id="lasting"><date_expression id="d" operation="in_range" start="2019-01-01"><duration id="e" months="1"/></date_expression></rule>
<rule id="spec"><date_expression id="f" operation="date_spec"><date_spec id="g" years="2019-2020" months="5-6" hours="9-16"/></date_expression></rule>
<rule id="yearly"><date_expression id="h" operation="date_spec"><date_spec id="i" months="5"/></date_expression></rule>
<rule id="two"><date_expression id="j" operation="gt" start="2019-01-01"/><date_expression id="k" operation="lt" end="2019-01-01"/></rule>
<rule id="attribute"><expression id="m" attribute="x" operation="defined"/></rule>
<rule id="outer"><rule id="inner"><date_expression id="n" operation="gt" start="2019-01-01"/></rule></rule>
<rule id="empty"><date_expression id="o" operation="gt"/></rule>
</rsc_location></constraints></configuration></cib>`

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call   string
		status int
	}{
		{"-r until -d 2018-12-31", exit.OK},
		{"-r until -d 2019-01-02", exit.Expired},
		{"-r from -d 2018-12-31", exit.NotYet},
		{"-r from -d 2020-01-01", exit.OK},
		{"-r range -d 2018-01-15", exit.NotYet},
		{"-r range -d 2019-01-15", exit.OK},
		{"-r lasting -d 2019-02-02", exit.Expired},
		{"-r spec -d 2019-05-01T10:00:00Z", exit.OK},
		{"-r spec -d 2019-05-01T01:00:00Z", exit.NotYet},
		{"-r spec -d 2019-05-01T20:00:00Z", exit.Expired},
		{"-r spec -d 2021-01-01", exit.Expired},
		{"-r yearly", exit.Unimplement},
		{"-r two", exit.Unimplement},
		{"-r attribute", exit.Unimplement},
		{"-r outer -d 2020-01-01", exit.OK},
		{"-r inner -d 2020-01-01", exit.OK},
		{"-r empty", exit.Indeterm},
		{"-r nothing", exit.NoSuch},
		{"-r from -r until -d 2019-06-01", exit.Expired},
		{"-r from -d yesterday", exit.DataError},
		{"", exit.Usage},
	} {
		var stdout, stderr strings.Builder
		args := append([]string{"--check", "-X", "-"}, strings.Fields(c.call)...)
		if status := Tool(args, strings.NewReader(dated), &stdout, &stderr); status != c.status {
			t.Errorf("%s: status %d, want %d: %s%s", c.call, status, c.status, stdout.String(), stderr.String())
		}
		if stdout.Len()+stderr.Len() == 0 {
			t.Errorf("%s: nothing said", c.call)
		}
	}
}

func TestCheckXML(t *testing.T) {
	t.Parallel()
	var stdout strings.Builder
	status := Tool([]string{"-c", "-X", dated, "-r", "until", "-r", "yearly", "--output-as=xml"}, nil, &stdout, &strings.Builder{})
	for _, want := range []string{`<rule-check rule-id="until" rc="110"/>`, `<rule-check rule-id="yearly" rc="3"/>`, fmt.Sprintf(`<status code="%d"`, status)} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %s in\n%s", want, stdout.String())
		}
	}
}
