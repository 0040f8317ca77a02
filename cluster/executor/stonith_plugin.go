package executor

import (
	"strings"

	"holdfast/cluster/executor/process"
)

// pluginWords are a stonith plugin's words (cluster-glue, "README.external") for a fence agent's
// actions. Plugins tell of their device only, not of single hosts.
var pluginWords = map[string]string{
	"on": "on", "off": "off", "poweroff": "off", "reboot": "reset", "list": "gethosts", "status": "status", "monitor": "status",
	"validate-all": "status", "metadata": "getinfo-xml",
}

// pluginCommand makes the command that asks a plugin for a fence agent's action. Parameters are
// in its environment, so that no secret is seen in a process list.
func (e *Executor) pluginCommand(path string, call FenceCall) (process.Command, bool) {
	word, ok := pluginWords[call.Action]
	if !ok {
		return process.Command{}, false
	}
	command := process.Command{Path: path, Args: []string{word}, Env: append([]string(nil), e.base...)}
	switch word {
	case "on", "off", "reset":
		for _, name := range []string{"port", "plug", "nodename"} {
			if host := call.Params[name]; host != "" {
				command.Args = append(command.Args, host)
				break
			}
		}
	}
	for _, name := range sortedNames(call.Params) {
		if value := call.Params[name]; !ownParameter(name) && !strings.Contains(value, "\x00") {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	return command, true
}

// ownParameter tells whether a parameter of a fence device is for the cluster and not for the
// agent.
func ownParameter(name string) bool {
	return strings.HasPrefix(name, "pcmk_") || name == "action" || name == "crm_feature_set" || strings.HasPrefix(name, "CRM_meta_")
}
