package pcs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// remoteAgent is the connection to a host that runs resources without being a member.
var remoteAgent = agentName{"ocf", "pacemaker", "remote"}

// guestOptions are the meta attributes that make a resource's inside a node.
var guestOptions = []string{"remote-addr", "remote-connect-timeout", "remote-node", "remote-port"}

func remoteCommands() []command {
	commands := []command{
		{path: "cluster node add-guest", syntax: "NODE RESOURCE [remote-addr=ADDRESS] [remote-port=PORT] [remote-connect-timeout=TIME]",
			help:     "Makes the virtual machine or container that a resource runs a node of the cluster.\nExample: pcs cluster node add-guest web-vm vm-web remote-addr=192.0.2.7",
			document: true, options: "f corosync_conf force skip-offline wait request-timeout", run: addGuest},
		{path: "cluster node add-remote", syntax: "NODE [ADDRESS] [OPTION=VALUE]... [op ACTION OPTION=VALUE...]... [meta OPTION=VALUE...]",
			help:     "Makes a host that is no member a node that runs resources.",
			document: true, options: "f corosync_conf force skip-offline wait no-default-ops request-timeout", older: addRemoteOlder, run: addRemote},
		{path: "cluster node clear", syntax: "NODE", help: "Forgets a remote or guest node that is gone.", document: true, options: "force", run: clearNode},
	}
	for _, verb := range []string{"delete", "remove"} {
		commands = append(commands,
			command{path: "cluster node " + verb + "-guest", syntax: "NODE", help: "Ends that a resource's inside is a node.", document: true, options: "f corosync_conf force skip-offline wait request-timeout", run: removeGuest},
			command{path: "cluster node " + verb + "-remote", syntax: "NODE", help: "Deletes a remote node.", document: true, options: "f corosync_conf force skip-offline request-timeout", run: removeRemote})
	}
	return commands
}

// knownNodes are the names and the addresses of the nodes that the document has.
func (s *session) knownNodes() (names, addresses []string) {
	names = s.memberNames()
	for _, p := range primitives(s.doc.Section("resources")) {
		name, address := "", ""
		if agentOf(p) == remoteAgent {
			name, address = p.ID(), values(p.Child("instance_attributes")).value("server")
		} else if name = meta(p, "remote-node"); name != "" {
			address = meta(p, "remote-addr")
		}
		if name == "" {
			continue
		}
		if address == "" {
			address = name
		}
		names, addresses = append(names, name), append(addresses, address)
	}
	return names, addresses
}

// memberNames are the names in the section of nodes, which remote and guest nodes have, too, once they were seen.
func (s *session) memberNames() []string {
	var names []string
	for n := range s.doc.Section("nodes").All("node") {
		names = append(names, n.Get("uname"))
	}
	return names
}

// checkNewNode refuses a name or an address that a node has already; an empty address is the name.
func (s *session) checkNewNode(r *reports, name, address string) {
	if address == "" {
		address = name
	}
	names, addresses := s.knownNodes()
	if !s.source.Live() { // who is a member is for a running cluster to say: in a file the node may be this one's own
		names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(s.memberNames(), n) })
	}
	if slices.Contains(names, name) || s.find(name) != nil {
		r.fail("'%s' already exists", name)
	}
	if slices.Contains(addresses, address) {
		r.fail("a node with address '%s' already exists", address)
	}
}

func addGuest(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	node, id := s.args[0], s.args[1]
	options, err := parsePairs(s.args[2:])
	if err != nil {
		return err
	}
	r := s.reports()
	for _, p := range options {
		switch {
		case p.name == "remote-node" || !slices.Contains(guestOptions, p.name):
			r.fail("'%s' is not an option here; options are %s", p.name, quoted(slices.DeleteFunc(slices.Clone(guestOptions), func(o string) bool { return o == "remote-node" })))
		case p.name == "remote-port":
			if port, err := strconv.Atoi(p.value); err != nil || port < 1 || port > 65535 {
				r.fail("remote-port='%s': a port from 1 to 65535 was expected", p.value)
			}
		case p.name == "remote-connect-timeout":
			if _, ok := metadata.Duration(p.value); !ok {
				r.fail("'%s' is not a time for %s; write a number with s, m, h or ms", p.value, p.name)
			}
		}
	}
	s.checkNewNode(r, node, options.value("remote-addr"))
	e := s.find(id)
	switch {
	case e == nil || e.Name != "primitive":
		r.fail("resource '%s' does not exist", id)
	case meta(e, "remote-node") != "":
		r.fail("resource '%s' is guest node '%s' already", id, meta(e, "remote-node"))
	}
	if err := r.err(); err != nil {
		return err
	}
	s.updateFirstSet(e, "meta_attributes", append(options, pair{"remote-node", node}).sorted())
	s.note("The cluster's authkey has to be on '%s', and the remote service has to run there", node)
	return nil
}

func addRemote(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	node, words := s.args[0], s.args[1:]
	address := node
	if len(words) > 0 && !strings.Contains(words[0], "=") && words[0] != "op" && words[0] != "meta" {
		address, words = words[0], words[1:]
	}
	c, err := s.parseCreation(append([]string{node, remoteAgent.String()}, words...))
	if err != nil {
		return err
	}
	if c.attrs.has("server") {
		return fmt.Errorf("'server' is not an option here: the address stands after the node's name")
	}
	c.name, c.attrs = remoteAgent, c.attrs.with("server", address)
	agent, err := s.describe(c.name)
	if err != nil {
		return err
	}
	r := s.reports()
	r.add(checkID(node, "node name"))
	s.checkNewNode(r, node, address)
	s.checkOperations(r, c.ops, agent)
	if agent != nil {
		s.checkParameters(r, agent, c.name, c.attrs)
	}
	if err := r.err(); err != nil {
		return err
	}
	s.doc.EnsureSection("resources").Append(s.primitiveElement(c, agent))
	s.note("The cluster's authkey has to be on '%s', and the remote service has to run there", node)
	return nil
}

// nodesCalled finds the resources behind the remote or guest nodes that go by a word: a name, an address, an id.
func (s *session) nodesCalled(word string, guests bool) []*cib.Element {
	var found []*cib.Element
	for _, p := range primitives(s.doc.Section("resources")) {
		names := []string{p.ID()}
		switch {
		case guests && meta(p, "remote-node") != "":
			names = append(names, meta(p, "remote-node"), meta(p, "remote-addr"))
		case !guests && agentOf(p) == remoteAgent:
			names = append(names, values(p.Child("instance_attributes")).value("server"))
		default:
			continue
		}
		if slices.Contains(names, word) {
			found = append(found, p)
		}
	}
	return found
}

// oneNode is nodesCalled for commands that mean one node; --force lets them mean several.
func (s *session) oneNode(guests bool) ([]*cib.Element, error) {
	if len(s.args) != 1 {
		return nil, errUsage
	}
	found := s.nodesCalled(s.args[0], guests)
	kind := map[bool]string{true: "guest", false: "remote"}[guests]
	if len(found) == 0 {
		return nil, fmt.Errorf("%s node '%s' does not exist", kind, s.args[0])
	}
	if len(found) > 1 {
		var ids []string
		for _, p := range found {
			ids = append(ids, p.ID())
		}
		if err := s.forceable("several %s nodes go by '%s': %s", kind, s.args[0], quoted(ids)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func removeGuest(s *session) error {
	found, err := s.oneNode(true)
	if err != nil {
		return err
	}
	for _, p := range found {
		for set := range p.All("meta_attributes") {
			for _, name := range guestOptions {
				if nv := set.Pair(name); nv != nil {
					nv.Remove()
				}
			}
		}
	}
	return nil
}

func removeRemote(s *session) error {
	found, err := s.oneNode(false)
	if err != nil {
		return err
	}
	for _, p := range found {
		if err := s.deleteTree(p); err != nil {
			return err
		}
	}
	return nil
}

// clearNode takes a remote or guest node out of what the document says of nodes. One that is configured stays.
func clearNode(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	name := s.args[0]
	if names, _ := s.knownNodes(); slices.Contains(names, name) {
		if err := s.forceable("node '%s' is still configured", name); err != nil {
			return err
		}
	}
	for _, section := range []struct{ name, element string }{{"nodes", "node"}, {"status", "node_state"}} {
		for e := range slices.Values(slices.Collect(s.doc.Section(section.name).All(section.element))) {
			if e.Get("uname") == name {
				e.Remove()
			}
		}
	}
	return nil
}
