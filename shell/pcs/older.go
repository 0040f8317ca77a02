package pcs

import (
	"slices"
	"strings"
)

// olderCommands are pcs 0.9's commands that have another name today. They do what they did and say what they are called
// now, so that older scripts and playbooks go on.
func olderCommands() []command {
	remote := func(now string, run func(*session) error) func(*session) error {
		return formerly("cluster node "+now, run)
	}
	return []command{
		{path: "resource show", document: true, options: "f full groups hide-inactive", run: showOlder("resource", showResources, showResourceConfig)},
		{path: "stonith show", document: true, options: "f full hide-inactive", run: showOlder("stonith", showFencing, showFencingConfig)},
		{path: "resource master", document: true, options: "f wait force", run: formerly("resource promotable", masterOlder)},
		{path: "resource unmove", document: true, options: "f promoted master wait force", run: formerly("resource clear", clearMoves)},
		{path: "cluster standby", document: true, options: "f all wait force", run: formerly("node standby", func(s *session) error { return flagNodes(s, "standby", "on") })},
		{path: "cluster unstandby", document: true, options: "f all wait force", run: formerly("node unstandby", func(s *session) error { return flagNodes(s, "standby", "") })},
		{path: "cluster remote-node add", document: true, options: "f force wait", run: remote("add-guest", addGuest)},
		{path: "cluster remote-node remove", document: true, options: "f force wait", run: remote("remove-guest", removeGuest)},
	}
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

// masterOlder reads [CLONE] ID [OPTION=VALUE…]: the clone's id came first.
func masterOlder(s *session) error {
	words := slices.Clone(s.args)
	if len(words) > 1 && !strings.Contains(words[1], "=") && words[1] != "meta" {
		words[0], words[1] = words[1], words[0]
	}
	s.args = words
	return cloneResource(s, pairs{{"promotable", "true"}})
}
