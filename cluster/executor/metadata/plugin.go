package metadata

import (
	"context"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/cluster/executor/process"
)

// Stonith plugins of Linux-HA's cluster-glue, configured as stonith:external/NAME, are
// programs of another interface than fence agents (cluster-glue, "README.external"): what is to be
// done is the first word, the host the second, and parameters are variables of their own names.
const (
	pluginPrefix = "external/"
	pluginDir    = "usr/lib/stonith/plugins/external"
)

// Plugin tells whether an agent of that class and name is such a plugin, and its bare name.
func Plugin(class, name string) (plugin string, ok bool) {
	plugin, ok = strings.CutPrefix(name, pluginPrefix)
	return plugin, ok && class == "stonith"
}

// Unanswering tells whether a name can be a plugin of cluster-glue that nobody can ask for its parameters here: one
// that is a library, or an external one that is not installed.
func Unanswering(name string) bool {
	if plugin, ok := Plugin("stonith", name); ok {
		info, err := os.Stat(filepath.Join("/", pluginDir, plugin))
		return err != nil || info.IsDir()
	}
	return slices.Contains(libraryPlugins, name)
}

// libraryPlugins are the stonith plugins of cluster-glue that are libraries.
var libraryPlugins = []string{"apcmaster", "apcmastersnmp", "apcsmart", "baytech", "bladehpi", "cyclades", "drac3", "ibmhmc",
	"ipmilan", "meatware", "null", "nw_rpc100s", "rcd_serial", "rhcs", "ribcl", "rps10", "ssh", "suicide", "vacm", "wti_mpc", "wti_nps"}

// isPlugin tells whether an agent's file is a plugin's.
func isPlugin(path string) bool { return strings.HasSuffix(filepath.Dir(path), "/"+pluginDir) }

func (s *Store) pluginPath(name string) (string, error) {
	title := title("stonith", "", pluginPrefix+name)
	if name == "" || strings.Contains(name, "/") || strings.HasPrefix(name, ".") {
		return "", fmt.Errorf("find agent %s: %q is no agent's name", title, name)
	}
	path := filepath.Join("/", s.root, pluginDir, name)
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return "", fmt.Errorf("agent %s is %w: no file %s (package cluster-glue has the usual ones)", title, ErrNotInstalled, path)
	}
	return path, nil
}

// askPlugin asks a plugin for its parameters and wraps them as a fence agent's meta-data.
func askPlugin(ctx context.Context, path string) ([]byte, error) {
	env := []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	parameters, err := answer(ctx, path, process.Command{Path: path, Args: []string{"getinfo-xml"}, Env: env, Timeout: askTimeout, Limit: 4 << 20})
	if err != nil {
		return nil, err
	}
	name := pluginPrefix + filepath.Base(path)
	short := "Linux-HA stonith plugin"
	if text, err := answer(ctx, path, process.Command{Path: path, Args: []string{"getinfo-devid"}, Env: env, Timeout: askTimeout}); err == nil {
		short = strings.TrimSpace(string(text))
	}
	var out strings.Builder
	fmt.Fprintf(&out, "<?xml version=\"1.0\"?>\n<resource-agent name=\"%s\" shortdesc=\"%s\">\n<version>1.0</version>\n",
		html.EscapeString(name), html.EscapeString(short))
	out.Write(parameters)
	out.WriteString("\n<actions>\n")
	for _, action := range []string{"on", "off", "reboot", "status", "list", "monitor"} {
		fmt.Fprintf(&out, "<action name=\"%s\"/>\n", action)
	}
	out.WriteString("<action name=\"metadata\"/>\n</actions>\n</resource-agent>\n")
	return []byte(out.String()), nil
}
