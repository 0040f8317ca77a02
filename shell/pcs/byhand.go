package pcs

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/shell/tools/resource"
)

func byHandCommands() []command {
	var out []command
	for _, c := range []struct{ name, option, help string }{
		{"debug-start", "--force-start", "Starts a resource on this host, past the cluster, and shows what its agent says."},
		{"debug-stop", "--force-stop", "Stops a resource on this host, past the cluster, and shows what its agent says."},
		{"debug-promote", "--force-promote", "Promotes a resource on this host, past the cluster."},
		{"debug-demote", "--force-demote", "Demotes a resource on this host, past the cluster."},
		{"debug-monitor", "--force-check", "Asks a resource's agent on this host how the resource is."},
	} {
		out = append(out, command{path: "resource " + c.name, syntax: "RESOURCE [--full]", help: c.help, document: true, options: "full request-timeout force",
			run: func(s *session) error { return callAgent(s, c.option) }})
	}
	return append(out, command{path: "resource restart", syntax: "RESOURCE [NODE] [--wait=SECONDS]", help: "Stops a resource, waits, and starts it again; an instance of a clone or bundle on one node only.",
		document: true, options: "wait", run: restartResource})
}

// callAgent calls the agent of a primitive; of what a clone or bundle holds, the instance here.
func callAgent(s *session, option string) error {
	if len(s.args) != 1 {
		return errUsage
	}
	e, err := s.resource(s.args[0])
	if err != nil {
		return err
	}
	if e.Name == "group" || isClone(e) && inside(e) != nil && inside(e).Name == "group" {
		var members []string
		for _, p := range primitives(e) {
			members = append(members, p.ID())
		}
		return fmt.Errorf("'%s' is a group; name one of its members: %s", e.ID(), quoted(members))
	}
	if e.Name == "bundle" {
		return fmt.Errorf("'%s' is a bundle; its containers are started by the cluster only", e.ID())
	}
	if isClone(e) {
		e = inside(e)
	}
	args := []string{"--resource", e.ID(), option}
	if s.opts.has("full") {
		args = append(args, "-V")
	}
	return s.crmResource(args)
}

// crmResource runs crm_resource, whose messages are the command's.
func (s *session) crmResource(args []string) error {
	if status := resource.Tool(args, strings.NewReader(""), s.stdout, s.stderr); status != 0 {
		return exitCode(status)
	}
	return nil
}

func restartResource(s *session) error {
	if len(s.args) == 0 || len(s.args) > 2 {
		return errUsage
	}
	e, err := s.resource(s.args[0])
	if err != nil {
		return err
	}
	if e.Name == "primitive" && e.Parent != nil && slices.Contains([]string{"clone", "master", "bundle"}, e.Parent.Name) {
		s.note("Warning: restarting '%s', which holds '%s'", e.Parent.ID(), e.ID())
		e = e.Parent
	}
	args := []string{"--restart", "--resource", e.ID()}
	if len(s.args) == 2 {
		if !isClone(e) && e.Name != "bundle" {
			return fmt.Errorf("'%s' runs once: a node can only be named for a clone or a bundle", e.ID())
		}
		args = append(args, "--node", s.args[1])
	}
	if limit := s.opts["wait"]; limit != "" {
		args = append(args, "--timeout", limit+"s")
	}
	delete(s.opts, "wait") // crm_resource waits itself
	if err := s.crmResource(args); err != nil {
		return err
	}
	s.printf("%s successfully restarted\n", e.ID())
	return nil
}
