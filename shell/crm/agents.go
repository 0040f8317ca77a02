package crm

// agentInfo is what the checks and the completion need of an agent's meta-data.
type agentInfo struct {
	params  map[string]bool            // the agent's parameters; true: required
	actions map[string]map[string]string // defaults (timeout, interval, role) by action
	short   string
	long    string
	text    string // the meta-data as the agent printed it
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
