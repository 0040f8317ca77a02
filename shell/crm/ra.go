package crm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/node/client"
)

// raLevel holds the commands about resource agents.
func raLevel() *level {
	return &level{name: "ra", summary: "resource agents: which there are, what they do", commands: []*command{
		{name: "classes", summary: "the classes of agents, with the providers of ocf", run: agentClasses},
		{name: "list", usage: "CLASS [PROVIDER]", summary: "the agents of a class", example: "list ocf heartbeat", run: listAgents,
			words: func(*session, []string) []string { return []string{"lsb", "ocf", "service", "stonith", "systemd"} }},
		{name: "providers", usage: "TYPE", summary: "the providers of an ocf agent", example: "providers Dummy", run: agentProviders},
		{name: "info", aliases: []string{"meta"}, usage: "[CLASS:[PROVIDER:]]TYPE", summary: "what an agent says about itself",
			example: "info IPaddr2", run: agentInformation, words: func(s *session, _ []string) []string { return completeAgent(s) }},
		{name: "validate", usage: "AGENT [NAME=VALUE…]", summary: "let an agent check parameters", example: "validate IPaddr2 ip=10.0.0.1", run: validateAgent},
	}}
}

func agentClasses(s *session, _ []word) error {
	for _, class := range []string{"lsb", "ocf", "service", "stonith", "systemd"} {
		if class == "ocf" {
			s.printf("ocf / %s\n", strings.Join(s.agents.providers(), " "))
			continue
		}
		s.printf("%s\n", class)
	}
	return nil
}

func listAgents(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) == 0 || len(texts) > 2 {
		return usageError("expected a class")
	}
	if !slices.Contains([]string{"lsb", "ocf", "service", "stonith", "systemd"}, texts[0]) {
		return fmt.Errorf("class %s does not exist; expected lsb, ocf, service, stonith or systemd", texts[0])
	}
	provider := ""
	if len(texts) == 2 {
		provider = texts[1]
		if texts[0] != "ocf" || !slices.Contains(s.agents.providers(), provider) {
			return fmt.Errorf("there is no provider %s for class %s", provider, texts[0])
		}
	}
	s.columns(s.agents.list(texts[0], provider))
	return nil
}

// screenWidth is what lists are made for.
const screenWidth = 80

// columns prints words side by side.
func (s *session) columns(words []string) {
	longest := 0
	for _, w := range words {
		longest = max(longest, len(w))
	}
	across := max(1, screenWidth/(longest+4))
	for row := range slices.Chunk(words, across) {
		line := ""
		for _, w := range row {
			line += fmt.Sprintf("%-*s", screenWidth/across, w)
		}
		s.printf("%s\n", strings.TrimRight(line, " "))
	}
}

func agentProviders(s *session, words []word) error {
	if len(words) == 0 || len(words) > 2 {
		return usageError("expected the type of an agent")
	}
	var found []string
	for _, provider := range s.agents.providers() {
		if slices.Contains(s.agents.list("ocf", provider), words[0].text) {
			found = append(found, provider)
		}
	}
	s.printf("%s\n", strings.Join(found, " "))
	return nil
}

// agentElement makes a primitive's element for an agent given as text.
func agentElement(s *session, text string) (*cib.Element, error) {
	m := &model{agents: s.agents}
	r := &reader{command: "agent", words: wordsOf([]string{text}), context: m}
	e := cib.NewElement("primitive")
	r.next()
	return e, r.agent(e, text)
}

func agentInformation(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected an agent")
	}
	texts := textsOf(words)
	text := texts[0]
	if len(texts) > 1 { // the old order: TYPE CLASS [PROVIDER]
		text = strings.Join(append(texts[1:], texts[0]), ":")
	}
	e, err := agentElement(s, text)
	if err != nil {
		return err
	}
	info, err := s.agents.describe(e.Get("class"), e.Get("provider"), e.Get("type"))
	if err != nil {
		return err
	}
	s.printf("%s (%s)\n\n%s\n\nParameters (*: required, []: default):\n\n", info.short, agentTitle(e), info.long)
	names := slices.Clone(info.inOrder)
	slices.SortStableFunc(names, func(a, b string) int { return boolRank(info.params[b]) - boolRank(info.params[a]) })
	for _, name := range names {
		mark := ""
		if info.params[name] {
			mark = "*"
		}
		s.printf("%s%s%s\n", name, mark, info.about[name])
	}
	s.printf("\nOperations' defaults (advisory minimum):\n\n")
	for _, name := range info.plan {
		if name == "meta-data" || name == "validate-all" {
			continue
		}
		line := fmt.Sprintf("    %-13s", name)
		for _, attribute := range []string{"timeout", "interval", "role", "depth"} {
			if value := info.actions[name][attribute]; value != "" {
				line += " " + attribute + "=" + value
			}
		}
		s.printf("%s\n", strings.TrimRight(line, " "))
	}
	return nil
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func agentTitle(e *cib.Element) string {
	if provider := e.Get("provider"); provider != "" {
		return e.Get("class") + ":" + provider + ":" + e.Get("type")
	}
	return e.Get("class") + ":" + e.Get("type")
}

// validateAgent lets the agent on this host check parameters.
func validateAgent(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected an agent")
	}
	e, err := agentElement(s, words[0].text)
	if err != nil {
		return err
	}
	var params []client.Param
	for _, w := range words[1:] {
		name, value, ok := strings.Cut(w.text, "=")
		if !ok {
			return usageError(fmt.Sprintf("expected NAME=VALUE, not %q", w.text))
		}
		params = append(params, client.Param{Name: name, Value: value})
	}
	return s.validate(e, params)
}

func (s *session) validate(e *cib.Element, params []client.Param) error {
	c, err := s.daemon("validate")
	if err != nil {
		return s.validateHere(e, params)
	}
	result, err := c.Operate(context.Background(), client.Operation{Action: "validate-all", Agent: agentTitle(e), Params: params})
	if err != nil {
		return err
	}
	return s.validated(e, result.Code, result.Output, result.Reason)
}

// validateHere asks the agent on this host, without a cluster.
func (s *session) validateHere(e *cib.Element, params []client.Param) error {
	agents := executor.New(executor.Config{Root: client.Root(""), Host: thisNode()})
	defer agents.Close()
	op := executor.Operation{Resource: "test", Agent: executor.Agent{Class: e.Get("class"), Provider: e.Get("provider"), Type: e.Get("type")},
		Action: "validate-all", Timeout: executor.DefaultTimeout, Params: map[string]string{}}
	for _, p := range params {
		op.Params[p.Name] = p.Value
	}
	result := agents.Run(context.Background(), op)
	return s.validated(e, result.Code, result.Output, result.Reason)
}

func (s *session) validated(e *cib.Element, code int, output, reason string) error {
	s.printf("%s", output)
	if code != 0 {
		return fmt.Errorf("%s: validate-all answers %d %s", agentTitle(e), code, reason)
	}
	return nil
}

// runValidate checks a configured primitive.
func runValidate(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usageError("expected the id of a primitive")
	}
	e := m.objects[words[0].text]
	if e == nil || e.Name != "primitive" {
		return fmt.Errorf("validate-all: there is no primitive %s", words[0].text)
	}
	var params []client.Param
	for _, source := range []*cib.Element{m.templateOf(e), e} {
		for set := range source.All("instance_attributes") {
			for pair := range set.All("nvpair") {
				params = append(params, client.Param{Name: m.pairName(pair), Value: pair.Get("value")})
			}
		}
	}
	return s.validate(m.templateOf(e), params)
}

// runResourceTest calls the monitor action of resources, without the cluster's taking part.
func runResourceTest(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected a resource")
	}
	c, err := s.daemon("rsctest")
	if err != nil {
		return err
	}
	doc, err := s.document()
	if err != nil {
		return err
	}
	var resources, nodes []string
	for _, w := range words {
		if isNode(doc, w.text) {
			nodes = append(nodes, w.text)
		} else if _, err := resourceIn(doc, w.text); err != nil {
			return err
		} else {
			resources = append(resources, w.text)
		}
	}
	if len(nodes) == 0 {
		nodes = []string{""}
	}
	for _, resource := range resources {
		for _, node := range nodes {
			result, err := c.Operate(context.Background(), client.Operation{Resource: resource, Host: node, Action: "monitor"})
			if err != nil {
				return err
			}
			s.printf("%s %s monitor: %d %s\n", resource, node, result.Code, result.Reason)
		}
	}
	return nil
}
