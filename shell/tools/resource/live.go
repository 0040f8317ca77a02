package resource

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/option"
)

// metaLine makes lookups look at meta attributes.
var metaLine = option.Line{Options: []option.Given{{Name: "meta"}}}

// limit is how long a live call may take.
func (c *call) limit() (time.Duration, error) {
	text := c.line.Get("timeout")
	if text == "" {
		return time.Hour, nil
	}
	d, ok := metadata.Duration(text)
	if !ok {
		return 0, fmt.Errorf("%w: --timeout=%s: expected a time such as 30s", exit.ErrUsage, text)
	}
	return d, nil
}

func (c *call) live() (*client.Client, context.Context, context.CancelFunc, error) {
	if !c.src.Live() {
		return nil, nil, nil, &outcome{exit.Unavailable, fmt.Sprintf("--%s needs a running cluster; %s is a file", c.what, c.src)}
	}
	limit, err := c.limit()
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	return client.New(""), ctx, cancel, nil
}

// forget is --cleanup and --refresh.
func (c *call) forget() error {
	cl, ctx, cancel, err := c.live()
	if err != nil {
		return err
	}
	defer cancel()
	ask := client.Forget{Resource: c.id(), Host: c.node(), FailedOnly: c.what == "cleanup", Force: c.line.Has("force"), Operation: c.line.Get("operation")}
	if text := c.line.Get("interval"); text != "" {
		d, ok := metadata.Duration(text)
		if !ok {
			return fmt.Errorf("%w: --interval=%s: expected a time such as 10s", exit.ErrUsage, text)
		}
		ask.Interval = d
	}
	done, err := cl.Forget(ctx, ask)
	if err != nil {
		return err
	}
	for _, d := range done.Resources {
		c.say("Cleaned up %s on %s\n", d.Resource, d.Host)
	}
	if len(done.Resources) == 0 {
		c.say("Nothing to clean up\n")
	}
	return nil
}

func (c *call) wait() error {
	cl, ctx, cancel, err := c.live()
	if err != nil {
		return err
	}
	defer cancel()
	limit, _ := c.limit()
	return cl.Wait(ctx, limit)
}

// restart stops the resource by target-role, waits, gives the old target-role back and waits again.
func (c *call) restart() error {
	if len(c.active(c.resource(c.id()).ID())) == 0 {
		return &outcome{exit.NoSuch, fmt.Sprintf("%s runs nowhere, so that there is nothing to restart", c.id())}
	}
	cl, ctx, cancel, err := c.live()
	if err != nil {
		return err
	}
	defer cancel()
	limit, _ := c.limit()
	e := c.resource(c.id())
	old := e.PairIn("meta_attributes", "target-role")
	set := e.ID() + "-meta_attributes"
	id := set + "-target-role"
	if old != nil {
		set, id = old.Parent.ID(), old.ID()
		old = old.Clone()
	}
	role := func(value string) error {
		update := cib.NewElement(e.Name, "id", e.ID())
		update.Append(cib.NewElement("meta_attributes", "id", set)).Append(cib.NewElement("nvpair", "id", id, "name", "target-role", "value", value))
		return c.apply(cib.Request{Op: cib.OpModify, Section: "resources", Input: update})
	}
	if err := role("Stopped"); err != nil {
		return err
	}
	stopErr := cl.Wait(ctx, limit)
	if old != nil {
		err = role(old.Get("value"))
	} else {
		err = c.apply(cib.Request{Op: cib.OpDelete, Section: "resources", Input: cib.NewElement("nvpair", "id", id)})
	}
	switch {
	case stopErr != nil:
		return fmt.Errorf("wait for %s to stop: %w", e.ID(), stopErr)
	case err != nil:
		return fmt.Errorf("give %s its target-role back: %w", e.ID(), err)
	}
	return cl.Wait(ctx, limit)
}

// force runs an agent past the cluster: --force-start and the like, and --validate.
func (c *call) force() error {
	action := map[string]string{"force-start": "start", "force-stop": "stop", "force-promote": "promote", "force-demote": "demote",
		"force-check": "monitor", "validate": "validate-all"}[c.what]
	operation := client.Operation{Resource: c.id(), Host: c.node(), Action: action}
	if c.id() == "" {
		operation.Agent = strings.Join(slices.DeleteFunc([]string{c.line.Get("class"), c.line.Get("provider"), c.line.Get("agent")},
			func(s string) bool { return s == "" }), ":")
		for _, o := range c.line.Options {
			if name, value, ok := strings.Cut(o.Value, "="); o.Name == "option" && ok {
				operation.Params = append(operation.Params, client.Param{Name: name, Value: value})
			}
		}
	}
	result, err := c.operate(operation)
	if err != nil {
		return err
	}
	label := operation.Agent
	if c.id() != "" {
		label = c.id() + " (" + agentName(c.primitive()) + ")"
	}
	if c.what == "validate" && c.id() == "" {
		c.say("Operation validate (%s) returned %d (%s)\n", label, result.Code, answerText(result.Code, result.Output))
	} else {
		c.say("Operation %s for %s returned %d (%s)\n", strings.TrimSuffix(action, "-all"), label, result.Code, answerText(result.Code, result.Output))
	}
	if result.Output != "" && (c.line.Has("verbose") || exitReason(result.Output) != "") {
		c.say("%s\n", strings.TrimRight(result.Output, "\n"))
	}
	if result.Code != 0 {
		return &outcome{result.Code, fmt.Sprintf("%s: %s", action, monitor.ResultText(result.Code))}
	}
	return nil
}

// answerText says what an agent's answer means, and the reason that it gave itself.
func answerText(code int, output string) string {
	text := monitor.ResultText(code)
	if reason := exitReason(output); reason != "" {
		text += ": " + reason
	}
	return text
}

// exitReason is the last of the reasons that an agent printed, "" if it gave none.
func exitReason(output string) string {
	const prefix = "ocf-exit-reason:"
	reason := ""
	for line := range strings.Lines(output) {
		if text, is := strings.CutPrefix(line, prefix); is {
			reason = strings.TrimSpace(text)
		}
	}
	return reason
}
