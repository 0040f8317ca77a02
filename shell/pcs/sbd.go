package pcs

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast/cluster/node/client"
	"holdfast/cluster/setup"
	"holdfast/shell/tools/sbd"
)

func sbdCommands() []command {
	return []command{
		{path: "stonith sbd enable", syntax: "[watchdog=PATH[@NODE]]... [device=PATH[@NODE]]... [SBD_OPTION=VALUE]... [--no-watchdog-validation]",
			help: "Switches sbd on, on every node. The cluster has to be restarted for it.", options: "no-watchdog-validation skip-offline force", run: enableSBD},
		{path: "stonith sbd disable", help: "Switches sbd off, on every node. The cluster has to be restarted for it.", options: "skip-offline", run: disableSBD},
		{path: "stonith sbd status", syntax: "[--full]", help: "Shows on which nodes sbd is on, and what is on this node's disks.", options: "full", run: statusSBD},
		{path: "stonith sbd config", help: "Shows every node's settings.", run: configSBD},
		{path: "stonith sbd device setup", syntax: "device=PATH [device=PATH]... [watchdog-timeout=N] [allocate-timeout=N] [loop-timeout=N] [msgwait-timeout=N]",
			help: "Makes disks for sbd; what is on them is lost.", options: "force", run: setupSBDDevice},
		{path: "stonith sbd device message", syntax: "PATH NODE MESSAGE", help: "Writes a message for a node on a disk.", run: messageSBD},
		{path: "stonith sbd watchdog list", help: "Lists this node's watchdogs.", run: func(s *session) error { return s.sbd("query-watchdog") }},
		{path: "stonith sbd watchdog test", syntax: "[PATH]", help: "Resets this node by its watchdog.", options: "force", run: testWatchdog},
	}
}

// sbd runs the sbd command.
func (s *session) sbd(args ...string) error {
	if status := sbd.SBD(args, strings.NewReader(""), s.stdout, s.stderr); status != 0 {
		return exitCode(1)
	}
	return nil
}

// sbdOptions are those that pcs sets beside the watchdog and the disks.
var sbdOptions = []string{"SBD_WATCHDOG_TIMEOUT", "SBD_DELAY_START", "SBD_STARTMODE", "SBD_TIMEOUT_ACTION"}

// sbdPlan is what 'sbd enable' asks for: paths for all nodes under "", and for single ones.
type sbdPlan struct {
	watchdogs map[string]string
	devices   map[string][]string
	options   []string
}

func parseSBD(words []string) (sbdPlan, error) {
	p := sbdPlan{watchdogs: map[string]string{}, devices: map[string][]string{}}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		path, node, _ := strings.Cut(value, "@")
		switch {
		case !ok:
			return p, usageError{fmt.Sprintf("'%s': NAME=VALUE was expected", word)}
		case name == "watchdog" || name == "device":
			if !strings.HasPrefix(path, "/") {
				return p, fmt.Errorf("%s path '%s' has to begin with /", name, path)
			}
			if name == "device" {
				p.devices[node] = append(p.devices[node], path)
				if len(p.devices[node]) > 3 {
					return p, errors.New("at most 3 devices for a node")
				}
			} else if p.watchdogs[node] != "" {
				return p, errors.New("one watchdog for a node")
			} else {
				p.watchdogs[node] = path
			}
		case slices.Contains(sbdOptions, name):
			p.options = append(p.options, word)
		default:
			return p, fmt.Errorf("option '%s' is not for sbd; expected watchdog, device, %s", name, strings.Join(sbdOptions, ", "))
		}
	}
	return p, nil
}

// sbdOfNewHost is what a host is given that joins: nil where the cluster does without sbd. Watchdog and disks are its own, the rest
// is as on this host.
func (s *session) sbdOfNewHost(name string, plan sbdPlan) (*setup.SBD, error) {
	hosts, err := client.New("").SBD(contextOf())
	if err != nil {
		return nil, err
	}
	var model *client.SBDHost
	for i := range hosts {
		if hosts[i].Enabled && (model == nil || len(hosts[i].Disks) > 0) {
			model = &hosts[i]
		}
	}
	given := len(plan.watchdogs)+len(plan.devices) > 0
	switch {
	case model == nil && given:
		return nil, fmt.Errorf("this cluster does without sbd, so host '%s' can have no watchdog= and device= for it; 'pcs stonith sbd enable' switches it on", name)
	case model == nil:
		return nil, nil
	case len(model.Disks) > 0 && len(plan.devices) == 0:
		return nil, fmt.Errorf("this cluster has sbd with disks (%s), so host '%s' needs device=PATH", strings.Join(model.Disks, ", "), name)
	case len(model.Disks) == 0 && len(plan.devices) > 0:
		return nil, fmt.Errorf("this cluster has sbd without disks, so host '%s' can have no device=", name)
	}
	for _, v := range model.Values {
		if slices.Contains(sbdOptions, v.Name) {
			plan.options = append(plan.options, v.Name+"="+v.Value)
		}
	}
	return &setup.SBD{Settings: plan.settings(name), Trust: s.opts.has("no-watchdog-validation")}, nil
}

// settings are the text of a node's file.
func (p sbdPlan) settings(node string) string {
	watchdog, devices := p.watchdogs[node], p.devices[node]
	if watchdog == "" {
		watchdog = p.watchdogs[""]
	}
	if watchdog == "" {
		watchdog = "/dev/watchdog"
	}
	if devices == nil {
		devices = p.devices[""]
	}
	return fmt.Sprintf("SBD_DEVICE=\"%s\"\nSBD_WATCHDOG_DEV=%s\n%s\n", strings.Join(devices, ";"), watchdog, strings.Join(p.options, "\n"))
}

func enableSBD(s *session) error {
	plan, err := parseSBD(s.args)
	if err != nil {
		return err
	}
	return s.changeSBD(plan.settings, "enabled")
}

func disableSBD(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	return s.changeSBD(func(string) string { return "" }, "disabled")
}

func (s *session) changeSBD(settings func(node string) string, done string) error {
	daemon := client.New("")
	status, err := daemon.Status(contextOf())
	if err != nil {
		return err
	}
	change := client.SBDChange{Settings: map[string]string{}, Trust: s.opts.has("no-watchdog-validation")}
	for _, h := range status.Hosts {
		change.Settings[h.Name] = settings(h.Name)
	}
	hosts, err := daemon.ChangeSBD(contextOf(), change)
	if err != nil {
		return err
	}
	failed := 0
	for _, h := range hosts {
		if h.Problem != "" {
			fmt.Fprintf(s.stderr, "Error: %s: %s\n", h.Host, h.Problem)
			failed++
			continue
		}
		s.printf("%s: sbd %s\n", h.Host, done)
	}
	fmt.Fprintln(s.stderr, "Warning: Cluster restart is required in order to apply these changes.")
	if failed > 0 && !s.opts.has("skip-offline") {
		return fmt.Errorf("%d of %d nodes were not changed; --skip-offline lets that be", failed, len(hosts))
	}
	return nil
}

func statusSBD(s *session) error {
	hosts, err := client.New("").SBD(contextOf())
	if err != nil {
		return err
	}
	word := map[bool]string{true: "YES", false: " NO"}
	s.printf("SBD STATUS\n<node name>: <installed> | <enabled> | <running>\n")
	for _, h := range hosts {
		if h.Problem != "" {
			s.printf("%s: N/A | N/A | N/A (%s)\n", h.Host, h.Problem)
			continue
		}
		s.printf("%s: YES | %s | %s\n", h.Host, word[h.Enabled], word[h.Running])
	}
	self, err := client.New("").Status(contextOf())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(hosts, func(h client.SBDHost) bool { return h.Host == self.Host })
	if i < 0 {
		return nil
	}
	for _, path := range hosts[i].Disks {
		s.printf("\nMessages list on device '%s':\n", path)
		if err := s.sbd("-d", path, "list"); err != nil {
			io.WriteString(s.stdout, "<unknown>\n")
		}
		if s.opts.has("full") {
			s.printf("\nSBD header on device '%s':\n", path)
			if err := s.sbd("-d", path, "dump"); err != nil {
				io.WriteString(s.stdout, "<unknown>\n")
			}
		}
	}
	return nil
}

func configSBD(s *session) error {
	hosts, err := client.New("").SBD(contextOf())
	if err != nil {
		return err
	}
	for _, h := range hosts {
		switch {
		case h.Problem != "":
			s.printf("%s: %s\n", h.Host, h.Problem)
		case !h.Enabled:
			s.printf("%s: sbd is off\n", h.Host)
		default:
			s.printf("%s: %s\n", h.Host, h.Path)
			for _, v := range h.Values {
				s.printf("  %s=%s\n", v.Name, v.Value)
			}
		}
	}
	return nil
}

func setupSBDDevice(s *session) error {
	letters := map[string]string{"watchdog-timeout": "-1", "allocate-timeout": "-2", "loop-timeout": "-3", "msgwait-timeout": "-4"}
	var args []string
	devices := 0
	for _, word := range s.args {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case ok && name == "device":
			args = append(args, "-d", value)
			devices++
		case ok && letters[name] != "":
			args = append(args, letters[name], value)
		default:
			return usageError{fmt.Sprintf("'%s': device, watchdog-timeout, allocate-timeout, loop-timeout or msgwait-timeout was expected", word)}
		}
	}
	if devices == 0 {
		return usageError{"no device is given"}
	}
	if !s.force() {
		return errors.New("all content on the devices will be overwritten, use --force to override")
	}
	return s.sbd(append(args, "create")...)
}

func messageSBD(s *session) error {
	if len(s.args) != 3 {
		return errUsage
	}
	return s.sbd("-d", s.args[0], "message", s.args[1], s.args[2])
}

func testWatchdog(s *session) error {
	if len(s.args) > 1 {
		return errUsage
	}
	if !s.force() {
		return errors.New("this resets the node if its watchdog works, use --force to override")
	}
	args := []string{"test-watchdog"}
	if len(s.args) == 1 {
		args = append([]string{"-w", s.args[0]}, args...)
	}
	return s.sbd(args...)
}
