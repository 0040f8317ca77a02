// Package agents holds Holdfast's own resource agents of class ocf, provider holdfast.
// They are ordinary OCF 1.1 agents: Pacemaker can run them too. The binary is an agent when it is
// called by a path that ends in resource.d/holdfast/NAME; `holdfast link --agents DIR` makes
// such links.
//
// An agent is called anew for each action. It finds its parameters in OCF_RESKEY_name, writes
// for people on standard error and answers by its exit status. The package starts
// no goroutines.
package agents

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Directory is where OCF looks for this provider's agents.
const Directory = "/usr/lib/ocf/resource.d/holdfast"

// The exit statuses of OCF agents: Resource Agent API 1.1, section "Return codes".
const (
	success       = 0
	genericError  = 1
	badArguments  = 2
	unimplemented = 3
	notInstalled  = 5
	badConfigured = 6
	notRunning    = 7
)

// Call is one call of an agent.
type Call struct {
	Path   string              // by which the agent was called
	Action string              // start, stop, monitor, meta-data, …
	Getenv func(string) string // the OCF environment
	Stdout io.Writer
	Stderr io.Writer
}

// agent answers the actions of one agent by name.
type agent struct {
	metadata metadata
	actions  map[string]func(Call) (status int, err error)
}

var all = map[string]agent{"address": address, "web": web, "ip": ip, "route": route, "director": balancer, "proxy": proxyAgent}

// Names returns the names of all agents, sorted.
func Names() []string { return slices.Sorted(maps.Keys(all)) }

// Called says whether a program called by this path is one of the agents.
func Called(path string) bool {
	dir, name := filepath.Split(path)
	_, ok := all[name]
	return ok && strings.HasSuffix(dir, "/resource.d/holdfast/")
}

// Run is the main function of the agent that was called by path, if Called says so.
func Run(path string, args []string, stdout, stderr io.Writer) int {
	c := Call{Path: path, Getenv: os.Getenv, Stdout: stdout, Stderr: stderr}
	if len(args) > 0 {
		c.Action = args[0]
	}
	return all[filepath.Base(path)].run(c)
}

func (a agent) run(c Call) int {
	if c.Action == "meta-data" {
		io.WriteString(c.Stdout, a.metadata.xml())
		return success
	}
	action := a.actions[c.Action]
	if action == nil {
		fmt.Fprintf(c.Stderr, "agent %s has no action %q: want meta-data or one of %s\n",
			filepath.Base(c.Path), c.Action, strings.Join(slices.Sorted(maps.Keys(a.actions)), ", "))
		return unimplemented
	}
	status, err := badConfigured, a.metadata.refuse(c)
	if err == nil {
		status, err = action(c)
	}
	if err != nil {
		// The prefix marks the line that the cluster shows; OCF 1.1, "Exit reasons".
		fmt.Fprintf(c.Stderr, "ocf-exit-reason:%v\n", err)
	}
	return status
}

// parameter is an instance attribute, or its default.
func (c Call) parameter(name, otherwise string) string {
	if value := c.Getenv("OCF_RESKEY_" + name); value != "" {
		return value
	}
	return otherwise
}

// instance is the resource's id, with its number when it is one of a clone's.
func (c Call) instance() string {
	if id := c.Getenv("OCF_RESOURCE_INSTANCE"); id != "" {
		return id
	}
	return "default"
}

// stateDir is where agents keep what must not survive a boot.
func (c Call) stateDir() string {
	if dir := c.Getenv("HA_RSCTMP"); dir != "" {
		return dir
	}
	return "/run/resource-agents"
}
