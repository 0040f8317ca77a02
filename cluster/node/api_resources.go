package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/executor"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/node/client"
	"holdfast/cluster/remote"
)

// postOperation runs an agent here or on another host, outside the plan.
func (n *Node) postOperation(_ http.ResponseWriter, r *http.Request) (any, error) {
	var op client.Operation
	if err := decodeBody(r, &op); err != nil {
		return nil, err
	}
	host := n.settings.Self
	if op.Host != "" {
		id, ok := n.hostNamed(op.Host)
		if !ok {
			return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("run %s of %s: no host is called %q", op.Action, op.Resource, op.Host)}
		}
		host = id
	}
	payload, err := json.Marshal(op)
	if err != nil {
		return nil, fmt.Errorf("encode operation: %w", err)
	}
	text, err := n.messenger.Call(r.Context(), host, "operate", payload)
	if err != nil {
		return nil, fmt.Errorf("run %s of %s on %s: %w", op.Action, op.Resource, n.name(host), err)
	}
	return json.RawMessage(text), nil
}

// serveOperate runs an agent on this host.
func (n *Node) serveOperate(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var ask client.Operation
	if err := json.Unmarshal(payload, &ask); err != nil {
		return nil, fmt.Errorf("decode operation: %w", err)
	}
	op, err := n.operation(ask)
	if err != nil {
		return nil, err
	}
	result := n.runner.Run(ctx, op)
	return client.OperationResult{Code: result.Code, Status: int(result.Status), Reason: result.Reason, Output: result.Output, Ran: result.Ran}, nil
}

// operation completes what was asked from the configuration.
func (n *Node) operation(ask client.Operation) (executor.Operation, error) {
	op := executor.Operation{Resource: ask.Resource, Action: ask.Action, Timeout: ask.Timeout, Params: map[string]string{}, Meta: map[string]string{}}
	if ask.Agent != "" {
		op.Agent = parseAgent(ask.Agent)
	} else {
		resource, _, _ := strings.Cut(ask.Resource, ":")
		e := n.replica.Document().ByID(resource)
		if e == nil || e.Name != "primitive" {
			return op, fmt.Errorf("run %s: no primitive %q is configured", ask.Action, ask.Resource)
		}
		op.Agent = executor.Agent{Class: e.Get("class"), Provider: e.Get("provider"), Type: e.Get("type")}
		for set := range e.All("instance_attributes") {
			for pair := range set.All("nvpair") {
				op.Params[pair.Get("name")] = pair.Get("value")
			}
		}
	}
	for _, p := range ask.Params {
		op.Params[p.Name] = p.Value
	}
	return op, nil
}

// parseAgent reads class[:provider]:type.
func parseAgent(name string) executor.Agent {
	words := strings.SplitN(name, ":", 3)
	switch len(words) {
	case 3:
		return executor.Agent{Class: words[0], Provider: words[1], Type: words[2]}
	case 2:
		return executor.Agent{Class: words[0], Type: words[1]}
	}
	return executor.Agent{Class: "ocf", Provider: "heartbeat", Type: name}
}

func (n *Node) hostNamed(name string) (core.HostID, bool) {
	for _, h := range n.configured() {
		if n.name(h.ID) == name || id32(h.ID) == name {
			return h.ID, true
		}
	}
	return 0, false
}

// postForget forgets history: the scheduler then wants to look again.
func (n *Node) postForget(_ http.ResponseWriter, r *http.Request) (any, error) {
	var ask client.Forget
	if err := decodeBody(r, &ask); err != nil {
		return nil, err
	}
	doc := n.replica.Document()
	wanted := members(doc, ask)
	if ask.Resource != "" && len(wanted) == 0 {
		return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("forget the history of %q: no such resource is configured", ask.Resource)}
	}
	done := client.Forgotten{Resources: []client.ResourceOnHost{}}
	var edits []controller.Edit
	for state := range doc.Section("status").All("node_state") {
		if ask.Host != "" && state.Get("uname") != ask.Host && state.ID() != ask.Host {
			continue
		}
		for _, resource := range known(state, wanted) {
			if ask.FailedOnly && !failedOn(state, resource, ask) {
				continue
			}
			edits = append(edits, controller.FailureEdits(state.ID(), resource, ask.Operation, ask.Interval)...)
			edits = append(edits, controller.Edit{Delete: "/cib/status/node_state[@id='" + state.ID() + "']/lrm/lrm_resources/lrm_resource[@id='" + resource + "']"})
			done.Resources = append(done.Resources, client.ResourceOnHost{Resource: resource, Host: state.Get("uname")})
		}
	}
	if len(edits) == 0 {
		return done, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), changeLimit)
	defer cancel()
	return done, n.put(ctx, &controller.Entry{Kind: controller.ForgetEntry, Edits: edits, Cause: "refresh or cleanup of " + ask.Resource})
}

// members returns the ids of the primitives meant: those in the resource's whole
// collection unless Force; nil with an empty Resource means every one.
func members(doc *cib.Document, ask client.Forget) map[string]bool {
	if ask.Resource == "" {
		return nil
	}
	name, _, _ := strings.Cut(ask.Resource, ":")
	e := doc.ByID(name)
	wanted := map[string]bool{}
	if e == nil {
		return wanted
	}
	for !ask.Force && e.Parent != nil && (e.Parent.Name == "group" || e.Parent.Name == "clone" || e.Parent.Name == "master" || e.Parent.Name == "bundle") {
		e = e.Parent
	}
	for d := range e.Descendants() {
		if d.Name == "primitive" {
			wanted[d.ID()] = true
		}
	}
	return wanted
}

// known returns the resources with history on a host that are wanted, instances included.
func known(state *cib.Element, wanted map[string]bool) []string {
	var ids []string
	for e := range state.Descendants() {
		if e.Name != "lrm_resource" {
			continue
		}
		name, _, _ := strings.Cut(e.ID(), ":")
		if wanted == nil || wanted[name] {
			ids = append(ids, e.ID())
		}
	}
	return ids
}

// failedOn tells whether a resource has a failure on a host that the request selects.
func failedOn(state *cib.Element, resource string, ask client.Forget) bool {
	prefixes := []string{"fail-count-" + resource + "#", "last-failure-" + resource + "#"}
	if ask.Operation != "" {
		suffix := ask.Operation + "_" + strconv.FormatInt(ask.Interval.Milliseconds(), 10)
		prefixes = []string{prefixes[0] + suffix, prefixes[1] + suffix}
	}
	for e := range state.Descendants() {
		if e.Name == "nvpair" && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(e.Get("name"), p) }) {
			return true
		}
		if e.Name == "lrm_rsc_op" && ask.Operation == "" && e.ID() == resource+"_last_failure_0" {
			return true
		}
	}
	return false
}

// postFail makes the cluster believe that a resource failed.
func (n *Node) postFail(_ http.ResponseWriter, r *http.Request) (any, error) {
	var ask client.ResourceOnHost
	if err := decodeBody(r, &ask); err != nil {
		return nil, err
	}
	id, ok := n.hostNamed(ask.Host)
	if !ok {
		return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("fail %s: no host is called %q", ask.Resource, ask.Host)}
	}
	edits, err := controller.FakeFailure(n.replica.Document(), id32(id), n.name(id), ask.Resource, time.Now())
	if err != nil {
		return nil, &client.Error{Code: client.NotFound, Message: err.Error()}
	}
	ctx, cancel := context.WithTimeout(r.Context(), changeLimit)
	defer cancel()
	return struct{}{}, n.put(ctx, &controller.Entry{Kind: controller.ForgetEntry, Edits: edits, Cause: "asked to regard " + ask.Resource + " as failed"})
}

func (n *Node) postAttributes(_ http.ResponseWriter, r *http.Request) (any, error) {
	var u client.AttributeUpdate
	if err := decodeBody(r, &u); err != nil {
		return nil, err
	}
	switch {
	case u.Flush:
		return struct{}{}, n.keeper.Flush()
	case u.Retime:
		return struct{}{}, n.keeper.Delay(u.Name, u.Delay)
	}
	if u.Host == "" {
		u.Host = r.Header.Get(remote.NodeHeader) // an agent behind a connection means its own node
	}
	to := n.bearerOf(n.settings.Self)
	if u.Host != "" {
		var ok bool
		if to, ok = n.bearerNamed(u.Host); !ok {
			return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("set attribute %s: no host is called %q", u.Name, u.Host)}
		}
	}
	present := n.presentAttribute(to, u.Name)
	value, err := counted(present, u.Value)
	if err != nil {
		return nil, &client.Error{Code: client.Invalid, Message: fmt.Sprintf("set attribute %s: %v", u.Name, err)}
	}
	u.Value = value
	return struct{}{}, n.setAttribute(to, u)
}

// counted computes "++", "--", "+=N" and "-=N" from the present value; another value is itself.
func counted(present, value string) (string, error) {
	step, rest := 0, ""
	switch {
	case value == "++" || strings.HasSuffix(value, "++"):
		step = 1
	case value == "--" || strings.HasSuffix(value, "--"):
		step = -1
	case strings.HasPrefix(value, "+="):
		step, rest = 1, value[2:]
	case strings.HasPrefix(value, "-="):
		step, rest = -1, value[2:]
	default:
		return value, nil
	}
	if rest != "" {
		n, err := strconv.Atoi(rest)
		if err != nil {
			return "", fmt.Errorf("%q: a number is expected after %s", value, value[:2])
		}
		step *= n
	}
	if present == "INFINITY" {
		return present, nil
	}
	n, _ := strconv.Atoi(present)
	return strconv.Itoa(n + step), nil
}
