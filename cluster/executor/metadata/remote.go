package metadata

// remoteConnection describes ocf:pacemaker:remote, the connection to a remote node. The daemon itself starts it, so a host needs no
// file of that name; one that is there describes itself.
func remoteConnection() *Agent {
	agent := &Agent{
		Class: "ocf", Provider: "pacemaker", Name: "remote", Version: "0.1", OCF: "1.1",
		ShortDesc: "Connection to a remote node",
		LongDesc: "The connection to a host that runs resources without being a member of the cluster. " +
			"The resource's name is the node's. Nothing of this agent runs on a host: the cluster makes the connection itself.",
		Params: []Parameter{
			{Name: "server", Type: "string", ShortDesc: "Address of the remote node", LongDesc: "A name or an IP address; the resource's name when it is missing."},
			{Name: "port", Type: "integer", Default: "3121", HasDefault: true, ShortDesc: "TCP port of the remote node",
				LongDesc: "Where the remote node listens for the cluster."},
			{Name: "reconnect_interval", Type: "time", Default: "0", HasDefault: true, ShortDesc: "How long to wait before a lost connection is tried again",
				LongDesc: "After the remote node was fenced or its connection failed; 0: at once."},
		},
	}
	for _, name := range []string{"start", "stop", "reload", "migrate_to", "migrate_from"} {
		agent.Actions = append(agent.Actions, Action{Name: name, Timeout: "60s"})
	}
	agent.Actions = append(agent.Actions, Action{Name: "monitor", Timeout: "30s", Interval: "60s"}, Action{Name: "meta-data", Timeout: "5s"})
	return agent
}
