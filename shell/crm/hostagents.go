package crm

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// hostAgents finds agents on this host and asks them for their meta-data, once each.
type hostAgents struct {
	root  string // OCF_ROOT, /usr/lib/ocf unless set
	known map[string]*agentInfo
}

func newHostAgents(getenv func(string) string) *hostAgents {
	root := getenv("OCF_ROOT")
	if root == "" {
		root = "/usr/lib/ocf"
	}
	return &hostAgents{root: root, known: map[string]*agentInfo{}}
}

// metadataLimit is how long an agent may take to describe itself.
const metadataLimit = 10 * time.Second

func (h *hostAgents) providers() []string {
	entries, err := os.ReadDir(filepath.Join(h.root, "resource.d"))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// provider implements agents: heartbeat comes first, then pacemaker, then the others by name.
func (h *hostAgents) provider(agent string) string {
	for _, provider := range append([]string{"heartbeat", "pacemaker"}, h.providers()...) {
		if isExecutable(filepath.Join(h.root, "resource.d", provider, agent)) {
			return provider
		}
	}
	return "heartbeat"
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// list implements agents.
func (h *hostAgents) list(class, provider string) []string {
	var names []string
	add := func(pattern, prefix, suffix string) {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if isExecutable(path) || suffix != "" {
				names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), prefix), suffix))
			}
		}
	}
	switch class {
	case "ocf":
		if provider == "" {
			provider = "*"
		}
		add(filepath.Join(h.root, "resource.d", provider, "*"), "", "")
	case "lsb":
		add("/etc/init.d/*", "", "")
	case "stonith":
		add("/usr/sbin/fence_*", "", "")
		add("/usr/lib/stonith/plugins/external/*", "", "")
	case "systemd":
		add("/lib/systemd/system/*.service", "", ".service")
	case "service":
		names = append(h.list("lsb", ""), h.list("systemd", "")...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// describe implements agents.
func (h *hostAgents) describe(class, provider, kind string) (*agentInfo, error) {
	key := class + ":" + provider + ":" + kind
	if info, ok := h.known[key]; ok {
		if info == nil {
			return nil, fmt.Errorf("%s: got no meta-data, does this RA exist?", strings.ReplaceAll(key, "::", ":"))
		}
		return info, nil
	}
	path := h.path(class, provider, kind)
	h.known[key] = nil
	if path == "" {
		return nil, fmt.Errorf("%s: got no meta-data, does this RA exist?", strings.ReplaceAll(key, "::", ":"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), metadataLimit)
	defer cancel()
	arg := "meta-data"
	cmd := exec.CommandContext(ctx, path, arg)
	if class == "stonith" {
		cmd = exec.CommandContext(ctx, path, "-o", "metadata")
	}
	cmd.Env = append(os.Environ(), "OCF_ROOT="+h.root, "OCF_RESOURCE_INSTANCE="+kind, "OCF_RESOURCE_TYPE="+kind, "OCF_RESOURCE_PROVIDER="+provider)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil && out.Len() == 0 {
		return nil, fmt.Errorf("%s: ask for its meta-data: %w", path, err)
	}
	info, err := parseMetadata(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: its meta-data is no XML: %w", path, err)
	}
	h.known[key] = info
	return info, nil
}

// path is the agent's program, "" when there is none.
func (h *hostAgents) path(class, provider, kind string) string {
	if kind != filepath.Base(kind) || provider != "" && provider != filepath.Base(provider) {
		return ""
	}
	path := ""
	switch class {
	case "ocf":
		path = filepath.Join(h.root, "resource.d", provider, kind)
	case "stonith":
		path = filepath.Join("/usr/sbin", kind)
	}
	if path == "" || !isExecutable(path) {
		return ""
	}
	return path
}

// parseMetadata reads what an agent printed.
func parseMetadata(text []byte) (*agentInfo, error) {
	var m struct {
		Long   string `xml:"longdesc"`
		Short  string `xml:"shortdesc"`
		Params []struct {
			Name     string `xml:"name,attr"`
			Required string `xml:"required,attr"`
		} `xml:"parameters>parameter"`
		Actions []struct {
			Attrs []xml.Attr `xml:",any,attr"`
		} `xml:"actions>action"`
	}
	if err := xml.Unmarshal(text, &m); err != nil {
		return nil, err
	}
	info := &agentInfo{params: map[string]bool{}, actions: map[string]map[string]string{}, text: string(text),
		short: strings.TrimSpace(m.Short), long: strings.TrimSpace(m.Long)}
	for _, p := range m.Params {
		info.params[p.Name] = p.Required == "1" || p.Required == "true"
	}
	for _, a := range m.Actions {
		attrs := map[string]string{}
		for _, attr := range a.Attrs {
			attrs[attr.Name.Local] = attr.Value
		}
		if _, seen := info.actions[attrs["name"]]; !seen {
			info.actions[attrs["name"]] = attrs
		}
	}
	return info, nil
}
