package scheduler_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
)

// A positional parameter, as Heartbeat's had, is an element of its own in the graph: an XML
// attribute whose name begins with a digit could not be read again.
func TestPositionalParametersAreElementsInTheGraph(t *testing.T) {
	t.Parallel()
	doc := parsed(t, []byte(strings.Replace(twoHosts, `type="IPaddr2"/>`, `type="IPaddr2">
<instance_attributes id="a"><nvpair id="a1" name="1" value="192.0.2.1"/><nvpair id="ip" name="ip" value="192.0.2.2"/></instance_attributes></primitive>`, 1)))
	graph := written(t, scheduler.Make(doc, scenario.Start))
	wellFormed(t, "graph", graph)
	for _, want := range []string{`<param name="1" value="192.0.2.1"/>`, `ip="192.0.2.2"`} {
		if !strings.Contains(graph, want) {
			t.Errorf("the graph lacks %s:\n%s", want, graph)
		}
	}
}

func TestPublishedCasesGiveWellFormedGraphs(t *testing.T) {
	t.Parallel()
	for _, name := range publishedCases(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `name="1"`) {
			continue // it has no positional parameter
		}
		wellFormed(t, filepath.Base(name), written(t, scheduler.Make(parsed(t, text), scenario.Start)))
	}
}

func written(t *testing.T, p *scheduler.Plan) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteXML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wellFormed(t *testing.T, what, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s cannot be read: %v", what, err)
		}
	}
}
