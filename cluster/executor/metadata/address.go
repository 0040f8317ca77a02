package metadata

// AddressAgents are the types of agents whose resources are floating addresses: those of resource-agents, and Holdfast's own. Metadata does not tell them.
var AddressAgents = []string{"IPaddr2", "IPaddr", "IPv6addr", "address", "ip"}
