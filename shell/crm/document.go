package crm

import (
	"fmt"
	"os"
	"strings"

	"holdfast/cluster/cib"
)

// newestSchema is the schema that upgrade brings a document to.
const newestSchema = "pacemaker-3.9"

// runSchema shows or sets the schema that the document says it follows.
func runSchema(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	switch len(words) {
	case 0:
		s.printf("%s\n", m.doc.Root.Get("validate-with"))
		return nil
	case 1:
	default:
		return usageError("expected one schema")
	}
	if !strings.HasPrefix(words[0].text, "pacemaker-") {
		return usageError(fmt.Sprintf("expected a schema such as %s, not %q", newestSchema, words[0].text))
	}
	return s.change("configure schema", func(doc *cib.Document) error {
		doc.Root.Set("validate-with", words[0].text)
		return nil
	})
}

func runUpgrade(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	force := len(words) == 1 && words[0].text == "force"
	if len(words) > 0 && !force {
		return usageError("expected nothing, or force")
	}
	if m.changed() {
		return fmt.Errorf("upgrade: there are changes that are not committed; 'commit' or 'refresh' first")
	}
	if old := m.doc.Root.Get("validate-with"); old == newestSchema && !force {
		if s.interactive {
			s.info("the document has the newest schema, %s, already", newestSchema)
		}
		return nil
	}
	return s.change("configure upgrade", func(doc *cib.Document) error {
		doc.Root.Set("validate-with", newestSchema)
		return nil
	})
}

// runGraph draws the resources and the constraints between them in the language of dot.
func runGraph(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	text := m.graph()
	if len(words) < 2 {
		s.printf("%s", text)
		return nil
	}
	if words[0].text != "dot" {
		return usageError(fmt.Sprintf("expected dot, not %q; dot's own program makes images", words[0].text))
	}
	if err := os.WriteFile(words[1].text, []byte(text), 0o644); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	return nil
}

func (m *model) graph() string {
	var b strings.Builder
	b.WriteString("digraph configuration {\n\tcompound=true;\n")
	for _, e := range m.all() {
		if isResource(e) && !isContainer(e.Parent) {
			graphResource(&b, e, "\t")
		}
	}
	for _, c := range m.constraints() {
		ids := constrainedResources(c)
		style := "solid"
		if c.Name == "rsc_colocation" {
			style = "dashed"
		}
		for i := 1; i < len(ids); i++ {
			fmt.Fprintf(&b, "\t%q -> %q [label=%q, style=%s];\n", ids[i-1], ids[i], c.ID(), style)
		}
		if node := c.Get("node"); node != "" && len(ids) == 1 {
			fmt.Fprintf(&b, "\t%q [shape=box];\n\t%q -> %q [label=%q, style=dotted];\n", node, ids[0], node, scoreText(c))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func graphResource(b *strings.Builder, e *cib.Element, indent string) {
	if e.Name == "primitive" {
		fmt.Fprintf(b, "%s%q;\n", indent, e.ID())
		return
	}
	fmt.Fprintf(b, "%ssubgraph %q {\n%s\tlabel=%q;\n", indent, "cluster_"+e.ID(), indent, e.Name+" "+e.ID())
	for c := range e.Elements() {
		if isResource(c) {
			graphResource(b, c, indent+"\t")
		}
	}
	fmt.Fprintf(b, "%s}\n", indent)
}
