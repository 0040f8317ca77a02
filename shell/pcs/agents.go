package pcs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/executor/metadata"
)

// agentName is the three parts of an agent's name; provider only with class ocf.
type agentName struct{ class, provider, kind string }

func (a agentName) String() string {
	if a.provider != "" {
		return a.class + ":" + a.provider + ":" + a.kind
	}
	return a.class + ":" + a.kind
}

// standards are the classes a resource can name.
var standards = []string{"lsb", "nagios", "ocf", "service", "stonith", "systemd", "upstart"}

func (s *session) catalog() *metadata.Store {
	if s.agents == nil {
		s.agents = metadata.NewStore("/")
	}
	return s.agents
}

// agent finds the agent that the user named, whole or by its type alone.
func (s *session) agent(name string) (agentName, error) {
	parts := strings.Split(name, ":")
	if len(parts) == 1 {
		return s.deduceAgent(name)
	}
	a := agentName{class: parts[0], kind: strings.Join(parts[1:], ":")}
	if a.class == "ocf" {
		if len(parts) != 3 {
			return a, fmt.Errorf("agent '%s': ocf:PROVIDER:TYPE was expected", name)
		}
		a.provider, a.kind = parts[1], parts[2]
	}
	if !slices.Contains(standards, a.class) || a.kind == "" || a.class == "ocf" && a.provider == "" || a.class != "systemd" && strings.Contains(a.kind, ":") {
		return a, fmt.Errorf("agent '%s': STANDARD:TYPE, or ocf:PROVIDER:TYPE, was expected; standards are %s", name, quoted(standards))
	}
	return a, nil
}

func (s *session) deduceAgent(kind string) (agentName, error) {
	var found []agentName
	for _, provider := range s.catalog().Providers("") {
		for _, have := range s.catalog().Types("ocf", provider) {
			if strings.EqualFold(have, kind) {
				found = append(found, agentName{"ocf", provider, have})
			}
		}
	}
	for _, class := range []string{"lsb", "service", "systemd"} {
		for _, have := range s.catalog().Types(class, "") {
			if strings.EqualFold(have, kind) {
				found = append(found, agentName{class: class, kind: have})
			}
		}
	}
	switch len(found) {
	case 0:
		return agentName{}, fmt.Errorf("no installed agent is called '%s'; give its whole name, such as ocf:heartbeat:%s", kind, kind)
	case 1:
		s.note("Assumed agent name '%s' (deduced from '%s')", found[0], kind)
		return found[0], nil
	}
	var names []string
	for _, a := range found {
		names = append(names, a.String())
	}
	return agentName{}, fmt.Errorf("several agents are called '%s'; give one whole name: %s", kind, quoted(names))
}

// describe returns what the agent says about itself. A missing agent is an error that
// --force overrides, then the answer is nil.
func (s *session) describe(a agentName) (*metadata.Agent, error) {
	described, err := s.catalog().Describe(context.Background(), a.class, a.provider, a.kind)
	if err != nil {
		return nil, s.forceable("agent '%s' cannot be used: %v", a, err)
	}
	return described, nil
}

// succeeded are agents that distributions replaced by one that takes the same parameters.
var succeeded = map[agentName]agentName{
	{"ocf", "heartbeat", "IPaddr"}: {"ocf", "heartbeat", "IPaddr2"},
}

// installed returns the agent, or its successor when only that is installed.
func (s *session) installed(a agentName) agentName {
	next, ok := succeeded[a]
	if !ok {
		return a
	}
	if _, err := s.catalog().Path(a.class, a.provider, a.kind); err == nil {
		return a
	}
	if _, err := s.catalog().Path(next.class, next.provider, next.kind); err != nil {
		return a
	}
	s.warn("agent '%s' is not installed, its successor '%s' is used", a, next)
	return next
}

// tracing are parameters that every OCF agent takes from its shell library.
var tracing = []string{"trace_ra", "trace_file"}

// fencingParameters are what the cluster itself reads of a fence device.
var fencingParameters = []string{
	"pcmk_host_argument", "pcmk_host_map", "pcmk_host_list", "pcmk_host_check", "pcmk_delay_max", "pcmk_delay_base",
	"pcmk_action_limit", "provides",
	"pcmk_reboot_action", "pcmk_reboot_timeout", "pcmk_reboot_retries", "pcmk_off_action", "pcmk_off_timeout", "pcmk_off_retries",
	"pcmk_on_action", "pcmk_on_timeout", "pcmk_on_retries", "pcmk_list_action", "pcmk_list_timeout", "pcmk_list_retries",
	"pcmk_monitor_action", "pcmk_monitor_timeout", "pcmk_monitor_retries", "pcmk_status_action", "pcmk_status_timeout", "pcmk_status_retries",
}

// neverRequired are what fence agents ask for and the cluster itself gives: the host that is to be fenced.
var neverRequired = []string{"port", "plug", "nodename"}

// parameters lists the names that an agent takes and those that it needs.
func parameters(a *metadata.Agent) (allowed, required []string) {
	for _, p := range a.Params {
		if a.Class == "stonith" && p.Name == "action" {
			allowed = append(allowed, p.Name)
			continue
		}
		allowed = append(allowed, p.Name)
		if p.Required && !p.Deprecated && !(a.Class == "stonith" && slices.Contains(neverRequired, p.Name)) {
			required = append(required, p.Name)
		}
	}
	switch a.Class {
	case "ocf":
		allowed = append(allowed, tracing...)
	case "stonith":
		allowed = append(allowed, fencingParameters...)
	}
	return allowed, required
}
