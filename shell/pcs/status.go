package pcs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/cibtool"
	"holdfast/shell/tools/monitor"
)

func statusCommands() []command {
	return []command{
		{path: "status", syntax: "[--full] [--hide-inactive]", help: "Shows the cluster, its nodes and resources.", document: true, options: "f full hide-inactive corosync_conf", run: showStatus},
		{path: "status status", document: true, options: "f full hide-inactive corosync_conf", run: showStatus},
		{path: "status cluster", help: "Shows the cluster in short.", document: true, options: "f", run: showCluster},
		{path: "status resources", syntax: "[ID | TAG] [node=NODE] [--hide-inactive]", help: "Shows resources.", document: true, options: "f hide-inactive full groups", run: resourcesStatusOlder},
		{path: "status nodes", syntax: "[corosync|both|config]", help: "Shows nodes.", document: true, options: "f corosync_conf", run: showNodes},
		{path: "status xml", help: "Shows all of it as XML.", document: true, options: "f", run: showStatusXML},
		{path: "status pcsd", help: "Says whether hosts' daemons answer.", run: func(s *session) error { return s.showDaemons() }},
		{path: "cluster status", help: "Shows the cluster in short.", document: true, options: "f", run: showCluster},
		{path: "cluster pcsd-status", help: "Says whether hosts' daemons answer.", run: func(s *session) error { return s.showDaemons() }},
	}
}

func showResources(s *session) error { return s.showActivity(false) }
func showFencing(s *session) error   { return s.showActivity(true) }

// showActivity prints resources, or fence devices, with where they run: all of them, or those of
// one id or tag.
func (s *session) showActivity(fencing bool) error {
	var named, node string
	for _, word := range s.args {
		value, ok := strings.CutPrefix(word, "node=")
		switch {
		case ok && value == "":
			return errors.New("'node=' has no value: node=NODE was expected")
		case ok && node != "" && node != value:
			return fmt.Errorf("option 'node' is given twice, as '%s' and '%s'", node, value)
		case ok:
			node = value
		case strings.Contains(word, "="):
			return fmt.Errorf("'%s': ID, TAG or node=NODE was expected", word)
		case named != "":
			return fmt.Errorf("'%s': one resource or tag can be shown, and '%s' is named already", word, named)
		default:
			named = word
		}
	}
	args := []string{"--one-shot", "--exclude=all", "--include=resources"}
	if !s.opts.has("hide-inactive") {
		args = append(args, "--inactive")
	}
	if node != "" {
		args = append(args, "--node="+node)
	}
	if named != "" {
		if e := s.find(named); e == nil || e.Name != "tag" && !isResource(e) {
			return fmt.Errorf("resource or tag '%s' does not exist", named)
		}
		args = append(args, "--resource="+named)
	}
	text, err := monitor.Show(args, s.doc, s.now)
	if err != nil {
		return err
	}
	s.printActivity(text, activity{everything: named != "", anyNode: node == "", fencing: fencing})
	if fencing && len(s.args) == 0 {
		return s.showTopology()
	}
	return nil
}

// activity is what of the monitor's list is wanted: everything, or nothing but fence devices, or all but these.
type activity struct {
	everything, fencing bool
	anyNode             bool // not that of one node alone
}

// printActivity prints what the monitor listed, without its heading.
func (s *session) printActivity(text string, wanted activity) {
	everything, fencing := wanted.everything, wanted.fencing
	shown := false
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		_, agent, isPrimitive := strings.Cut(line, "\t(")
		device := isPrimitive && strings.HasPrefix(agent, "stonith:")
		if i == 0 || line == "" || !strings.HasPrefix(strings.TrimSpace(line), "*") || !everything && device != fencing {
			continue
		}
		if strings.TrimSpace(line) == "* No resources" || strings.TrimSpace(line) == "* No active resources" {
			continue
		}
		shown = true
		s.printf("%s\n", line)
	}
	configured := len(s.topResources(fencing)) > 0
	switch {
	case shown:
	case configured || everything || !wanted.anyNode || s.opts.has("hide-inactive"):
		s.printf("No active resources\n")
	case fencing:
		s.printf("NO stonith devices configured\n")
	default:
		s.printf("NO resources configured\n")
	}
}

// showTopology prints the fence levels below a heading; nothing without any.
func (s *session) showTopology() error {
	if s.doc.Section("fencing-topology").Child("fencing-level") == nil {
		return nil
	}
	s.printf("\nFencing Levels:\n")
	return s.listLevels(" ")
}

// showNodes lists nodes by their state, members and remote ones apart.
func showNodes(s *session) error {
	if len(s.args) > 0 {
		return s.showHosts()
	}
	titles := []string{"Online", "Standby", "Standby with resource(s) running", "Maintenance", "Offline"}
	status := scheduler.Observe(s.doc, s.now)
	for _, group := range []struct {
		title string
		kind  func(scheduler.NodeKind) bool
	}{
		{"Pacemaker Nodes", func(k scheduler.NodeKind) bool { return k == scheduler.MemberNode }},
		{"Pacemaker Remote Nodes", func(k scheduler.NodeKind) bool { return k != scheduler.MemberNode }},
	} {
		lists := map[string][]string{}
		for _, n := range status.Nodes {
			if group.kind(n.Kind) {
				lists[stateTitle(n)] = append(lists[stateTitle(n)], n.Name)
			}
		}
		s.printf("%s:\n", group.title)
		for _, title := range titles {
			s.printf("%s\n", strings.TrimRight(" "+title+": "+strings.Join(lists[title], " "), " "))
		}
	}
	return nil
}

func stateTitle(n *scheduler.NodeStatus) string {
	switch {
	case !n.Online:
		return "Offline"
	case n.Maintenance:
		return "Maintenance"
	case n.Standby && n.ActiveResources > 0:
		return "Standby with resource(s) running"
	case n.Standby:
		return "Standby"
	}
	return "Online"
}

// showHosts lists the hosts of corosync.conf beside the document's nodes.
func (s *session) showHosts() error {
	conf, err := s.conf()
	if err != nil {
		return err
	}
	switch s.args[0] {
	case "config":
		s.printf("Corosync Nodes:\n %s\n", strings.Join(conf.hostNames(), " "))
		s.printf("Pacemaker Nodes:\n %s\n", strings.Join(s.members(), " "))
		return nil
	case "corosync", "both":
		status, err := client.New("").Status(contextOf())
		if err != nil {
			return err
		}
		var on, off []string
		for _, h := range status.Hosts {
			if slices.Contains(status.View.Members, h.ID) {
				on = append(on, h.Name)
			} else {
				off = append(off, h.Name)
			}
		}
		s.printf("Corosync Nodes:\n Online: %s\n Offline: %s\n", strings.Join(on, " "), strings.Join(off, " "))
		if s.args[0] == "both" {
			s.args = nil
			return showNodes(s)
		}
		return nil
	}
	return usageError{fmt.Sprintf("'%s': corosync, both or config was expected", s.args[0])}
}

func showStatusXML(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	text, err := monitor.Show([]string{"--one-shot", "--inactive", "--output-as", "xml"}, s.doc, s.now)
	if err == nil {
		s.printf("%s", text)
	}
	return err
}

// showCluster prints the summary and the nodes, and whose daemons answer.
func showCluster(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	text, err := monitor.Show([]string{"--one-shot", "--exclude=all", "--include=summary,nodes"}, s.doc, s.now)
	if err != nil {
		return err
	}
	s.printf("Cluster Status:\n")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if line != "" {
			s.printf(" %s\n", line)
		}
	}
	if s.source.Live() {
		s.printf("\nPCSD Status:\n")
		return s.showDaemons()
	}
	return nil
}

// showDaemons says of each host of corosync.conf whether its daemon answers.
func (s *session) showDaemons() error {
	conf, err := s.conf()
	if err != nil {
		return err
	}
	known, err := knownHosts()
	if err != nil {
		return err
	}
	own, _ := os.Hostname()
	names := conf.hostNames()
	if s.cmd.path == "pcsd status" || s.cmd.path == "status pcsd" {
		if len(s.args) > 0 {
			names = s.args
		}
	}
	for _, name := range names {
		state := "Online"
		if _, ok := known.Hosts[name]; !ok && name != own {
			state = "Unable to authenticate"
		} else if hosts, err := callers([]string{name}); err != nil {
			state = "Offline"
		} else if _, err := hosts[name].State(contextOf()); err != nil {
			state = "Offline"
		}
		s.printf("  %s: %s\n", name, state)
	}
	return nil
}

// showStatus prints everything: what is wrong first, then what crm_mon shows.
func showStatus(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	if s.opts.has("f") != s.opts.has("corosync_conf") {
		return errors.New("-f and --corosync_conf go together: the name of the cluster is in corosync.conf; give both or neither")
	}
	if s.opts.has("full") && s.opts.has("hide-inactive") {
		return errors.New("--full and --hide-inactive exclude each other")
	}
	name := ""
	if conf, err := s.conf(); err == nil {
		name = conf.setting("totem", "cluster_name")
	}
	if err := s.printStatus(name); err != nil {
		return err
	}
	if s.live() {
		s.printf("%s", monitor.LiveFencing(s.opts.has("full")))
	}
	s.printTickets()
	if !s.live() {
		return nil
	}
	if s.opts.has("full") {
		s.printf("\nPCSD Status:\n")
		if err := s.showDaemons(); err != nil {
			return err
		}
	}
	s.printf("\nDaemon Status:\n  holdfast: active\n")
	return nil
}

// live says whether the document is a running cluster's, of this host.
func (s *session) live() bool { return s.source != nil && s.source.Live() }

// printStatus prints what a document tells of its cluster: what is wrong first, then what crm_mon shows.
func (s *session) printStatus(name string) error {
	s.printf("Cluster name: %s\n", name)
	if warnings := s.warnings(); len(warnings) > 0 {
		s.printf("\nWARNINGS:\n%s\n\n", strings.Join(warnings, "\n"))
	}
	args := []string{"--one-shot"}
	if !s.opts.has("hide-inactive") {
		args = append(args, "--inactive")
	}
	if s.opts.has("full") {
		args = append(args, "--show-detail", "--show-node-attributes", "--failcounts")
	}
	text, err := monitor.Show(args, s.doc, s.now)
	if err != nil {
		return err
	}
	s.printf("%s\n", strings.TrimRight(text, "\n"))
	return nil
}

// printTickets lists the tickets with --full, below a heading that stands there without any, too.
func (s *session) printTickets() {
	if !s.opts.has("full") {
		return
	}
	var list strings.Builder
	cibtool.ListTickets(&list, s.doc)
	s.printf("\nTickets:\n")
	for line := range strings.Lines(list.String()) {
		s.printf("  %s", line)
	}
}

// warnings are what pcs says before the status: what keeps fencing from working.
func (s *session) warnings() []string {
	var out, action, method []string
	devices := 0
	for _, p := range primitives(s.doc.Section("resources")) {
		if p.Get("class") != "stonith" {
			continue
		}
		devices++
		for set := range p.All("instance_attributes") {
			if nv := set.Pair("action"); nv != nil && nv.Get("value") != "" {
				action = append(action, p.ID())
			}
			if nv := set.Pair("method"); nv != nil && nv.Get("value") == "cycle" {
				method = append(method, p.ID())
			}
		}
	}
	if devices == 0 && s.fencingEnabled() {
		out = append(out, "No stonith devices and stonith-enabled is not false")
	}
	if s.live() {
		if state, err := client.New("").Status(context.Background()); err == nil {
			out = append(out, state.Missing...)
		}
	}
	if moved := s.moved(); len(moved) > 0 {
		out = append(out, "Resources are held where a move or ban put them: "+quoted(moved), "'pcs constraint location' shows the constraints, 'pcs resource clear ID' takes them away")
	}
	if len(action) > 0 {
		out = append(out, "Following stonith devices have the 'action' option set, it is recommended to set 'pcmk_off_action', 'pcmk_reboot_action' instead: "+quoted(action))
	}
	if len(method) > 0 {
		out = append(out, "Following stonith devices have the 'method' option set to 'cycle' which is potentially dangerous, please consider using 'onoff': "+quoted(method))
	}
	return out
}

// moved are the resources that a constraint of 'resource move' or 'resource ban' still binds.
func (s *session) moved() []string {
	var out []string
	for c := range s.doc.Section("constraints").All("rsc_location") {
		if c.Get("rsc") != "" && (strings.HasPrefix(c.ID(), "cli-prefer-") || strings.HasPrefix(c.ID(), "cli-ban-")) && (c.Child("rule") == nil || !s.allExpired(c)) {
			out = append(out, c.Get("rsc"))
		}
	}
	return out
}

// fencingEnabled reads the property; lost hosts are fenced unless it says otherwise.
func (s *session) fencingEnabled() bool {
	nv := s.doc.Section("crm_config").PairIn("cluster_property_set", "stonith-enabled")
	return nv == nil || cib.ParseBool(nv.Get("value"), false)
}
