package pcs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/cluster/messaging/witness/serve"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/votes"
	"holdfast/shell/witness"
)

func unitCommands() []command {
	device := func(verb string) func(*session) error {
		return func(s *session) error {
			if err := s.netModel(); err != nil {
				return err
			}
			return s.systemctl(verb, witnessUnit)
		}
	}
	booth := func(verb string) func(*session) error {
		return func(s *session) error { return s.systemctl(verb, "booth@"+s.boothName()+".service") }
	}
	return []command{
		{path: "qdevice setup", syntax: "model net [--enable] [--start]", help: "Makes the keys of a witness on this machine; 'holdfast witness --setup CLUSTER' invites clusters.", options: "enable start", run: setUpWitness},
		{path: "qdevice destroy", syntax: "net", help: "Stops the witness on this machine and removes its keys.", options: "force", run: destroyWitness},
		{path: "qdevice status", syntax: "net [--full] [CLUSTER]", help: "Shows what the witness on this machine knows.", options: "full", run: witnessStatus},
		{path: "qdevice start", syntax: "net", help: "Starts the witness on this machine.", run: device("start")},
		{path: "qdevice stop", syntax: "net", help: "Stops it.", options: "force", run: device("stop")},
		{path: "qdevice kill", syntax: "net", help: "Ends it at once.", run: device("kill")},
		{path: "qdevice enable", syntax: "net", help: "Starts it when the machine boots.", run: device("enable")},
		{path: "qdevice disable", syntax: "net", help: "Does not start it then.", run: device("disable")},
		{path: "status qdevice", syntax: "net [--full] [CLUSTER]", help: "Shows what the witness on this machine knows.", options: "full", run: witnessStatus},
		{path: "status corosync", help: "Shows the hosts that reach each other, with their votes.", run: showMembership},
		{path: "booth start", help: "Starts booth's arbitrator on this machine.", options: "name", run: booth("start")},
		{path: "booth stop", help: "Stops it.", options: "name", run: booth("stop")},
		{path: "booth enable", help: "Starts it when the machine boots.", options: "name", run: booth("enable")},
		{path: "booth disable", help: "Does not start it then.", options: "name", run: booth("disable")},
		{path: "cluster report", syntax: "[--from TIME [--to TIME]] FILE", help: "Packs configuration, status and events of the cluster into an archive.\nExample: pcs cluster report --from \"2026-01-31 10:00\" /tmp/incident", options: "from to force", run: writeReport},
	}
}

// witnessUnit is the systemd unit of `holdfast witness`.
const witnessUnit = "holdfast-witness.service"

// systemctl has systemd do something about a unit of this machine.
func (s *session) systemctl(verb, unit string) error {
	args := []string{verb, unit}
	if verb == "kill" {
		args = []string{"kill", "--signal=KILL", unit}
	}
	said, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(said)))
	}
	done := map[string]string{"start": "started", "stop": "stopped", "kill": "killed", "enable": "enabled", "disable": "disabled"}
	s.note("%s: %s", unit, done[verb])
	return nil
}

// netModel checks that the call is about model net, the only one that there is.
func (s *session) netModel() error {
	if len(s.args) == 0 {
		return usageError{"the model is missing: net"}
	}
	if s.args[0] != "net" {
		return fmt.Errorf("'%s' is not a valid model value, use 'net'", s.args[0])
	}
	s.args = s.args[1:]
	return nil
}

func witnessKeys() string { return filepath.Join(client.Root(""), "var/lib/holdfast/witness") }

func setUpWitness(s *session) error {
	if len(s.args) == 0 || s.args[0] != "model" {
		return usageError{"model net was expected"}
	}
	s.args = s.args[1:]
	if err := s.netModel(); err != nil {
		return err
	}
	if err := (serve.Keys{Dir: witnessKeys()}).Setup(); err != nil {
		return err
	}
	s.note("Quorum device 'net' initialized; 'holdfast witness --setup CLUSTER' makes an invitation for a cluster")
	for _, verb := range []string{"enable", "start"} {
		if s.opts.has(verb) {
			if err := s.systemctl(verb, witnessUnit); err != nil {
				return err
			}
		}
	}
	return nil
}

func destroyWitness(s *session) error {
	if err := s.netModel(); err != nil {
		return err
	}
	if status, err := serve.Ask(contextOf(), client.Root(""), ""); err == nil && len(status.Clusters) > 0 {
		if err := s.forceable("clusters ask this witness; 'pcs quorum device remove' in them first"); err != nil {
			return err
		}
	}
	for _, verb := range []string{"stop", "disable"} {
		if err := s.systemctl(verb, witnessUnit); err != nil {
			s.warn("%v", err)
		}
	}
	if err := os.RemoveAll(witnessKeys()); err != nil {
		return fmt.Errorf("remove the witness' keys: %w", err)
	}
	s.note("Quorum device 'net' configuration files removed")
	return nil
}

// witnessStatus prints the witness as a whole, then the clusters that ask it.
func witnessStatus(s *session) error {
	if err := s.netModel(); err != nil {
		return err
	}
	if len(s.args) > 1 {
		return errUsage
	}
	list := []string{"-l"}
	if len(s.args) == 1 {
		list = append(list, "-c", s.args[0])
	}
	for _, args := range [][]string{{"-s"}, list} {
		if s.opts.has("full") {
			args = append(args, "-v")
		}
		var said bytes.Buffer
		if witness.QnetdTool(args, nil, s.stdout, &said) != 0 {
			return errors.New(strings.TrimSpace(said.String()))
		}
	}
	return nil
}

func showMembership(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	q, err := client.New("").Quorum(contextOf())
	if err != nil {
		return err
	}
	s.printf("\n%s\n", strings.TrimSpace(votes.Members(q, votes.Style{})))
	return nil
}

// writeReport runs this program as `crm report`, which collects what there is to know.
func writeReport(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	if s.opts.has("to") && !s.opts.has("from") {
		return errors.New("--to needs --from")
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	args := []string{"crm", "report"}
	for _, o := range []string{"from", "to"} {
		if at, ok := s.opts[o]; ok {
			args = append(args, "-"+o[:1], at)
		}
	}
	if !s.opts.has("from") {
		args = append(args, "-f", "24h")
	}
	cmd := exec.Command(self, append(args, s.args[0])...)
	cmd.Stdout, cmd.Stderr = s.stdout, s.stderr
	if err := cmd.Run(); err != nil {
		return exitCode(1)
	}
	return nil
}
