package resource

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
)

func store() *metadata.Store { return metadata.NewStore(client.Root("")) }

// listStandards has OCF first, as the standard that Pacemaker prefers.
func (c *call) listStandards() error {
	standards := store().Standards()
	slices.SortStableFunc(standards, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == "ocf":
			return -1
		case b == "ocf":
			return 1
		}
		return strings.Compare(a, b)
	})
	list := c.result.Append(cib.NewElement("list", "name", "standards", "count", strconv.Itoa(len(standards))))
	for _, standard := range standards {
		c.say("%s\n", standard)
		list.Append(element("item")).Append(textNode(standard))
	}
	return nil
}

func (c *call) listProviders() error {
	agent := c.line.Get("list-ocf-alternatives")
	if err := c.lines("providers", "provider", store().Providers(agent)); err != nil {
		return err
	}
	if agent != "" {
		c.result.Child("providers").Set("for", agent)
	} else {
		c.result.Child("providers").Set("standard", "ocf")
	}
	return nil
}

func (c *call) listAgents() error {
	class, provider, _ := strings.Cut(c.line.Get("list-agents"), ":")
	agents := store().Types(class, provider)
	if class == "ocf" && provider == "" { // provider after provider
		agents = nil
		for _, p := range store().Providers("") {
			agents = append(agents, store().Types(class, p)...)
		}
	}
	if len(agents) == 0 {
		return &outcome{exit.Error, fmt.Sprintf("no agents of %s are installed", c.line.Get("list-agents"))}
	}
	if err := c.lines("agents", "agent", agents); err != nil {
		return err
	}
	list := c.result.Child("agents")
	list.Set("standard", class)
	if provider != "" {
		list.Set("provider", provider)
	}
	return nil
}

// lines prints a list, one item a line.
func (c *call) lines(list, item string, items []string) error {
	if len(items) == 0 {
		return &outcome{exit.NoSuch, "no " + list + " found"}
	}
	out := c.result.Append(element(list))
	for _, text := range items {
		c.say("%s\n", text)
		out.Append(element(item)).Append(textNode(text))
	}
	return nil
}

func (c *call) showMetadata() error {
	spec := c.line.Get("show-metadata")
	class, rest, _ := strings.Cut(spec, ":")
	provider, kind, ok := strings.Cut(rest, ":")
	if !ok {
		provider, kind = "", rest
	}
	if class == "" || kind == "" {
		return &outcome{exit.NoSuch, fmt.Sprintf("--show-metadata=%s: expected class:provider:agent or class:agent", spec)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), executor.DefaultTimeout)
	defer cancel()
	text, err := store().Raw(ctx, class, provider, kind)
	if err != nil {
		return &outcome{exit.NoSuch, err.Error()}
	}
	c.say("%s\n", strings.TrimRight(string(text), "\n"))
	c.result.Append(element("metadata")).Append(textNode(string(text)))
	return nil
}

// primitive is the resource that an operation is meant for, of a clone the one in it; nil for groups and bundles, which have several.
func (c *call) primitive() *cib.Element {
	e := c.resource(c.id())
	if e.Name == "clone" || e.Name == "master" {
		e = e.Child("primitive")
	}
	if e == nil || e.Name != "primitive" {
		return nil
	}
	return e
}

// operate runs an operation: through the daemon for a configured resource of the live cluster, else here.
func (c *call) operate(operation client.Operation) (client.OperationResult, error) {
	if c.src != nil && c.src.Live() {
		cl, ctx, cancel, err := c.live()
		if err != nil {
			return client.OperationResult{}, err
		}
		defer cancel()
		return cl.Operate(ctx, operation)
	}
	op := executor.Operation{Resource: "test", Action: operation.Action, Timeout: time.Minute, Params: map[string]string{}}
	agent := strings.Split(operation.Agent, ":")
	if c.id() != "" {
		e := c.primitive()
		if e == nil {
			return client.OperationResult{}, &outcome{exit.Unimplement, fmt.Sprintf("%s has several parts; name one", c.id())}
		}
		op.Resource = e.ID()
		agent = strings.Split(agentName(e), ":")
		params, _ := c.parameters(e)
		for _, p := range params {
			op.Params[p.Name] = p.Value
		}
	}
	for _, variable := range os.Environ() {
		// Scripts give parameters to --validate as an agent would get them.
		if name, value, ok := strings.Cut(strings.TrimPrefix(variable, "OCF_RESKEY_"), "="); ok && strings.HasPrefix(variable, "OCF_RESKEY_") {
			op.Params[name] = value
		}
	}
	for _, p := range operation.Params {
		op.Params[p.Name] = p.Value
	}
	if len(agent) == 2 {
		agent = []string{agent[0], "", agent[1]}
	}
	if len(agent) != 3 {
		return client.OperationResult{}, fmt.Errorf("%w: an agent is named by --class, --provider and --agent", exit.ErrUsage)
	}
	op.Agent = executor.Agent{Class: agent[0], Provider: agent[1], Type: agent[2]}
	host, _ := os.Hostname()
	runner := executor.New(executor.Config{Root: client.Root(""), Host: host})
	defer runner.Close()
	result := runner.Run(context.Background(), op)
	return client.OperationResult{Code: result.Code, Status: int(result.Status), Reason: result.Reason, Output: result.Output, Ran: result.Ran}, nil
}
