package lab

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"strings"
)

// FenceAgentName is the name of the lab's fence agent.
const FenceAgentName = "fence_lab"

// The exit codes of fence agents: ClusterLabs' FenceAgentAPI.
const (
	fenceOK     = 0 // done; for status, the host is on
	fenceFailed = 1
	fenceIsOff  = 2 // status only
)

const fenceMetadata = `<?xml version="1.0" ?>
<resource-agent name="fence_lab" shortdesc="Fence agent for the hosts of a Holdfast lab">
<longdesc>fence_lab switches the virtual hosts of the lab it runs in. It works only inside a host that holdfast lab made.</longdesc>
<vendor-url>https://holdfast.invalid/</vendor-url>
<parameters>
	<parameter name="action" unique="0" required="0">
		<getopt mixed="-o, --action=[action]"/>
		<content type="string" default="reboot"/>
		<shortdesc lang="en">What to do with the host's power</shortdesc>
	</parameter>
	<parameter name="plug" unique="0" required="1" obsoletes="port">
		<getopt mixed="-n, --plug=[name]"/>
		<content type="string"/>
		<shortdesc lang="en">Name of the host in the lab</shortdesc>
	</parameter>
	<parameter name="port" unique="0" required="0" deprecated="1">
		<getopt mixed="-n, --plug=[name]"/>
		<content type="string"/>
		<shortdesc lang="en">Older name of plug</shortdesc>
	</parameter>
</parameters>
<actions>
	<action name="on" automatic="0"/>
	<action name="off"/>
	<action name="reboot"/>
	<action name="status"/>
	<action name="list"/>
	<action name="list-status"/>
	<action name="monitor"/>
	<action name="metadata"/>
	<action name="validate-all"/>
</actions>
</resource-agent>
`

// FenceAgent is the main function of fence_lab. It speaks the fence-agents protocol: options on
// the command line or, without any, name=value lines on standard input.
func FenceAgent(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	r, err := readFenceOptions(args, stdin, stderr)
	if err != nil {
		if err == flag.ErrHelp {
			return fenceOK
		}
		fmt.Fprintln(stderr, "fence_lab:", err)
		return fenceFailed
	}
	code, err := r.run(stdout)
	if err != nil {
		fmt.Fprintln(stderr, "fence_lab:", err)
	}
	return code
}

func (r FenceRequest) run(stdout io.Writer) (int, error) {
	switch r.Action {
	case "metadata", "meta-data":
		io.WriteString(stdout, fenceMetadata)
		return fenceOK, nil
	case "monitor", "list", "list-status":
		list, err := Fence(FenceRequest{Action: "list"})
		if err != nil {
			return fenceFailed, err
		}
		if r.Action != "monitor" {
			io.WriteString(stdout, list)
		}
		return fenceOK, nil
	case "on", "off", "reboot", "status", "validate-all":
		if r.Host == "" {
			return fenceFailed, fmt.Errorf("action %s needs to know which host: give plug=NAME or --plug NAME", r.Action)
		}
	default:
		return fenceFailed, fmt.Errorf("no action %q: want on, off, reboot, status, list, list-status, monitor, metadata or validate-all", r.Action)
	}
	if r.Action == "validate-all" {
		r.Action = "status"
		_, err := Fence(r)
		return exitFor(err), err
	}
	state, err := Fence(r)
	if err != nil {
		return fenceFailed, err
	}
	if r.Action == "status" {
		if state == Off {
			fmt.Fprintln(stdout, "Status: OFF")
			return fenceIsOff, nil
		}
		fmt.Fprintln(stdout, "Status: ON")
	}
	return fenceOK, nil
}

func exitFor(err error) int {
	if err != nil {
		return fenceFailed
	}
	return fenceOK
}

// readFenceOptions reads either form. Unknown names on standard input are let pass, because
// clusters send agents more than they know (nodename, for one).
func readFenceOptions(args []string, stdin io.Reader, stderr io.Writer) (FenceRequest, error) {
	r := FenceRequest{Action: "reboot"}
	if len(args) > 0 {
		flags := flag.NewFlagSet(FenceAgentName, flag.ContinueOnError)
		flags.SetOutput(stderr)
		for _, name := range []string{"o", "action"} {
			flags.StringVar(&r.Action, name, r.Action, "on, off, reboot, status, list, list-status, monitor, metadata or validate-all")
		}
		for _, name := range []string{"n", "plug"} {
			flags.StringVar(&r.Host, name, "", "name of the host in the lab")
		}
		if err := flags.Parse(args); err != nil {
			return r, err
		}
		if flags.NArg() > 0 {
			return r, fmt.Errorf("unexpected word %q: options are --action and --plug", flags.Arg(0))
		}
		return r, nil
	}
	lines := bufio.NewScanner(stdin)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return r, fmt.Errorf("standard input, line %d: %q is not of the form name=value", number, line)
		}
		switch strings.TrimSpace(name) {
		case "action", "option":
			r.Action = strings.TrimSpace(value)
		case "plug":
			r.Host = strings.TrimSpace(value)
		case "port":
			if r.Host == "" {
				r.Host = strings.TrimSpace(value)
			}
		}
	}
	return r, lines.Err()
}
