package crm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/executor/metadata"
)

// agentInfo is what the checks, the help and the completion need of an agent's meta-data.
type agentInfo struct {
	params  map[string]bool              // the agent's parameters; true: required
	unique  map[string]bool              // those that no two resources of the agent may share a value of
	about   map[string]string            // what a parameter is, with its default
	actions map[string]map[string]string // advice (timeout, interval, role, depth) by action
	inOrder []string                     // the parameters, then in plan the actions, as the agent lists them
	plan    []string
	short   string
	long    string
}

// agents knows the resource agents of this host.
type agents interface {
	// provider is the provider of an ocf agent that is given by its type alone.
	provider(agent string) string
	// describe returns what an agent says about itself; an error when it cannot be asked.
	describe(class, provider, kind string) (*agentInfo, error)
	// list names the agents of a class and, if not "", of a provider.
	list(class, provider string) []string
	// providers lists the providers of ocf agents.
	providers() []string
}

// hostAgents are the agents that are installed on this host.
type hostAgents struct{ store *metadata.Store }

// metadataLimit is how long an agent may take to describe itself.
const metadataLimit = 20 * time.Second

// provider implements agents: heartbeat comes first, then pacemaker, then the others by name.
func (h hostAgents) provider(agent string) string {
	providers := h.store.Providers(agent)
	for _, provider := range append([]string{"heartbeat", "pacemaker"}, providers...) {
		if slices.Contains(providers, provider) {
			return provider
		}
	}
	return "heartbeat"
}

func (h hostAgents) providers() []string { return h.store.Providers("") }

func (h hostAgents) list(class, provider string) []string { return h.store.Types(class, provider) }

// describe implements agents.
func (h hostAgents) describe(class, provider, kind string) (*agentInfo, error) {
	ctx, cancel := context.WithTimeout(context.Background(), metadataLimit)
	defer cancel()
	agent, err := h.store.Describe(ctx, class, provider, kind)
	if agent != nil && agent.Class == "systemd" && !slices.Contains(h.store.Standards(), "systemd") {
		err = fmt.Errorf("systemd does not run here, so its units are %w", metadata.ErrNotInstalled)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: got no meta-data, does this RA exist? %w", agentName(class, provider, kind), err)
	}
	info := &agentInfo{params: map[string]bool{}, unique: map[string]bool{}, about: map[string]string{}, actions: map[string]map[string]string{},
		short: agent.ShortDesc, long: agent.LongDesc}
	for _, p := range agent.Params {
		info.params[p.Name] = p.Required
		info.unique[p.Name] = p.Unique
		info.inOrder = append(info.inOrder, p.Name)
		text := " (" + p.Type
		if p.HasDefault && p.Default != "" {
			text += ", [" + p.Default + "]"
		}
		text += "): "
		if p.ShortDesc != p.LongDesc {
			text += p.ShortDesc
		}
		info.about[p.Name] = text + "\n    " + strings.ReplaceAll(p.LongDesc, "\n", "\n    ") + "\n"
	}
	for _, a := range agent.Actions {
		if _, seen := info.actions[a.Name]; !seen {
			info.plan = append(info.plan, a.Name)
			info.actions[a.Name] = map[string]string{"timeout": a.Timeout, "interval": a.Interval, "role": a.Role, "depth": a.Depth}
		}
	}
	return info, nil
}

func agentName(class, provider, kind string) string {
	if provider != "" {
		class += ":" + provider
	}
	return class + ":" + kind
}
