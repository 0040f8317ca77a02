package executor

import (
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// dropped variables are the daemon's own business.
var dropped = []string{"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID", "INVOCATION_ID", "JOURNAL_STREAM", "CIB_file", "CIB_shadow"}

// baseEnvironment makes what every agent gets from the daemon's own environment.
func (e *Executor) baseEnvironment(own []string) []string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	var env []string
	for _, pair := range own {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "PATH":
			path = value
		case slices.Contains(dropped, name), strings.HasPrefix(name, "OCF_"):
		case strings.HasSuffix(strings.ToLower(name), "_proxy"):
			// A shell's proxy would stand between an agent and the service that it checks.
		default:
			env = append(env, pair)
		}
	}
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if !slices.Contains(filepath.SplitList(path), dir) {
			path += ":" + dir
		}
	}
	if e.config.Commands != "" {
		path = e.config.Commands + ":" + path
		env = append(env, "HA_SBIN_DIR="+e.config.Commands)
	}
	if e.config.Root != "/" {
		env = append(env, "HOLDFAST_ROOT="+e.config.Root)
	}
	return append(env, "PATH="+path,
		"HA_RSCTMP="+e.stateDir(), "HA_LOGFACILITY=none", "HA_logfacility=none", "HA_LOGTAG=holdfast",
		"HA_cluster_type=corosync", "PCMK_cluster_type=corosync", "PCMK_logfacility=none")
}

// environment is an OCF agent's: OCF resource agent API 1.1, "Parameters passing", and
// the variables that Pacemaker adds.
func (e *Executor) environment(op Operation) []string {
	env := append(slices.Clip(e.base),
		"OCF_ROOT="+metadata.OCFRoot(e.config.Root),
		"OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=1",
		"OCF_RESOURCE_INSTANCE="+op.Resource,
		"OCF_RESOURCE_TYPE="+op.Agent.Type,
		"OCF_RESOURCE_PROVIDER="+op.Agent.Provider,
		"OCF_EXIT_REASON_PREFIX="+exitReasonPrefix,
		"OCF_RESKEY_crm_feature_set="+cib.FeatureSet) // by which agents tell how the cluster's tools are called
	if e.config.Host != "" {
		env = append(env, "HOLDFAST_HOST="+e.config.Host)
	}
	for _, name := range sortedNames(op.Params) {
		value := strings.ReplaceAll(op.Params[name], "\x00", "")
		if name == "OCF_CHECK_LEVEL" {
			env = append(env, name+"="+value)
			continue
		}
		env = append(env, "OCF_RESKEY_"+name+"="+value)
	}
	for _, name := range sortedNames(op.Meta) {
		env = append(env, "OCF_RESKEY_CRM_meta_"+strings.ReplaceAll(name, "-", "_")+"="+strings.ReplaceAll(op.Meta[name], "\x00", ""))
	}
	return env
}

// sortedNames leaves out names that cannot stand in an environment.
func sortedNames(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		if name != "" && !strings.ContainsAny(name, "=\x00") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
