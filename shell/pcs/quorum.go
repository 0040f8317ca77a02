package pcs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func quorumCommands() []command {
	return []command{
		{path: "quorum", options: "corosync_conf", run: showQuorum},
		{path: "quorum config", help: "Shows how quorum is configured.", options: "corosync_conf", run: showQuorum},
		{path: "quorum status", help: "Shows whether this host's view has quorum.", run: showVotes},
		{path: "status quorum", run: showVotes},
		{path: "quorum expected-votes", syntax: "VOTES", help: "Sets the votes that quorum is counted against, until all hosts are together again.", run: expectVotes},
		{path: "quorum unblock", help: "Stops waiting for hosts that have not been seen. They must be off.", options: "force", run: unblock},
		{path: "quorum device status", help: "Shows how the quorum device votes.", options: "full", run: deviceStatus},
		{path: "quorum update", syntax: "OPTION=VALUE...", help: "Changes options of quorum in a file.", options: "corosync_conf skip-offline force", run: updateQuorum},
		{path: "quorum device add", syntax: "[OPTION=VALUE...] model net OPTION=VALUE... [heuristics OPTION=VALUE...]", help: "Adds a quorum device to a file.", options: "corosync_conf skip-offline force", run: addDevice},
		{path: "quorum device update", syntax: "[OPTION=VALUE...] [model OPTION=VALUE...] [heuristics OPTION=VALUE...]", help: "Changes the quorum device of a file.", options: "corosync_conf skip-offline force", run: updateDevice},
		{path: "quorum device delete", options: "corosync_conf skip-offline", run: deleteDevice},
		{path: "quorum device remove", help: "Removes the quorum device from a file.", options: "corosync_conf skip-offline", run: deleteDevice},
		{path: "quorum device heuristics delete", options: "corosync_conf skip-offline", run: deleteHeuristics},
		{path: "quorum device heuristics remove", help: "Removes the quorum device's heuristics from a file.", options: "corosync_conf skip-offline", run: deleteHeuristics},
	}
}

// What corosync-qdevice(8) lets be configured.
var (
	deviceRules = map[string]optionRule{"sync_timeout": positive, "timeout": positive}
	modelRules  = map[string]optionRule{
		"algorithm": oneOf("ffsplit", "lms"), "connect_timeout": number(1000, 2*60*1000, "1000 to 120000 milliseconds"),
		"force_ip_version": oneOf("0", "4", "6"), "host": anything, "port": portNumber, "tie_breaker": anything,
	}
	diskRules       = map[string]optionRule{"path": anything}
	heuristicsRules = map[string]optionRule{"interval": positive, "mode": oneOf("off", "on", "sync"), "sync_timeout": positive, "timeout": positive}
)

// checkDevice checks options of a quorum device; --force accepts what is not known.
func (r *reports) checkDevice(what string, given pairs, rules map[string]optionRule, removable bool) {
	for _, p := range given {
		rule, ok := rules[p.name]
		switch {
		case strings.ContainsAny(p.name+p.value, "{}\n\r"):
			r.fail("%s option %s='%s': braces and new lines cannot be stored", what, p.name, p.value)
		case what == "heuristics" && strings.HasPrefix(p.name, "exec_"):
			if !optionName().MatchString(p.name) {
				r.fail("heuristics option '%s': letters, digits, '/', '_' and '-' were expected", p.name)
			}
		case !ok:
			r.check("'%s' is not a %s option; %s are", p.name, what, quoted(slices.Collect(maps.Keys(rules))))
		case p.value == "" && removable && p.name != "host" && p.name != "algorithm":
		case !rule.fits(p.value):
			r.either(p.value != "", "%s option %s='%s': %s was expected", what, p.name, p.value, rule.want)
		}
	}
}

var optionName = pattern(`^[A-Za-z0-9/_-]+$`)

// deviceWords are the options of a call in its three parts.
type deviceWords struct {
	model                      string
	generic, inner, heuristics pairs
	hasHeuristics              bool
}

// parseDevice reads [OPTION=VALUE…] [model [NAME] OPTION=VALUE…] [heuristics OPTION=VALUE…].
func parseDevice(words []string, named bool) (*deviceWords, error) {
	parts := sections(words, "model", "heuristics")
	d := &deviceWords{}
	if named {
		model, ok := gather(parts, "model")
		if !ok || len(model) == 0 || strings.Contains(model[0], "=") {
			return nil, usageError{"the device's model is missing: model net was expected"}
		}
		for i := range parts {
			if parts[i].keyword == "model" && d.model == "" && len(parts[i].words) > 0 {
				d.model, parts[i].words = parts[i].words[0], parts[i].words[1:]
			}
		}
	}
	if words, given := gather(parts, "heuristics"); given && len(words) == 0 {
		return nil, errors.New("the options of the heuristics are missing")
	}
	generic, err := parsePairs(parts[0].words)
	if err != nil {
		return nil, err
	}
	rest, _, err := parseSections(parts)
	if err != nil {
		return nil, err
	}
	if generic.has("model") {
		return nil, errors.New("'model' is no option of the device; it stands alone, with the model's options after it")
	}
	d.generic, d.inner = generic, rest["model"]
	d.heuristics, d.hasHeuristics = rest["heuristics"], len(rest["heuristics"]) > 0
	return d, nil
}

func (d *deviceWords) check(s *session, conf *confSection, model string, update bool) error {
	r := s.reports()
	switch model {
	case "disk":
		r.checkDevice("model", d.inner, diskRules, update)
		if !update && !d.inner.has("path") {
			r.fail("model disk needs the option path")
		}
	case "net":
		r.checkDevice("model", d.inner, modelRules, update)
		ids := []string{"highest", "lowest"}
		for _, n := range conf.confNodes() {
			ids = append(ids, n.options.value("nodeid"))
		}
		if tie := d.inner.value("tie_breaker"); tie != "" && !slices.Contains(ids, tie) {
			r.check("model option tie_breaker='%s': one of %s was expected", tie, quoted(ids))
		}
		for _, name := range []string{"algorithm", "host"} {
			if !update && !d.inner.has(name) {
				r.fail("model net needs the option %s", name)
			}
		}
	default:
		r.check("model '%s': net or disk was expected", model)
	}
	r.checkDevice("device", d.generic, deviceRules, update)
	r.checkDevice("heuristics", d.heuristics, heuristicsRules, update)
	if d.hasHeuristics && !update && !slices.ContainsFunc(d.heuristics, func(p pair) bool { return strings.HasPrefix(p.name, "exec_") }) {
		s.warn("no exec_NAME option says what to run, so the heuristics do nothing")
	}
	return r.err()
}

// device is the quorum device that conf has, nil without one.
func (c *confSection) device() *confSection {
	for _, q := range c.all("quorum") {
		for _, d := range q.all("device") {
			if d.options.has("model") {
				return d
			}
		}
	}
	return nil
}

func (s *session) configuredDevice() (*confSection, *confSection, error) {
	conf, err := s.conf()
	if err != nil {
		return nil, nil, err
	}
	d := conf.device()
	if d == nil {
		return nil, nil, errors.New("the cluster has no quorum device")
	}
	return conf, d, nil
}

func addDevice(s *session) error {
	d, err := parseDevice(s.args, true)
	if err != nil {
		return err
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	if conf.device() != nil {
		return errors.New("the cluster has a quorum device already")
	}
	if err := d.check(s, conf, d.model, false); err != nil {
		return err
	}
	quorum := conf.ensure("quorum")
	quorum.drop(func(c *confSection) bool { return c.name == "device" })
	for _, name := range append([]string{"allow_downscale", "two_node"}, withoutDevice...) {
		quorum.set(name, "")
	}
	device := quorum.add(&confSection{name: "device", options: d.generic.sorted()})
	device.set("model", d.model)
	device.fitVotes(d.model, d.inner)
	device.add(&confSection{name: d.model, options: d.inner.sorted()})
	if d.hasHeuristics {
		device.add(&confSection{name: "heuristics", options: d.heuristics.sorted()})
	}
	return s.storeConf(conf)
}

// fitVotes gives the device the one vote that algorithm ffsplit has.
func (c *confSection) fitVotes(model string, options pairs) {
	if model == "net" && options.value("algorithm") == "ffsplit" || model == "disk" {
		c.set("votes", "1")
	} else if options.has("algorithm") {
		c.set("votes", "")
	}
}

func updateDevice(s *session) error {
	d, err := parseDevice(s.args, false)
	if err != nil {
		return err
	}
	if len(d.generic)+len(d.inner)+len(d.heuristics) == 0 {
		return errUsage
	}
	conf, device, err := s.configuredDevice()
	if err != nil {
		return err
	}
	model := device.options.value("model")
	if err := d.check(s, conf, model, true); err != nil {
		return err
	}
	update := func(c *confSection, changes pairs) {
		for _, p := range changes.sorted() {
			c.set(p.name, p.value)
		}
	}
	update(device, d.generic)
	if len(d.inner) > 0 {
		update(device.ensure(model), d.inner)
		device.fitVotes(model, d.inner)
	}
	if d.hasHeuristics {
		update(device.ensure("heuristics"), d.heuristics)
		device.drop(func(c *confSection) bool { return c.name == "heuristics" && len(c.options) == 0 })
	}
	return s.storeConf(conf)
}

func deleteDevice(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	conf, _, err := s.configuredDevice()
	if err != nil {
		return err
	}
	for _, q := range conf.all("quorum") {
		q.drop(func(c *confSection) bool { return c.name == "device" })
	}
	conf.fitTwoNode()
	return s.storeConf(conf)
}

func deleteHeuristics(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	conf, device, err := s.configuredDevice()
	if err != nil {
		return err
	}
	device.drop(func(c *confSection) bool { return c.name == "heuristics" })
	return s.storeConf(conf)
}

// withoutDevice are the options of votequorum that exclude a quorum device.
var withoutDevice = []string{"auto_tie_breaker", "last_man_standing", "last_man_standing_window"}

// checkQuorumOptions refuses options that do not go together, or not with the quorum device.
func checkQuorumOptions(conf *confSection, changes pairs) error {
	result := func(name string) string {
		if value, changed := changes.get(name); changed {
			return value
		}
		return conf.setting("quorum", name)
	}
	for _, p := range changes {
		if conf.device() != nil && p.value != "" && slices.Contains(withoutDevice, p.name) {
			return fmt.Errorf("%s cannot be set while there is a quorum device; 'pcs quorum device remove' ends that", p.name)
		}
	}
	if result("last_man_standing_window") != "" && result("last_man_standing") != "1" {
		return errors.New("last_man_standing_window means something with last_man_standing=1 alone")
	}
	return nil
}

func updateQuorum(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	changes, err := parsePairs(s.args)
	if err != nil {
		return err
	}
	r := s.reports()
	r.applyRules("quorum", changes, quorumRules, true)
	if err := r.err(); err != nil {
		return err
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	if err := checkQuorumOptions(conf, changes); err != nil {
		return err
	}
	quorum := conf.ensure("quorum")
	for _, p := range changes {
		quorum.set(p.name, p.value)
	}
	conf.fitTwoNode()
	return s.storeConf(conf)
}

func showQuorum(s *session) error {
	conf, err := s.conf()
	if err != nil {
		return err
	}
	show := func(indent string, list pairs, hidden ...string) {
		for _, p := range list.without(hidden...).sorted() {
			s.printf("%s%s: %s\n", indent, p.name, p.value)
		}
	}
	s.printf("Options:\n")
	for _, name := range slices.Sorted(maps.Keys(quorumRules)) {
		if value := conf.setting("quorum", name); value != "" {
			s.printf("  %s: %s\n", name, value)
		}
	}
	device := conf.device()
	if device == nil {
		return nil
	}
	model := device.options.value("model")
	s.printf("Device:\n")
	show("  ", device.options, "model")
	s.printf("  Model: %s\n", model)
	for _, c := range device.all(model) {
		show("    ", c.options)
	}
	if h := device.first("heuristics"); h != nil {
		s.printf("  Heuristics:\n")
		show("    ", h.options)
	}
	return nil
}

// showVotes asks the daemon about the view that this host is in.
