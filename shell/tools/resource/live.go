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
	cl, ctx, cancel, err := c.live()
	if err != nil {
		return err
	}
	defer cancel()
	limit, _ := c.limit()
	e := c.resource(c.id())
	old := own(e, "meta_attributes", "target-role")
	set := e.ID() + "-meta_attributes"
	id := set + "-target-role"
	if old != nil {
		old = old.Clone()
		set, id = own(e, "meta_attributes", "target-role").Parent.ID(), old.ID()
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
		label = c.id() + " (" + agentName(c.resource(c.id())) + ")"
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

// digests prints the hashes of a resource's parameters, as results in the status carry them.
func (c *call) digests() error {
	node := c.node()
	if node == "" {
		return fmt.Errorf("%w: --digests needs a host; give one with -N HOST", exit.ErrUsage)
	}
	e := c.resource(c.id())
	params, interval := c.parameters(e)
	last := c.lastOperation(e, node)
	all := cib.NewElement("parameters")
	all.Attrs = params
	private, restart := cib.NewElement("parameters"), cib.NewElement("parameters")
	private.Attrs = slices.DeleteFunc(slices.Clone(params), func(a cib.Attr) bool {
		return strings.HasPrefix(a.Name, "CRM_meta") || listed(last.Get("op-secure-params"), a.Name)
	})
	restart.Attrs = slices.DeleteFunc(slices.Clone(params), func(a cib.Attr) bool { return !listed(last.Get("op-force-restart"), a.Name) })
	out := c.result.Append(cib.NewElement("digests", "resource", c.id(), "node", node, "task", "start", "interval", interval+"ms"))
	for _, d := range []struct {
		kind, title string
		of          *cib.Element
	}{{"all", "all", all}, {"nonprivate", "non-private", private}, {"nonreloadable", "non-reloadable", restart}} {
		if d.of == restart && last.Get("op-force-restart") == "" {
			continue
		}
		digest := out.Append(cib.NewElement("digest", "type", d.kind, "hash", parameterDigest(d.of)))
		digest.Append(d.of)
		c.say("%s (%s parameters)\n", digest.Get("hash"), d.title)
	}
	return nil
}

func listed(words, word string) bool { return slices.Contains(strings.Fields(words), word) }

// parameters returns what the agent is given: the sets, then what the command line overrides.
func (c *call) parameters(e *cib.Element) (params []cib.Attr, interval string) {
	interval = "0"
	set := func(name, value string) {
		for i := range params {
			if params[i].Name == name {
				params[i].Value = value
				return
			}
		}
		params = append(params, cib.Attr{Name: name, Value: value})
	}
	for attributes := range e.All("instance_attributes") {
		for nvpair := range attributes.All("nvpair") {
			set(nvpair.Get("name"), nvpair.Get("value"))
		}
	}
	slices.Reverse(params) // the order in which Pacemaker prints them
	for _, word := range c.line.Words {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "CRM_meta_interval":
			interval = value
		default:
			set(name, value)
		}
	}
	return params, interval
}

func (c *call) lastOperation(e *cib.Element, node string) *cib.Element {
	found := cib.NewElement("lrm_rsc_op")
	for state := range c.doc.Section("status").All("node_state") {
		if state.Get("uname") != node {
			continue
		}
		for rsc := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			for op := range rsc.All("lrm_rsc_op") {
				if instanceOf(rsc.ID()) == e.ID() && op.Get("interval") == "0" {
					found = op
				}
			}
		}
	}
	return found
}

// parameterDigest hashes <parameters/> with its attributes in order of their names.
func parameterDigest(e *cib.Element) string {
	sorted := cib.NewElement(e.Name)
	sorted.Attrs = slices.Clone(e.Attrs)
	slices.SortFunc(sorted.Attrs, func(a, b cib.Attr) int { return strings.Compare(a.Name, b.Name) })
	return sorted.Digest()
}
