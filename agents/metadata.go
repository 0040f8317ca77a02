package agents

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// metadata is what an agent says of itself (Resource Agent API 1.1, "Metadata").
type metadata struct {
	name, short, long string
	parameters        []parameter
	timeout           string   // of start, stop and monitor; those of the others are shorter
	more              []string // actions beside those that every agent has
}

// parameter is one of an agent's.
type parameter struct {
	name, short, long string
	kind              string // of its content; "": string
	standard          string // default
	required, unique  bool
	group             string // of parameters that are unique together
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}

func described(b *strings.Builder, long, short string) {
	fmt.Fprintf(b, "<longdesc lang=\"en\">%s</longdesc>\n<shortdesc lang=\"en\">%s</shortdesc>\n", escaped(long), escaped(short))
}

func (m metadata) xml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\"?>\n<!DOCTYPE resource-agent SYSTEM \"ra-api-1.dtd\">\n<resource-agent name=%q version=\"1.0\">\n<version>1.1</version>\n", m.name)
	described(&b, m.long, m.short)
	b.WriteString("<parameters>\n")
	for _, p := range m.parameters {
		p.write(&b)
	}
	b.WriteString("</parameters>\n<actions>\n")
	for _, action := range []string{"start", "stop"} {
		fmt.Fprintf(&b, "<action name=%q timeout=%q/>\n", action, m.timeout)
	}
	fmt.Fprintf(&b, "<action name=\"monitor\" timeout=%q interval=\"10s\" depth=\"0\"/>\n", m.timeout)
	for _, action := range append(m.more, "validate-all") {
		fmt.Fprintf(&b, "<action name=%q timeout=\"20s\"/>\n", action)
	}
	b.WriteString("<action name=\"meta-data\" timeout=\"5s\"/>\n</actions>\n</resource-agent>\n")
	return b.String()
}

func (p parameter) write(b *strings.Builder) {
	fmt.Fprintf(b, "<parameter name=%q", p.name)
	if p.required {
		b.WriteString(` required="1"`)
	}
	if p.unique {
		b.WriteString(` unique="1"`)
	}
	if p.group != "" {
		fmt.Fprintf(b, " unique-group=%q", p.group)
	}
	b.WriteString(">\n")
	described(b, p.long, p.short)
	kind := p.kind
	if kind == "" {
		kind = "string"
	}
	fmt.Fprintf(b, "<content type=%q", kind)
	if p.standard != "" {
		fmt.Fprintf(b, " default=%q", escaped(p.standard))
	}
	b.WriteString("/>\n</parameter>\n")
}

// Words for a boolean parameter, in whatever case; Resource Agent API 1.1 names none, and these are what ocf_is_true takes.
var (
	yes = []string{"true", "yes", "on", "1"}
	no  = []string{"false", "no", "off", "0"}
)

// boolean is what a boolean parameter says. One that is not set is the standard, and so is a word that is neither: refuse told of that when the
// resource was to begin.
func (c Call) boolean(name string, standard bool) bool {
	value := strings.ToLower(c.parameter(name, ""))
	if standard {
		return !slices.Contains(no, value)
	}
	return slices.Contains(yes, value)
}

// refuse tells of a boolean parameter that says neither, when a resource is to begin: one that runs has to end whatever its parameters say.
func (m metadata) refuse(c Call) error {
	if c.Action != "start" && c.Action != "validate-all" {
		return nil
	}
	for _, p := range m.parameters {
		value := strings.ToLower(c.parameter(p.name, "true"))
		if p.kind == "boolean" && !slices.Contains(yes, value) && !slices.Contains(no, value) {
			return fmt.Errorf("parameter %s of %s is %q: want true or false", p.name, c.instance(), c.parameter(p.name, ""))
		}
	}
	return nil
}
