package pcs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/executor/process"
)

// validationLimit is how long an agent may take to check parameters.
const validationLimit = 30 * time.Second

// checkAgentInput asks the agent itself whether its parameters make sense, when --agent-validation wants that. Only
// agents that offer validate-all are asked.
// So are not those that refuse what the resource had before (nil: it is new): then nobody can tell what the change does.
func (s *session) checkAgentInput(r *reports, agent *metadata.Agent, before, attrs pairs) {
	if agent == nil || !s.opts.has("agent-validation") || !agent.Supports("validate-all") {
		return
	}
	path, err := s.catalog().Path(agent.Class, agent.Provider, agent.Name)
	if err == nil && before != nil && validateAll(agent, path, before) != nil {
		s.warn("the agent refuses already what the resource has, so the change was not checked")
		return
	}
	if err == nil {
		err = validateAll(agent, path, attrs)
	}
	if err != nil {
		r.check("the agent refuses these parameters: %v", err)
	}
}

func validateAll(agent *metadata.Agent, path string, attrs pairs) error {
	command := process.Command{Path: path, Args: []string{"validate-all"}, Timeout: validationLimit, Limit: 1 << 16}
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	if agent.Class == "stonith" {
		var input strings.Builder
		input.WriteString("action=validate-all\n")
		for _, p := range attrs {
			fmt.Fprintf(&input, "%s=%s\n", p.name, p.value)
		}
		command.Args, command.Stdin = nil, []byte(input.String())
	} else {
		command.Env = append(command.Env, "OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=1", "OCF_CHECK_LEVEL=10",
			"OCF_ROOT="+filepath.Dir(filepath.Dir(filepath.Dir(path))), "OCF_RESOURCE_TYPE="+agent.Name,
			"OCF_RESOURCE_PROVIDER="+agent.Provider, "OCF_RESOURCE_INSTANCE=test")
		for _, p := range attrs {
			command.Env = append(command.Env, "OCF_RESKEY_"+p.name+"="+p.value)
		}
	}
	ending, err := process.Run(context.Background(), command)
	switch {
	case err != nil:
		return fmt.Errorf("run %s: %w", path, err)
	case ending.TimedOut:
		return fmt.Errorf("%s did not answer within %s", path, validationLimit)
	case ending.Code != 0:
		return fmt.Errorf("%s ended with status %d: %s", path, ending.Code, strings.TrimSpace(string(ending.Stderr)))
	}
	return nil
}
