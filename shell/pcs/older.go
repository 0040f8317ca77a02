package pcs

import (
	"slices"
	"strings"
)

// olderCommands are commands of pcs 0.9 and 0.10 that have another name today. They do what they did and say what they are called
// now, so that older scripts and playbooks go on.
func olderCommands() []command {
	remote := func(now string, run func(*session) error) func(*session) error {
		return formerly("cluster node "+now, run)
	}
	standby := func(value string) func(*session) error {
		return func(s *session) error { return flagNodes(s, "standby", value) }
	}
	commands := []command{
		{path: "resource show", document: true, options: "f full groups hide-inactive", run: showOlder("resource", showResources, showResourceConfig)},
		{path: "stonith show", document: true, options: "f full hide-inactive", run: showOlder("stonith", showFencing, showFencingConfig)},
		{path: "resource master", document: true, options: "f wait force", run: formerly("resource promotable", masterOlder)},
		{path: "resource unmove", document: true, options: "f promoted master wait force", run: formerly("resource clear", clearMoves)},
		{path: "resource failcount reset", options: "node", older: forgetOlder, run: formerly("resource cleanup", func(s *session) error { return forget(s, true) })},
		{path: "cluster standby", document: true, options: "f all wait force", run: formerly("node standby", standby("on"))},
		{path: "cluster unstandby", document: true, options: "f all wait force", run: formerly("node unstandby", standby(""))},
		{path: "cluster remote-node add", document: true, options: "f force wait", run: remote("add-guest", addGuest)},
		{path: "cluster remote-node remove", document: true, options: "f force wait", run: remote("remove-guest", removeGuest)},
		{path: "cluster quorum unblock", options: "force", run: formerly("quorum unblock", unblock)},
		{path: "cluster uidgid rm", run: formerly("cluster uidgid remove", removeUidgid)},
		{path: "cluster certkey", options: "force", run: formerly("pcsd certkey", useCertificate)},
		{path: "pcsd clear-auth", options: "local remote", run: formerly("host deauth' and 'pcs pcsd deauth", clearAuth)},
		{path: "status groups", document: true, options: "f", run: formerly("resource group list", listGroups)},
	}
	for _, c := range aclCommands() { // 0.9 took "acl target" for "acl user"
		if rest, ok := strings.CutPrefix(c.path, "acl user "); ok {
			commands = append(commands, command{path: "acl target " + rest, document: true, options: c.options, run: formerly(c.path, c.run)})
		}
	}
	return commands
}

// showOlder is 0.9's show: what runs where, or the configuration of those named, or with --full of all.
func showOlder(family string, status, config func(*session) error) func(*session) error {
	return func(s *session) error {
		switch {
		case s.opts.has("groups"):
			return formerly(family+" group list", listGroups)(s)
		case s.opts.has("full") || len(s.args) > 0:
			delete(s.opts, "full")
			return formerly(family+" config", config)(s)
		}
		return formerly(family+" status", status)(s)
	}
}

// resourcesStatusOlder is status resources, which in 0.9 showed the configuration with --full and the groups with --groups.
func resourcesStatusOlder(s *session) error {
	if s.opts.has("full") || s.opts.has("groups") {
		return showOlder("resource", showResources, showResourceConfig)(s)
	}
	return showResources(s)
}

// masterOlder reads [CLONE] ID [OPTION=VALUE…]: the clone's id came first, and was ID-master where none was given.
func masterOlder(s *session) error {
	words := slices.Clone(s.args)
	switch {
	case len(words) > 1 && !strings.Contains(words[1], "=") && words[1] != "meta":
		words[0], words[1] = words[1], words[0]
	case len(words) > 0:
		words = slices.Insert(words, 1, s.freeID(words[0]+"-master"))
	}
	s.args = words
	return cloneResource(s, pairs{{"promotable", "true"}})
}

// clearAuth forgets the hosts that this one has logged in to, and what others got by logging in here: both, or with
// --local or --remote one of the two.
func clearAuth(s *session) error {
	local, remote := s.opts.has("local"), s.opts.has("remote")
	s.args = nil
	if local || !remote {
		if err := deauthHosts(s); err != nil {
			return err
		}
	}
	if remote || !local {
		return deauthCallers(s)
	}
	return nil
}

// orOfNode is a command about the cluster's properties that in 0.9 was one about a node's attributes with --node.
// What the command does with the words says form: "=VALUE" sets them, "" takes them away, "show" shows them.
func orOfNode(form string, run func(*session) error) func(*session) error {
	return func(s *session) error {
		node, ok := s.opts["node"]
		if !ok {
			return run(s)
		}
		s.deprecated("--node: attributes of nodes are set and shown by 'pcs node attribute'")
		words := slices.Clone(s.args)
		if form == "" {
			for i := range words {
				words[i] += "="
			}
		}
		if form != "show" && len(words) == 0 {
			return errUsage
		}
		s.args = append([]string{node}, words...)
		return nodeValues(s, "instance_attributes", "Node Attributes")
	}
}
