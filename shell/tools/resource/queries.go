package resource

import "holdfast/shell/tools/option"

// newQueries lists what a call can do.
func newQueries() []query {
	return []query{
		{option.Spec{Long: "list", Short: 'L', Help: "list the resources with their state"}, (*call).list, false},
		{option.Spec{Long: "list-raw", Short: 'l', Help: "list the ids of primitives"}, (*call).listRaw, false},
		{option.Spec{Long: "list-operations", Short: 'O', Help: "list the operations of active resources"}, (*call).listOperations, false},
		{option.Spec{Long: "list-all-operations", Short: 'o', Help: "list all operations"}, (*call).listOperations, false},
		{option.Spec{Long: "list-cts", Short: 'c', Help: "accepted; it serves Pacemaker's own tests alone"}, (*call).nothing, false},
		{option.Spec{Long: "list-standards", Help: "list the classes of agents"}, (*call).listStandards, false},
		{option.Spec{Long: "list-ocf-providers", Help: "list the providers of OCF agents"}, (*call).listProviders, false},
		{option.Spec{Long: "list-agents", Arg: option.Required, Value: "CLASS[:PROVIDER]", Help: "list the agents of a class"}, (*call).listAgents, false},
		{option.Spec{Long: "list-ocf-alternatives", Arg: option.Required, Value: "AGENT", Help: "list who provides an OCF agent"}, (*call).listProviders, false},
		{option.Spec{Long: "show-metadata", Arg: option.Required, Value: "CLASS:PROVIDER:AGENT", Help: "print an agent's meta-data"}, (*call).showMetadata, false},
		{option.Spec{Long: "query-xml", Short: 'q', Help: "print the resource's XML, its template merged in"}, (*call).queryXML, true},
		{option.Spec{Long: "query-xml-raw", Short: 'w', Help: "print the resource's XML"}, (*call).queryXML, true},
		{option.Spec{Long: "get-parameter", Short: 'g', Arg: option.Required, Value: "NAME", Help: "print a parameter"}, (*call).getParameter, true},
		{option.Spec{Long: "locate", Short: 'W', Help: "print where the resource is active"}, (*call).locate, true},
		{option.Spec{Long: "constraints", Short: 'a', Help: "print the constraints of the resource"}, (*call).constraints, true},
		{option.Spec{Long: "stack", Short: 'A', Help: "the same, and those of what it is colocated with"}, (*call).constraints, true},
		{option.Spec{Long: "why", Short: 'Y', Help: "say why resources run or do not"}, (*call).why, false},
		{option.Spec{Long: "validate", Arg: option.Optional, Value: "LEVEL", Help: "let the agent check parameters"}, (*call).force, false},
		{option.Spec{Long: "cleanup", Short: 'C', Help: "forget failures"}, (*call).forget, false},
		{option.Spec{Long: "refresh", Short: 'R', Help: "forget all history, so that the state is looked at again"}, (*call).forget, false},
		{option.Spec{Long: "get-property", Short: 'G', Arg: option.Required, Value: "NAME", Help: "print an attribute of the resource's element"}, (*call).getProperty, true},
		{option.Spec{Long: "set-property", Short: 'S', Arg: option.Required, Value: "NAME", Help: "set one to -v; needs -t"}, (*call).setProperty, true},
		{option.Spec{Long: "set-parameter", Short: 'p', Arg: option.Required, Value: "NAME", Help: "set a parameter to -v"}, (*call).setParameter, true},
		{option.Spec{Long: "delete-parameter", Short: 'd', Arg: option.Required, Value: "NAME", Help: "delete a parameter"}, (*call).deleteParameter, true},
		{option.Spec{Long: "move", Short: 'M', Help: "move the resource by a constraint"}, (*call).move, true},
		{option.Spec{Long: "ban", Short: 'B', Help: "keep the resource off a host by a constraint"}, (*call).ban, true},
		{option.Spec{Long: "clear", Short: 'U', Help: "remove what --move and --ban left behind"}, (*call).clear, false},
		{option.Spec{Long: "delete", Short: 'D', Help: "delete the resource; needs -t"}, (*call).remove, true},
		{option.Spec{Long: "fail", Short: 'F', Help: "pretend that the resource failed"}, (*call).pretendFailure, true},
		{option.Spec{Long: "restart", Help: "restart the resource and what depends on it"}, (*call).restart, true},
		{option.Spec{Long: "wait", Help: "wait until nothing is left to do"}, (*call).wait, false},
		{option.Spec{Long: "digests", Help: "print the hashes that tell of changed parameters"}, (*call).digests, true},
		{option.Spec{Long: "force-start", Help: "start the resource on this host, past the cluster"}, (*call).force, true},
		{option.Spec{Long: "force-stop", Help: "stop the resource on this host, past the cluster"}, (*call).force, true},
		{option.Spec{Long: "force-promote", Help: "promote the resource on this host, past the cluster"}, (*call).force, true},
		{option.Spec{Long: "force-demote", Help: "demote the resource on this host, past the cluster"}, (*call).force, true},
		{option.Spec{Long: "force-check", Arg: option.Optional, Value: "LEVEL", Help: "check the resource on this host"}, (*call).force, true},
	}
}
