package pcs

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"holdfast/cluster/cib/property"
	"holdfast/cluster/executor/metadata"
)

func describeCommands() []command {
	return []command{
		{path: "resource describe", syntax: "AGENT [--full]", help: "Shows an agent's parameters and operations.", options: "full", run: describeResource},
		{path: "resource list", syntax: "[FILTER] [--nodesc]", help: "Lists agents.", options: "nodesc", run: listAgents},
		{path: "resource standards", help: "Lists the standards of agents that are installed.", run: listStandards},
		{path: "resource providers", help: "Lists the providers of OCF agents.", run: func(s *session) error { return s.printAll(s.catalog().Providers("")) }},
		{path: "resource agents", syntax: "[STANDARD[:PROVIDER]]", help: "Lists the types of a standard's agents.", run: listTypes},
		{path: "resource get_resource_agent_info", syntax: "AGENT", help: "Prints an agent's meta-data as JSON, for programs.", run: showAgentInfo},
		{path: "stonith get_fence_agent_info", syntax: "stonith:AGENT", help: "Prints a fence agent's meta-data as JSON, for programs.", run: showFenceInfo},
		{path: "stonith describe", syntax: "AGENT [--full]", help: "Shows a fence agent's parameters.", options: "full", run: describeFencing},
		{path: "stonith list", syntax: "[FILTER] [--nodesc]", help: "Lists fence agents.", options: "nodesc", run: listFenceAgents},
	}
}

func (s *session) printAll(names []string) error {
	if len(s.args) > 0 {
		return errUsage
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		s.printf("%s\n", name)
	}
	return nil
}

// listStandards names the standards of resources; that of fence devices is none of them.
func listStandards(s *session) error {
	return s.printAll(slices.DeleteFunc(s.catalog().Standards(), func(name string) bool { return name == "stonith" }))
}

func listTypes(s *session) error {
	if len(s.args) > 1 {
		return errUsage
	}
	wanted := strings.Join(s.args, "")
	var names []string
	for _, n := range s.catalog().All() {
		class := n.Class
		if n.Provider != "" {
			class += ":" + n.Provider
		}
		if n.Class != "stonith" && (wanted == "" || wanted == n.Class || wanted == class) {
			names = append(names, n.Type)
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("no agents of '%s' are installed", wanted)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	s.args = nil
	for _, name := range slices.Compact(names) {
		s.printf("%s\n", name)
	}
	return nil
}

func listAgents(s *session) error      { return s.listDescribed(false) }
func listFenceAgents(s *session) error { return s.listDescribed(true) }

// listDescribed prints the agents whose name holds the filter, each with its short description.
func (s *session) listDescribed(fencing bool) error {
	if len(s.args) > 1 {
		return errUsage
	}
	filter := strings.ToLower(strings.Join(s.args, ""))
	var names []metadata.Name
	for _, n := range s.catalog().All() {
		if (n.Class == "stonith") == fencing && strings.Contains(strings.ToLower(titleOf(n)), filter) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("no agent's name holds '%s'", filter)
	}
	described := make([]*metadata.Agent, len(names))
	if !s.opts.has("nodesc") {
		described = s.catalog().DescribeAll(contextOf(), names)
	}
	for i, n := range names {
		if described[i] != nil && described[i].ShortDesc != "" {
			s.printf("%s\n", hanging(titleOf(n)+" - ", described[i].ShortDesc))
			continue
		}
		s.printf("%s\n", titleOf(n))
	}
	return nil
}

// listWidth is how wide lists of agents are.
const listWidth = 80

// hanging sets text beside its title, in lines of listWidth that begin below one another.
func hanging(title, text string) string {
	lines, indent := []string{title}, strings.Repeat(" ", len(title))
	for i, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case i == 0:
			*last += word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= listWidth:
			*last += " " + word
		default:
			lines = append(lines, indent+word)
		}
	}
	return strings.Join(lines, "\n")
}

// titleOf is an agent's name as lists show it: fence agents by their type alone.
func titleOf(n metadata.Name) string {
	if n.Class == "stonith" {
		return n.Type
	}
	return agentName{n.Class, n.Provider, n.Type}.String()
}

func describeResource(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	name, err := s.agent(s.args[0])
	if err != nil {
		return err
	}
	agent, err := s.describe(name)
	if err != nil {
		return err
	}
	s.describeAgent(agent, name.String(), "Resource options")
	return nil
}

func describeFencing(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	name := agentName{class: "stonith", kind: strings.TrimPrefix(s.args[0], "stonith:")}
	agent, err := s.describe(name)
	if err != nil {
		return err
	}
	s.describeAgent(agent, name.kind, "Stonith options")
	return nil
}

// oneLine is text as a describe command shows it.
func oneLine(text string) string { return strings.TrimSpace(strings.ReplaceAll(text, "\n", " ")) }

// commandLineOnly are what fence agents take for whoever calls them by hand; they are of no use to a device.
var commandLineOnly = []string{"help", "version"}

func (s *session) describeAgent(agent *metadata.Agent, title, heading string) {
	if agent.ShortDesc != "" {
		title += " - " + oneLine(agent.ShortDesc)
	}
	s.printf("%s\n\n%s\n\n%s:\n", title, oneLine(agent.LongDesc), heading)
	for _, p := range agent.Params {
		if agent.Class == "stonith" {
			if slices.Contains(commandLineOnly, p.Name) {
				continue
			}
			p = asDeviceTakes(agent, p)
		}
		if p.Deprecated && !s.opts.has("full") {
			continue
		}
		s.printf("  %s%s: %s\n", p.Name, parameterMarks(agent, p), parameterText(p))
	}
	switch {
	case agent.Class == "ocf" && s.opts.has("full"):
		for _, t := range traceParameters {
			s.printf("  %s: %s\n", t.Name, t.ShortDesc)
		}
	case agent.Class == "stonith":
		for _, o := range property.Of("fenced") {
			if s.opts.has("full") || slices.ContainsFunc(property.FenceDevice[1:], func(p property.Option) bool { return p.Name == o.Name }) {
				s.printf("  %s: %s\n", o.Name, o.Short)
			}
		}
	}
	s.printf("\nDefault operations:\n")
	for _, op := range defaultOperations(agent, nil, agent.Class == "stonith") {
		s.printf("  %s:\n", op.name)
		for _, p := range op.attrs.sorted() {
			s.printf("    %s=%s\n", p.name, p.value)
		}
	}
}

func parameterMarks(agent *metadata.Agent, p metadata.Parameter) string {
	marks := ""
	switch {
	case p.Deprecated && len(p.ReplacedBy) > 0:
		marks += fmt.Sprintf(" (deprecated by %s)", strings.Join(p.ReplacedBy, ", "))
	case p.Deprecated:
		marks += " (deprecated)"
	}
	if p.Required {
		marks += " (required)"
	}
	switch {
	case p.UniqueGroup != "" && agent.OCF != "1.0":
		marks += " (unique group: " + p.UniqueGroup + ")"
	case p.Unique && agent.OCF == "1.1":
		marks += " (unique group: " + p.Name + ")"
	case p.Unique:
		marks += " (unique)"
	}
	return marks
}

func parameterText(p metadata.Parameter) string {
	text := oneLine(p.LongDesc)
	if text == "" {
		text = oneLine(p.ShortDesc)
	}
	if text == "" {
		text = "the agent does not say"
	}
	return text
}
