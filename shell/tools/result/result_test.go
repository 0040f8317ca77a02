package result

import (
	"strings"
	"testing"

	"holdfast/cluster/cib"
)

func TestAnswersAreWrittenAsPacemakerDoes(t *testing.T) {
	t.Parallel()
	answer := cib.NewElement("pacemaker-result")
	answer.Append(cib.NewElement("node", "name", "it's é")).Append(&cib.Element{Kind: cib.TextNode, Text: "ü<"})
	answer.Append(cib.NewElement("xml")).Append(&cib.Element{Kind: cib.CDATANode, Text: "<a b=\"é\"/>\n"})
	var out strings.Builder
	Write(&out, answer, 0)
	const want = `<pacemaker-result>
  <node name="it's &#xE9;">&#xFC;&lt;</node>
  <xml><![CDATA[<a b="é"/>
]]></xml>
  <status code="0" message="OK"/>
</pacemaker-result>
`
	if out.String() != want {
		t.Errorf("got %s, want %s", &out, want)
	}
}
