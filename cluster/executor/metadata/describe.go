package metadata

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// describeScript makes a description from an init script's LSB comment block
// (Linux Standard Base core, "Comment conventions for init scripts").
func describeScript(name, text string) *Agent {
	agent := &Agent{Class: "lsb", Name: name, Version: "1.0", ShortDesc: name}
	inside, long := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "### BEGIN INIT INFO"):
			inside = true
			continue
		case strings.HasPrefix(line, "### END INIT INFO"):
			inside = false
		}
		if !inside || !strings.HasPrefix(line, "#") {
			continue
		}
		body := line[1:]
		key, value, found := strings.Cut(body, ":")
		switch key = strings.TrimSpace(key); {
		case found && key == "Short-Description":
			agent.ShortDesc, long = strings.TrimSpace(value), false
		case found && key == "Description":
			agent.LongDesc, long = strings.TrimSpace(value), true
		case long && (strings.HasPrefix(body, "\t") || strings.HasPrefix(body, "  ")):
			agent.LongDesc = strings.TrimSpace(agent.LongDesc + "\n" + strings.TrimSpace(body))
		default:
			long = false
		}
	}
	if agent.LongDesc == "" {
		agent.LongDesc = agent.ShortDesc
	}
	agent.Actions = plainActions("start", "stop", "status", "restart", "force-reload")
	return agent
}

// describeUnit makes a description from a unit file's text; "" when it is not known.
func describeUnit(name, text string) *Agent {
	agent := &Agent{Class: "systemd", Name: name, Version: "1.0", ShortDesc: "systemd unit file for " + name}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "Description="); ok {
			agent.LongDesc = value
		}
	}
	agent.Actions = plainActions("start", "stop", "status", "reload")
	return agent
}

func plainActions(names ...string) []Action {
	var actions []Action
	for _, name := range names {
		timeout := "15"
		if name == "start" || name == "stop" {
			timeout = "100"
		}
		actions = append(actions, Action{Name: name, Timeout: timeout})
	}
	return append(actions,
		Action{Name: "monitor", Timeout: "15", Interval: "15", StartDelay: "15"},
		Action{Name: "meta-data", Timeout: "5"})
}

// XML writes the description as an agent would.
func (a *Agent) XML() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\"?>\n<resource-agent name=\"%s\" version=\"%s\">\n", escape(a.Name), escape(a.Version))
	if a.OCF != "" {
		fmt.Fprintf(&b, "  <version>%s</version>\n", escape(a.OCF))
	}
	fmt.Fprintf(&b, "  <longdesc lang=\"en\">%s</longdesc>\n  <shortdesc lang=\"en\">%s</shortdesc>\n  <parameters>\n", escape(a.LongDesc), escape(a.ShortDesc))
	for _, p := range a.Params {
		fmt.Fprintf(&b, "    <parameter name=\"%s\" unique=\"%d\" required=\"%d\">\n", escape(p.Name), bit(p.Unique), bit(p.Required))
		fmt.Fprintf(&b, "      <longdesc lang=\"en\">%s</longdesc>\n      <shortdesc lang=\"en\">%s</shortdesc>\n", escape(p.LongDesc), escape(p.ShortDesc))
		fmt.Fprintf(&b, "      <content type=\"%s\"", escape(p.Type))
		if p.HasDefault {
			fmt.Fprintf(&b, " default=\"%s\"", escape(p.Default))
		}
		b.WriteString("/>\n    </parameter>\n")
	}
	b.WriteString("  </parameters>\n  <actions>\n")
	for _, action := range a.Actions {
		fmt.Fprintf(&b, "    <action name=\"%s\"", escape(action.Name))
		for _, pair := range [][2]string{
			{"timeout", action.Timeout}, {"interval", action.Interval}, {"start-delay", action.StartDelay},
			{"role", action.Role}, {"depth", action.Depth},
		} {
			if pair[1] != "" {
				fmt.Fprintf(&b, " %s=\"%s\"", pair[0], escape(pair[1]))
			}
		}
		b.WriteString("/>\n")
	}
	b.WriteString("  </actions>\n</resource-agent>\n")
	return b.Bytes()
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
